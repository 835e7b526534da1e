"""Scores, reports and importances -> the metrics that figures and tables are made of."""


rule aggregate:
    input:
        [row["path"] for row in plan.scored_runs],
    output:
        metrics=paths.metrics,
        summary=paths.summary,
    log:
        f"{paths.logs}/aggregate.log",
    benchmark:
        f"{paths.benchmarks}/aggregate.tsv"
    group:
        light_group("report")
    conda:
        ENVIRONMENT
    threads: study.resources.light.threads
    resources:
        mem_mb=grown(study.resources.light.mem_mb),
        runtime=grown(study.resources.light.runtime),
    params:
        runs=remember_runs(NOTES, plan.identity, plan.scored_runs),
        code=code("verbs.aggregate"),
    shell:
        "python -m continual_vqa aggregate --runs {params.runs:q} --out {output.metrics:q}"
        " --summary {output.summary:q} > {log:q} 2>&1"


if plan.suited("pair"):

    rule differences:
        input:
            [row["path"] for row in plan.scored_runs],
        output:
            paths.study_table.format(table="differences"),
        log:
            f"{paths.logs}/differences.log",
        benchmark:
            f"{paths.benchmarks}/differences.tsv"
        group:
            light_group("report")
        conda:
            ENVIRONMENT
        threads: study.resources.light.threads
        resources:
            mem_mb=grown(study.resources.data.mem_mb),
            runtime=grown(study.resources.data.runtime),
        params:
            runs=remember_runs(NOTES, plan.identity, plan.scored_runs),
            code=code("verbs.differences"),
        shell:
            "python -m continual_vqa differences --runs {params.runs:q} --out {output:q}"
            " > {log:q} 2>&1"


if plan.surveyed:

    rule survey:
        input:
            sorted(
                {row[kind] for row in plan.surveyed for kind in ("importance", "mask")}
                - {""}
            ),
        output:
            **{name: paths.study_table.format(table=name) for name in SURVEYED},
        log:
            f"{paths.logs}/survey.log",
        benchmark:
            f"{paths.benchmarks}/survey.tsv"
        group:
            light_group("report")
        conda:
            ENVIRONMENT
        threads: study.resources.light.threads
        resources:
            mem_mb=grown(study.resources.data.mem_mb),
            runtime=grown(study.resources.data.runtime),
        params:
            runs=remember_runs(NOTES, {}, plan.surveyed),
            code=code("verbs.survey"),
        shell:
            "python -m continual_vqa survey --runs {params.runs:q} --masks {output.masks:q}"
            " --overlap {output.overlap:q} --importance {output.importance:q} > {log:q} 2>&1"


if plan.probes:

    rule damage:
        input:
            sorted({row["path"] for row in plan.damage_runs}),
        output:
            paths.study_table.format(table="damage"),
        log:
            f"{paths.logs}/damage.log",
        benchmark:
            f"{paths.benchmarks}/damage.tsv"
        group:
            light_group("report")
        conda:
            ENVIRONMENT
        threads: study.resources.light.threads
        resources:
            mem_mb=grown(study.resources.light.mem_mb),
            runtime=grown(study.resources.light.runtime),
        params:
            runs=remember_runs(NOTES, {}, plan.damage_runs),
            code=code("verbs.damage"),
        shell:
            "python -m continual_vqa damage --runs {params.runs:q} --out {output:q} > {log:q} 2>&1"


if plan.transferred:

    rule transfer:
        input:
            scores=sorted(
                {row[kind] for row in plan.transferred for kind in ("after", "single")}
            ),
            report=paths.data_report,
        output:
            paths.study_table.format(table="transfer"),
        log:
            f"{paths.logs}/transfer.log",
        benchmark:
            f"{paths.benchmarks}/transfer.tsv"
        group:
            light_group("report")
        conda:
            ENVIRONMENT
        threads: study.resources.light.threads
        resources:
            mem_mb=grown(study.resources.light.mem_mb),
            runtime=grown(study.resources.light.runtime),
        params:
            runs=remember_runs(NOTES, {}, plan.transferred),
            code=code("verbs.transfer"),
        shell:
            "python -m continual_vqa transfer --runs {params.runs:q} --report {input.report:q}"
            " --out {output:q} > {log:q} 2>&1"

    rule forgetting:
        input:
            metrics=paths.metrics,
            report=paths.data_report,
        output:
            paths.study_table.format(table="forgetting"),
        log:
            f"{paths.logs}/forgetting.log",
        benchmark:
            f"{paths.benchmarks}/forgetting.tsv"
        group:
            light_group("report")
        conda:
            ENVIRONMENT
        threads: study.resources.light.threads
        resources:
            mem_mb=grown(study.resources.light.mem_mb),
            runtime=grown(study.resources.light.runtime),
        params:
            code=code("verbs.forgetting"),
        shell:
            "python -m continual_vqa forgetting --metrics {input.metrics:q} --report {input.report:q}"
            " --out {output:q} > {log:q} 2>&1"


if plan.merged:

    rule merges:
        input:
            sorted(
                {
                    row[kind]
                    for row in plan.merged
                    for kind in ("report", "alignment")
                    if row[kind]
                }
            ),
        output:
            **{name: paths.study_table.format(table=name) for name in MERGED},
        log:
            f"{paths.logs}/merges.log",
        benchmark:
            f"{paths.benchmarks}/merges.tsv"
        group:
            light_group("report")
        conda:
            ENVIRONMENT
        threads: study.resources.light.threads
        resources:
            mem_mb=grown(study.resources.light.mem_mb),
            runtime=grown(study.resources.light.runtime),
        params:
            runs=remember_runs(NOTES, {}, plan.merged),
            code=code("verbs.merges"),
        shell:
            "python -m continual_vqa merges --runs {params.runs:q} --merges {output.merges:q}"
            " --alignment {output.alignment:q} > {log:q} 2>&1"


if plan.routed:

    rule routing:
        input:
            sorted({row["path"] for row in plan.routed}),
        output:
            paths.study_table.format(table="routing"),
        log:
            f"{paths.logs}/routing.log",
        benchmark:
            f"{paths.benchmarks}/routing.tsv"
        group:
            light_group("report")
        conda:
            ENVIRONMENT
        threads: study.resources.light.threads
        resources:
            mem_mb=grown(study.resources.light.mem_mb),
            runtime=grown(study.resources.light.runtime),
        params:
            runs=remember_runs(NOTES, {}, plan.routed),
            code=code("verbs.routing"),
        shell:
            "python -m continual_vqa routing --runs {params.runs:q} --out {output:q} > {log:q} 2>&1"


if plan.banked:

    rule banks:
        input:
            base=paths.base_model,
            files=sorted(
                {
                    path
                    for row in plan.banked
                    for path in (
                        *row["kept"],
                        row["own"],
                        row["predictions"],
                        row["use"],
                    )
                }
                - {""}
            ),
        output:
            **{name: paths.study_table.format(table=name) for name in BANKED},
        log:
            f"{paths.logs}/banks.log",
        benchmark:
            f"{paths.benchmarks}/banks.tsv"
        group:
            light_group("report")
        conda:
            ENVIRONMENT
        threads: study.resources.light.threads
        resources:
            mem_mb=grown(study.resources.light.mem_mb),
            runtime=grown(study.resources.light.runtime),
        params:
            runs=remember_runs(NOTES, {}, plan.banked),
            code=code("verbs.banks"),
        shell:
            "python -m continual_vqa banks --runs {params.runs:q} --base {input.base:q}"
            " --adapters {output.adapters:q} --growth {output.growth:q} --costs {output.costs:q}"
            " > {log:q} 2>&1"
