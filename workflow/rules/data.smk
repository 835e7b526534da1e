"""Raw files -> questions.parquet -> shards, one cell per split x skill x concept group."""


rule miniature:
    output:
        plan.world_files,
    log:
        f"{paths.logs}/miniature.log",
    benchmark:
        f"{paths.benchmarks}/miniature.tsv"
    conda:
        ENVIRONMENT
    threads: study.resources.data.threads
    resources:
        mem_mb=grown(study.resources.data.mem_mb),
        runtime=grown(study.resources.data.runtime),
    params:
        size=study.miniature.size,
        seed=study.miniature.seed,
        disagreement=study.miniature.disagreement,
        folder=lambda wildcards: plan.world,
        code=code("verbs.miniature"),
    shell:
        "python -m continual_vqa miniature --size {params.size} --seed {params.seed}"
        " --disagreement {params.disagreement} --out {params.folder:q} > {log:q} 2>&1"


if study.data.download:

    # One archive at a time, so that the ledger of sizes and checksums has one writer. What was
    # fetched so far lies in a .part file that no failure removes: the retry goes on from there.
    rule download:
        output:
            f"{plan.data_root}/{{archive}}",
        log:
            f"{paths.logs}/download/{{archive}}.log",
        benchmark:
            f"{paths.benchmarks}/download/{{archive}}.tsv"
        wildcard_constraints:
            archive="|".join(map(re.escape, plan.downloads)) or "none",
        conda:
            ENVIRONMENT
        threads: workflow.cores
        resources:
            mem_mb=grown(study.resources.light.mem_mb),
            runtime=1440,
        params:
            dataset=study.data.format,
            folder=plan.data_root,
        shell:
            "python -m continual_vqa download --dataset {params.dataset} --only {wildcards.archive:q}"
            " --out {params.folder:q} > {log:q} 2> >(tee -a {log:q} >&2)"


# A checkpoint only so that cells are looked at again once their hashes are known: which cells
# exist follows from the config, what is in them from the files. update() keeps the earlier
# table when indexing fails.
checkpoint index:
    input:
        plan.raw_files,
    output:
        questions=update(paths.questions),
        report=update(paths.data_report),
    log:
        f"{paths.logs}/index.log",
    benchmark:
        f"{paths.benchmarks}/index.tsv"
    conda:
        ENVIRONMENT
    threads: study.resources.data.threads
    resources:
        mem_mb=grown(study.resources.data.mem_mb),
        runtime=grown(study.resources.data.runtime),
    params:
        arguments=plan.index_arguments,
        content=paths.content,
        code=code("verbs.index"),
    shell:
        "python -m continual_vqa index {params.arguments:q} --out {output.questions:q}"
        " --report {output.report:q} --cells {params.content:q} > {log:q} 2>&1"


rule shard:
    input:
        ancient(paths.questions),
    output:
        paths.cell_index,
    log:
        f"{paths.logs}/shard/{{cell}}.log",
    benchmark:
        f"{paths.benchmarks}/shard/{{cell}}.tsv"
    group:
        light_group("data")
    conda:
        ENVIRONMENT
    threads: study.resources.data.threads
    resources:
        mem_mb=grown(study.resources.data.mem_mb),
        runtime=grown(study.resources.data.runtime),
    params:
        content=cell_content,
        images=lambda wildcards: plan.image_arguments(wildcards.cell),
        options=plan.shard_arguments,
        folder=subpath(output[0], parent=True),
        code=code("verbs.shard"),
    shell:
        "python -m continual_vqa shard --questions {input:q} --cell {wildcards.cell:q}"
        " {params.images:q} {params.options} --out {params.folder:q} > {log:q} 2>&1"


# The cells of one split and skill as one file: jobs that read many skills name a file for each, not
# one for each cell, and a changed cell still reaches only those that read its skill.
rule skill_manifest:
    input:
        lambda wildcards: expand(paths.cell_index, cell=plan.cells_of(wildcards.skill)),
    output:
        paths.skill_manifest,
    log:
        f"{paths.logs}/manifest/{{skill}}.log",
    benchmark:
        f"{paths.benchmarks}/manifest/{{skill}}.tsv"
    group:
        light_group("data")
    conda:
        ENVIRONMENT
    threads: study.resources.light.threads
    resources:
        mem_mb=grown(study.resources.light.mem_mb),
        runtime=grown(study.resources.light.runtime),
    params:
        cells=lambda wildcards: expand(paths.cell, cell=plan.cells_of(wildcards.skill)),
        code=code("verbs.manifest"),
    shell:
        "python -m continual_vqa manifest --cells {params.cells:q} --out {output:q} > {log:q} 2>&1"


rule manifest:
    input:
        expand(paths.cell_index, cell=plan.cells),
    output:
        paths.manifest,
    log:
        f"{paths.logs}/manifest.log",
    benchmark:
        f"{paths.benchmarks}/manifest.tsv"
    group:
        light_group("lists")
    conda:
        ENVIRONMENT
    threads: study.resources.light.threads
    resources:
        mem_mb=grown(study.resources.light.mem_mb),
        runtime=grown(study.resources.light.runtime),
    params:
        cells=expand(paths.cell, cell=plan.cells),
        code=code("verbs.manifest"),
    shell:
        "python -m continual_vqa manifest --cells {params.cells:q} --out {output:q} > {log:q} 2>&1"


rule data:
    """All shards, and their manifest."""
    input:
        rules.manifest.output,
