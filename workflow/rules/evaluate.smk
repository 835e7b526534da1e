"""Deployed model -> predictions -> scores."""


rule predict:
    input:
        base=paths.base_model,
        model=paths.model,
        cells=test_cells,
    output:
        paths.predictions,
    log:
        f"{paths.logs}/predict/{{stage}}.log",
    benchmark:
        f"{paths.benchmarks}/predict/{{stage}}.tsv"
    conda:
        ENVIRONMENT
    threads: study.resources.predict.threads
    resources:
        mem_mb=grown(study.resources.predict.mem_mb),
        runtime=grown(study.resources.predict.runtime),
        gpu=study.resources.predict.gpu,
    params:
        settings=lambda wildcards: settings(
            stage=plan.stage_settings(stage_of(wildcards)),
            evaluation=study.evaluation,
            shards=plan.reading,
        ),
        base=subpath(input.base, parent=True),
        cells=lambda wildcards: plan.cell_arguments(stage_of(wildcards).test_cells),
        code=code("verbs.predict", f"backbones.{study.backbone.family}"),
    shell:
        "python -m continual_vqa predict --base {params.base:q} --model {input.model:q}"
        " --cells {params.cells:q} --settings {params.settings:q} --threads {threads}"
        " --out {output:q} > {log:q} 2>&1"


rule score:
    input:
        predictions=paths.predictions,
        cells=test_cells,
    output:
        paths.scores,
    log:
        f"{paths.logs}/score/{{stage}}.log",
    benchmark:
        f"{paths.benchmarks}/score/{{stage}}.tsv"
    conda:
        ENVIRONMENT
    threads: study.resources.light.threads
    resources:
        mem_mb=grown(study.resources.light.mem_mb),
        runtime=grown(study.resources.light.runtime),
    params:
        dataset=study.data.format,
        cells=lambda wildcards: plan.cell_arguments(stage_of(wildcards).test_cells),
        code=code("verbs.score"),
    shell:
        "python -m continual_vqa score --dataset {params.dataset} --predictions {input.predictions:q}"
        " --cells {params.cells:q} --out {output:q} > {log:q} 2>&1"
