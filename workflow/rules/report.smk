"""Scores -> metrics -> figures and tables."""


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


FIGURE_FILES = []
for figure, row in FIGURES.items():
    if not plan.drawn(row):
        continue
    pattern = f"{paths.figures}/{{stream}}/{figure}" + "-{recipe}" * row.per_recipe
    FIGURE_FILES += [
        pattern.format(stream=stream, recipe=recipe) + suffix
        for stream, recipe in plan.drawn(row)
        for suffix in (".png", ".pdf")
    ]

    rule:
        name:
            f"figure_{figure}"
        input:
            **plan.read_by(row),
        output:
            png=report(
                f"{pattern}.png",
                caption=f"../report/{figure}.rst",
                category=row.category,
                labels={"stream": "{stream}", "figure": figure}
                | ({"recipe": "{recipe}"} if row.per_recipe else {}),
            ),
            pdf=f"{pattern}.pdf",
        log:
            f"{paths.logs}/figures/{{stream}}/{figure}"
            + "-{recipe}" * row.per_recipe
            + ".log",
        benchmark:
            f"{paths.benchmarks}/figures/{{stream}}/{figure}"
            + "-{recipe}" * row.per_recipe
            + ".tsv"
        conda:
            ENVIRONMENT
        threads: study.resources.light.threads
        resources:
            mem_mb=grown(study.resources.light.mem_mb),
            runtime=grown(study.resources.light.runtime),
        params:
            name=figure,
            tables=lambda wildcards, input: [
                f"--{name}={path}" for name, path in input.items()
            ],
            recipe=lambda wildcards: [
                f"--recipe={r}" for r in wildcards.get("recipe", "").split()
            ],
            settings=settings(figures=study.figures),
            code=code("verbs.figure", f"analysis.figures.{figure}"),
        shell:
            "python -m continual_vqa figure --name {params.name} --stream {wildcards.stream:q}"
            " {params.recipe:q} {params.tables:q}"
            " --settings {params.settings:q} --out-png {output.png:q} --out-pdf {output.pdf:q}"
            " > {log:q} 2>&1"


TABLE_FILES = []
for table, row in plan.tables.items():
    TABLE_FILES += [
        f"{paths.tables}/{table}{suffix}" for suffix in (".csv", ".md", ".tex")
    ]

    rule:
        name:
            f"table_{table}"
        input:
            **plan.read_by(row),
        output:
            csv=report(
                f"{paths.tables}/{table}.csv",
                caption=f"../report/table_{table}.rst",
                category=row.category,
                labels={"table": table},
            ),
            md=f"{paths.tables}/{table}.md",
            tex=f"{paths.tables}/{table}.tex",
        log:
            f"{paths.logs}/tables/{table}.log",
        benchmark:
            f"{paths.benchmarks}/tables/{table}.tsv"
        conda:
            ENVIRONMENT
        threads: study.resources.light.threads
        resources:
            mem_mb=grown(study.resources.light.mem_mb),
            runtime=grown(study.resources.light.runtime),
        params:
            name=table,
            tables=lambda wildcards, input: [
                f"--{name}={path}" for name, path in input.items()
            ],
            code=code("verbs.table"),
        shell:
            "python -m continual_vqa table --name {params.name} {params.tables:q}"
            " --out-csv {output.csv:q} --out-md {output.md:q}"
            " --out-tex {output.tex:q} > {log:q} 2>&1"


rule figures:
    """All figures, as PDF and PNG."""
    input:
        FIGURE_FILES,


rule tables:
    """All tables, as CSV, Markdown and LaTeX."""
    input:
        TABLE_FILES,
