"""One job per stage: a task's groups in order, from the start weights to a checkpoint."""


rule train:
    input:
        base=paths.base_model,
        start=start_model,
        cells=train_cells,
        guards=guard_files,
        memory_cells=memory_cells,
    output:
        model=paths.model,
        curve=paths.curve,
        alignment=paths.alignment,
    log:
        f"{paths.logs}/train/{{stage}}.log",
    benchmark:
        paths.train_cost
    group:
        stage_group(stage_of)
    conda:
        ENVIRONMENT
    threads: study.resources.train.all_threads
    resources:
        mem_mb=grown(study.resources.train.mem_mb),
        runtime=grown(study.resources.train.runtime),
        gpu=study.resources.train.gpu,
        processes=study.resources.train.processes,
        nodes=1,
        sharding=study.resources.train.sharding,
    params:
        settings=lambda wildcards: settings(
            stage=plan.stage_settings(stage_of(wildcards)),
            training=plan.training_of(stage_of(wildcards)),
            shards=plan.reading,
        ),
        base=subpath(input.base, parent=True),
        cells=lambda wildcards: plan.cell_arguments(stage_of(wildcards).cells),
        guards=lambda wildcards: plan.guard_arguments(stage_of(wildcards)),
        scratch=paths.scratch,
        code=code("verbs.train", f"backbones.{study.backbone.family}"),
    shell:
        "python -m continual_vqa train --base {params.base:q} --start {input.start:q} --cells {params.cells:q}"
        " {params.guards:q} --settings {params.settings:q} --threads {threads} --processes {resources.processes}"
        " --nodes {resources.nodes} --sharding {resources.sharding} --scratch {params.scratch:q}"
        " --code {params.code} --out {output.model:q} --curve {output.curve:q} --alignment {output.alignment:q}"
        " > {log:q} 2> >(tee -a {log:q} >&2)"
