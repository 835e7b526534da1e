"""Metrics -> figures and tables, and the page that shows them."""

# Matplotlib's settings of all figures, which are no code; comments in that file redraw nothing.
STYLE = read_yaml(SOURCE / "continual_vqa/analysis/figures/paper.mplstyle")
FIGURE_FILES = []
for figure, row in FIGURES.items():
    if not plan.drawn(row):
        continue
    pattern = figure_stem(paths, figure)
    FIGURE_FILES += [
        pattern.format(stream=stream, recipe=recipe) + suffix
        for stream, recipe in plan.drawn(row)
        for suffix in (".png", ".pdf")
    ]

    rule:
        name:
            f"figure_{figure}"
        input:
            plan.published_by(row),
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
        group:
            light_group("report")
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
            published=[f"--published={path}" for path in plan.published_by(row)],
            study=plan.told(row),
            settings=settings(figures=study.figures),
            style=settings(style=STYLE),
            code=code("verbs.figure", f"analysis.figures.{figure}"),
        shell:
            "python -m continual_vqa figure --name {params.name} --stream {wildcards.stream:q}"
            " {params.recipe:q} {params.tables:q} {params.published:q} --study {params.study:q}"
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
            plan.published_by(row),
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
        group:
            light_group("report")
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
            published=[f"--published={path}" for path in plan.published_by(row)],
            study=plan.told(row),
            code=code("verbs.table"),
        shell:
            "python -m continual_vqa table --name {params.name} {params.tables:q}"
            " {params.published:q} --study {params.study:q}"
            " --out-csv {output.csv:q} --out-md {output.md:q}"
            " --out-tex {output.tex:q} > {log:q} 2>&1"


rule gallery:
    """All figures and tables on one page."""
    input:
        FIGURE_FILES,
        TABLE_FILES,
        metrics=paths.metrics,
        summary=paths.summary,
    output:
        paths.gallery,
    log:
        f"{paths.logs}/gallery.log",
    benchmark:
        f"{paths.benchmarks}/gallery.tsv"
    group:
        light_group("report")
    conda:
        ENVIRONMENT
    threads: study.resources.light.threads
    resources:
        mem_mb=grown(study.resources.light.mem_mb),
        runtime=grown(study.resources.light.runtime),
    params:
        contents=remember(
            NOTES,
            "gallery",
            gallery_contents(plan, Path(workflow.basedir, "workflow", "report")),
        ),
        code=code("verbs.gallery"),
    shell:
        "python -m continual_vqa gallery --contents {params.contents:q} --metrics {input.metrics:q}"
        " --summary {input.summary:q} --out {output:q} > {log:q} 2>&1"


rule figures:
    """All figures, as PDF and PNG, and the page that shows them."""
    input:
        FIGURE_FILES,
        paths.gallery,


rule tables:
    """All tables, as CSV, Markdown and LaTeX."""
    input:
        TABLE_FILES,
