"""What a finished stage leaves for those after it: importance, masks, a memory, words."""


rule importance:
    input:
        base=paths.base_model,
        model=paths.model,
        cells=train_cells,
    output:
        paths.importance,
    log:
        f"{paths.logs}/importance/{{stage}}-{{digest}}.log",
    benchmark:
        f"{paths.benchmarks}/importance/{{stage}}-{{digest}}.tsv"
    group:
        stage_group(importance_of)
    conda:
        ENVIRONMENT
    threads: study.resources.train.all_threads
    resources:
        mem_mb=grown(study.resources.train.mem_mb),
        runtime=grown(study.resources.train.runtime),
        gpu=study.resources.train.gpu,
        processes=study.resources.train.processes,
        nodes=1,
    params:
        settings=lambda wildcards, output: settings(
            stage=plan.stage_settings(stage_of(wildcards)),
            importance=importance_of(wildcards).config,
            training=study.training,
            shards=plan.reading,
        ),
        base=subpath(input.base, parent=True),
        cells=lambda wildcards: plan.cell_arguments(stage_of(wildcards).cells),
        scratch=f"{paths.root}/scratch/importance/{{stage}}-{{digest}}",
        code=code("verbs.importance", f"backbones.{study.backbone.family}"),
    shell:
        "python -m continual_vqa importance --base {params.base:q} --model {input.model:q}"
        " --cells {params.cells:q} --settings {params.settings:q} --threads {threads}"
        " --processes {resources.processes} --nodes {resources.nodes}"
        " --scratch {params.scratch:q} --code {params.code} --out {output:q}"
        " > {log:q} 2> >(tee -a {log:q} >&2)"


rule mask:
    input:
        mask_importances,
    output:
        paths.mask,
    log:
        f"{paths.logs}/mask/{{stage}}-{{digest}}.log",
    benchmark:
        f"{paths.benchmarks}/mask/{{stage}}-{{digest}}.tsv"
    group:
        stage_group(mask_of)
    conda:
        ENVIRONMENT
    threads: study.resources.light.threads
    resources:
        mem_mb=grown(study.resources.light.mem_mb),
        runtime=grown(study.resources.light.runtime),
    params:
        settings=lambda wildcards, output: settings(mask=mask_of(wildcards).settings),
        code=code("verbs.mask"),
    shell:
        "python -m continual_vqa mask --importance {input:q} --settings {params.settings:q}"
        " --out {output:q} > {log:q} 2>&1"


if plan.herded:

    rule herd:
        input:
            base=paths.base_model,
            cell=paths.cell_index,
        output:
            paths.herd,
        log:
            f"{paths.logs}/herd/{{cell}}.log",
        benchmark:
            f"{paths.benchmarks}/herd/{{cell}}.tsv"
        conda:
            ENVIRONMENT
        threads: study.resources.predict.threads
        resources:
            mem_mb=grown(study.resources.predict.mem_mb),
            runtime=grown(study.resources.predict.runtime),
            gpu=study.resources.predict.gpu,
        params:
            settings=settings(
                size=study.replay.size, training=study.training, shards=plan.reading
            ),
            base=subpath(input.base, parent=True),
            cell=lambda wildcards: plan.cell_arguments([wildcards.cell]),
            code=code("verbs.herd", f"backbones.{study.backbone.family}"),
        shell:
            "python -m continual_vqa herd --base {params.base:q} --cell {params.cell:q}"
            " --settings {params.settings:q} --threads {threads} --out {output:q} > {log:q} 2>&1"


rule memory:
    input:
        cells=lambda wildcards: expand(
            paths.cell_index, cell=plan.memories[wildcards.memory].cells
        ),
        orders=lambda wildcards: (
            expand(paths.herd, cell=plan.memories[wildcards.memory].cells)
            if plan.herded
            else []
        ),
    output:
        paths.memory,
    log:
        f"{paths.logs}/memory/{{memory}}.log",
    benchmark:
        f"{paths.benchmarks}/memory/{{memory}}.tsv"
    group:
        light_group("lists")
    conda:
        ENVIRONMENT
    threads: study.resources.light.threads
    resources:
        mem_mb=grown(study.resources.light.mem_mb),
        runtime=grown(study.resources.light.runtime),
    params:
        cells=lambda wildcards: plan.cell_arguments(
            plan.memories[wildcards.memory].cells
        ),
        size=study.replay.size,
        tasks=study.stream.tasks,
        seed=lambda wildcards: plan.memories[wildcards.memory].seed,
        orders=lambda wildcards, input: (
            ["--orders", *input.orders] if input.orders else []
        ),
        code=code("verbs.memory"),
    shell:
        "python -m continual_vqa memory --cells {params.cells:q} --size {params.size}"
        " --seed {params.seed} --tasks {params.tasks} {params.orders:q} --out {output:q}"
        " > {log:q} 2>&1"


if plan.logits:

    rule logits:
        input:
            base=paths.base_model,
            model=paths.model,
            stack=lambda wildcards: [
                each.path(paths) for each in stage_of(wildcards).stack
            ],
            memory=lambda wildcards: paths.memory.format(
                memory=logits_of(wildcards).memory.id
            ),
            cells=train_cells,
        output:
            paths.logits,
        log:
            f"{paths.logs}/logits/{{stage}}-{{digest}}.log",
        benchmark:
            f"{paths.benchmarks}/logits/{{stage}}-{{digest}}.tsv"
        group:
            stage_group(logits_of)
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
                top=study.replay.logits,
                training=study.training,
                shards=plan.reading,
            ),
            base=subpath(input.base, parent=True),
            stack=lambda wildcards, input: (
                ["--stack", *input.stack] if input.stack else []
            ),
            cells=lambda wildcards: plan.cell_arguments(stage_of(wildcards).cells),
            code=code("verbs.logits", f"backbones.{study.backbone.family}"),
        shell:
            "python -m continual_vqa logits --base {params.base:q} --model {input.model:q} {params.stack:q}"
            " --memory {input.memory:q} --cells {params.cells:q} --settings {params.settings:q}"
            " --threads {threads} --out {output:q} > {log:q} 2>&1"


if plan.words:

    rule words:
        input:
            lambda wildcards: expand(
                paths.cell_index, cell=plan.words[wildcards.words].cells
            ),
        output:
            paths.words,
        log:
            f"{paths.logs}/words/{{words}}.log",
        benchmark:
            f"{paths.benchmarks}/words/{{words}}.tsv"
        group:
            light_group("lists")
        conda:
            ENVIRONMENT
        threads: study.resources.light.threads
        resources:
            mem_mb=grown(study.resources.light.mem_mb),
            runtime=grown(study.resources.light.runtime),
        params:
            task=lambda wildcards: plan.words[wildcards.words].task,
            cells=lambda wildcards: plan.cell_arguments(
                plan.words[wildcards.words].cells
            ),
            code=code("verbs.words"),
        shell:
            "python -m continual_vqa words --task {params.task:q} --cells {params.cells:q}"
            " --out {output:q} > {log:q} 2>&1"


if plan.merges:

    rule merge:
        input:
            base=paths.base_model,
            models=merged_models,
        output:
            model=paths.merged,
            report=paths.merge_report,
        log:
            f"{paths.logs}/merge/{{merge}}.log",
        benchmark:
            f"{paths.benchmarks}/merge/{{merge}}.tsv"
        group:
            stage_group(merge_of)
        conda:
            ENVIRONMENT
        threads: study.resources.light.threads
        resources:
            mem_mb=grown(study.resources.light.mem_mb),
            runtime=grown(study.resources.light.runtime),
        params:
            settings=lambda wildcards: settings(
                merge=merge_of(wildcards).config,
                tasks=merge_of(wildcards).stage.step,
                stage=plan.stage_settings(merge_of(wildcards)),
            ),
            code=code("verbs.merge"),
        shell:
            "python -m continual_vqa merge --base {input.base:q} --models {input.models:q}"
            " --settings {params.settings:q} --out {output.model:q} --report {output.report:q}"
            " > {log:q} 2>&1"


if plan.drifts:

    rule drift:
        input:
            base=paths.base_model,
            merged=paths.merged,
            models=merged_models,
            cells=merge_cells,
        output:
            paths.drift,
        log:
            f"{paths.logs}/drift/{{merge}}.log",
        benchmark:
            f"{paths.benchmarks}/drift/{{merge}}.tsv"
        group:
            stage_group(merge_of)
        conda:
            ENVIRONMENT
        threads: study.resources.predict.threads
        resources:
            mem_mb=grown(study.resources.predict.mem_mb),
            runtime=grown(study.resources.predict.runtime),
            gpu=study.resources.predict.gpu,
        params:
            settings=lambda wildcards: settings(
                stage=plan.stage_settings(merge_of(wildcards)),
                questions=study.merging.drift_questions,
                training=study.training,
                shards=plan.reading,
            ),
            base=subpath(input.base, parent=True),
            cells=lambda wildcards: plan.cell_arguments(merge_of(wildcards).cells),
            code=code("verbs.drift", f"backbones.{study.backbone.family}"),
        shell:
            "python -m continual_vqa drift --base {params.base:q} --merged {input.merged:q}"
            " --models {input.models:q} --cells {params.cells:q} --settings {params.settings:q}"
            " --threads {threads} --out {output:q} > {log:q} 2>&1"
