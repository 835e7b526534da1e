"""A study's results as one Markdown page with the files beside it that it shows.

All of it is taken from the study's folder: nothing on the page is written by hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from continual_vqa.analysis.pipe_table import read_pipe_table
from continual_vqa.analysis.study_results import Results
from continual_vqa.errors import UserError
from continual_vqa.plan.reporting import ACROSS, FIGURES, TABLES
from continual_vqa.preflight.provenance import Start, hardware

# A longer table is not shown but linked (choice of this project).
MOST_ROWS = 80


@dataclass(frozen=True, slots=True)
class Facts:
    """What the page tells of the run.

    Attributes
    ----------
    command : that runs the study
    seconds : kind of job -> seconds of all its jobs, from their cost records
    jobs : kind of job -> their number
    """

    command: str
    starts: Sequence[Start]
    seconds: Mapping[str, float]
    jobs: Mapping[str, int]


def results_page(
    results: Results, folder: Path, facts: Facts, beside: str
) -> tuple[str, dict[str, Path]]:
    """The page, and the files that it shows: name in the folder `beside` it -> where it is now.

    Parameters
    ----------
    folder : of the study, with its tables/ and figures/
    beside : path of the folder for the files, seen from the page

    Raises
    ------
    UserError : the study has no tables yet
    """
    files: dict[str, Path] = {}
    parts = [_head(results, facts), *_tables(folder, beside, files)]
    if not files:
        raise UserError("holds no tables", where=folder / "tables", do="run `snakemake tables`")
    parts += _figures(results, folder, beside, files)
    return "\n".join(parts), files


def _head(results: Results, facts: Facts) -> str:
    study = results.metrics["study"][0].as_py()
    streams = list(results.held_out)
    recipes = list(results.titles.values())
    seeds = sorted({seed for s in streams for r in results.titles for seed in results.seeds(s, r)})
    runs = sum(len(results.seeds(s, r)) for s in streams for r in results.recipes(s))
    lines = [
        f"# Results of the study `{study}`",
        "",
        "Made by `continual-vqa report` from the study's files; a change belongs into the study.",
        "",
        "```console",
        f"$ {facts.command}",
        "```",
        "",
        f"- {runs} runs: {len(recipes)} recipes, streams {', '.join(streams)}, "
        f"seeds {', '.join(map(str, seeds))}",
        *(f"- {line}" for line in _run_with(facts.starts)),
        f"- {sum(facts.jobs.values()):,} jobs, {_hours(sum(facts.seconds.values()))} in all: "
        + ", ".join(
            f"{kind} {_hours(facts.seconds[kind])} ({facts.jobs[kind]:,})"
            for kind in sorted(facts.seconds, key=lambda kind: -facts.seconds[kind])
        ),
        "",
    ]
    return "\n".join(lines)


def _run_with(starts: Sequence[Start]) -> Iterator[str]:
    commits = dict.fromkeys(found.commit for found in starts)
    yield f"code: {', '.join(commits)}" + (
        " (+: with changes)" if any(commit.endswith("+") for commit in commits) else ""
    )
    yield f"machine: {'; '.join(hardware(starts))}"
    software = dict.fromkeys(
        ", ".join([f"Python {s.python}", *(f"{n} {v}" for n, v in s.packages.items())])
        for s in starts
    )
    yield f"software: {'; '.join(software)}"
    yield f"first started {starts[0].started}, last {starts[-1].started}, {len(starts)} starts"


def _tables(folder: Path, beside: str, files: dict[str, Path]) -> Iterator[str]:
    for name, row in TABLES.items():
        source, text = folder / f"tables/{name}.csv", folder / f"tables/{name}.md"
        if not source.is_file():
            continue
        files[f"{name}.csv"] = source
        yield f"## {row.category}: {name}\n"
        rows = len(read_pipe_table(text).rows)
        if rows <= MOST_ROWS:
            yield text.read_text(encoding="utf-8")
        else:
            yield f"{rows:,} rows: see the CSV.\n"
        yield f"[{name}.csv]({beside}/{name}.csv)\n"


def _figures(results: Results, folder: Path, beside: str, files: dict[str, Path]) -> Iterator[str]:
    streams = [*results.held_out, *ACROSS]
    for name, row in FIGURES.items():
        if row.per_recipe:
            continue
        for stream in streams:
            source = folder / f"figures/{stream}/{name}.png"
            if source.is_file():
                file = f"{stream}-{name}.png"
                files[file] = source
                yield f"## {row.category}: {name}, {stream}\n"
                yield f"![{name} of {stream}]({beside}/{file})\n"


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.2f} h"
