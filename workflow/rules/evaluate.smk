"""Deployed model -> predictions -> scores; where the task chooses the model, routes before them."""

if plan.words:

    rule route:
        input:
            words=seen_words,
            cells=test_skills,
        output:
            paths.routes,
        log:
            f"{paths.logs}/route/{{answers}}.log",
        benchmark:
            f"{paths.benchmarks}/route/{{answers}}.tsv"
        group:
            light_group("lists")
        conda:
            ENVIRONMENT
        threads: study.resources.light.threads
        resources:
            mem_mb=grown(study.resources.light.mem_mb),
            runtime=grown(study.resources.light.runtime),
        params:
            cells=lambda wildcards: plan.cell_arguments(answers_of(wildcards).cells),
            tasks=study.stream.tasks,
            code=code("verbs.route"),
        shell:
            "python -m continual_vqa route --words {input.words:q} --cells {params.cells:q}"
            " --tasks {params.tasks} --out {output:q} > {log:q} 2>&1"


rule predict:
    input:
        base=paths.base_model,
        models=answering,
        routes=routes_of,
        cells=test_skills,
    output:
        paths.predictions,
    log:
        f"{paths.logs}/predict/{{answers}}.log",
    benchmark:
        paths.predict_cost
    group:
        stage_group(answered_by)
    conda:
        ENVIRONMENT
    threads: study.resources.predict.all_threads
    resources:
        mem_mb=grown(study.resources.predict.mem_mb),
        runtime=grown(study.resources.predict.runtime),
        gpu=study.resources.predict.gpu,
        processes=study.resources.predict.processes,
    params:
        settings=lambda wildcards: settings(
            stage=plan.stage_settings(answers_of(wildcards).weights),
            evaluation=plan.answering,
            shards=plan.reading,
        ),
        base=subpath(input.base, parent=True),
        models=lambda wildcards: answers_of(wildcards).arguments(paths),
        cells=lambda wildcards: plan.cell_arguments(answers_of(wildcards).cells),
        code=code("verbs.predict", f"backbones.{study.backbone.family}"),
    shell:
        "python -m continual_vqa predict --base {params.base:q} {params.models:q}"
        " --cells {params.cells:q} --settings {params.settings:q}"
        " --threads {threads} --processes {resources.processes} --out {output:q} > {log:q} 2>&1"


rule score:
    input:
        predictions=paths.predictions,
        cells=test_skills,
    output:
        paths.scores,
    log:
        f"{paths.logs}/score/{{answers}}.log",
    benchmark:
        f"{paths.benchmarks}/score/{{answers}}.tsv"
    group:
        stage_group(answered_by)
    conda:
        ENVIRONMENT
    threads: study.resources.light.threads
    resources:
        mem_mb=grown(study.resources.light.mem_mb),
        runtime=grown(study.resources.light.runtime),
    params:
        cells=lambda wildcards: plan.cell_arguments(answers_of(wildcards).cells),
        code=code("verbs.score"),
    shell:
        "python -m continual_vqa score --predictions {input.predictions:q} --cells {params.cells:q}"
        " --out {output:q} > {log:q} 2>&1"


if plan.banks:

    rule adapters:
        input:
            base=paths.base_model,
            models=banked_models,
            cells=banked_skills,
        output:
            paths.bank_use,
        log:
            f"{paths.logs}/adapters/{{stage}}.log",
        benchmark:
            f"{paths.benchmarks}/adapters/{{stage}}.tsv"
        group:
            stage_group(stage_of)
        conda:
            ENVIRONMENT
        threads: study.resources.predict.threads
        resources:
            mem_mb=grown(study.resources.predict.mem_mb),
            runtime=grown(study.resources.predict.runtime),
            gpu=study.resources.predict.gpu,
        params:
            settings=lambda wildcards: settings(
                stage=plan.stage_settings(bank_of(wildcards).weights),
                questions=study.adapters.questions,
                shards=plan.reading,
            ),
            base=subpath(input.base, parent=True),
            model=lambda wildcards: bank_of(wildcards).arguments(paths),
            cells=lambda wildcards: plan.cell_arguments(bank_of(wildcards).cells),
            code=code("verbs.adapters", f"backbones.{study.backbone.family}"),
        shell:
            "python -m continual_vqa adapters --base {params.base:q} {params.model:q}"
            " --cells {params.cells:q} --settings {params.settings:q} --threads {threads}"
            " --out {output:q} > {log:q} 2>&1"


if plan.probes:

    rule probe:
        input:
            base=paths.base_model,
            model=lambda wildcards: probe_of(wildcards).last.path(paths),
            earlier=lambda wildcards: [
                past.path(paths) for past in probe_of(wildcards).past
            ],
            cells=probed_skills,
        output:
            paths.probe_predictions,
        log:
            f"{paths.logs}/probe/{{probe}}.log",
        benchmark:
            f"{paths.benchmarks}/probe/{{probe}}.tsv"
        group:
            stage_group(probed)
        conda:
            ENVIRONMENT
        threads: study.resources.predict.threads
        resources:
            mem_mb=grown(study.resources.predict.mem_mb),
            runtime=grown(study.resources.predict.runtime),
            gpu=study.resources.predict.gpu,
        params:
            settings=lambda wildcards: settings(
                stage=plan.stage_settings(probe_of(wildcards).last),
                evaluation=plan.answering,
                shards=plan.reading,
            ),
            base=subpath(input.base, parent=True),
            part=lambda wildcards: probe_of(wildcards).part,
            earlier=lambda wildcards: plan.earlier_arguments(probe_of(wildcards)),
            cells=lambda wildcards: plan.cell_arguments(probe_of(wildcards).cells),
            code=code("verbs.probe", f"backbones.{study.backbone.family}"),
        shell:
            "python -m continual_vqa probe --base {params.base:q} --model {input.model:q}"
            " --part {params.part} --earlier {params.earlier:q} --cells {params.cells:q}"
            " --settings {params.settings:q} --threads {threads} --out {output:q} > {log:q} 2>&1"

    use rule score as score_probe with:
        input:
            predictions=paths.probe_predictions,
            cells=probed_skills,
        output:
            paths.probe_scores,
        log:
            f"{paths.logs}/score/probe/{{probe}}.log",
        benchmark:
            f"{paths.benchmarks}/score/probe/{{probe}}.tsv"
        group:
            stage_group(probed)
        params:
            cells=lambda wildcards: plan.cell_arguments(probe_of(wildcards).cells),
            code=code("verbs.score"),
