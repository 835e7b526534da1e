"""The page of a finished study's results."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analysis.studies import write_study
from continual_vqa.analysis.aggregate import aggregate
from continual_vqa.analysis.runs import parse_runs
from continual_vqa.analysis.schemas import METRICS, SUMMARY
from continual_vqa.cli import main
from continual_vqa.files.parquet import write_table
from continual_vqa.plan.reporting import ALL_STREAMS
from continual_vqa.preflight.provenance import note_start, start

COMMAND = "snakemake --cores 2 --configfile config/made-up.yaml"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    root = tmp_path / "results/made-up"
    metrics, summary = aggregate(parse_runs(write_study(tmp_path / "scores", (0, 1), 5), "runs"))
    names = ("metrics", "summary")
    files = dict(zip(names, (root / f"metrics/{name}.parquet" for name in names), strict=True))
    write_table(files["metrics"], metrics, METRICS)
    write_table(files["summary"], summary, SUMMARY)
    read = [f"--{name}={path}" for name, path in files.items()]
    for table in ("main", "novel"):
        out = [f"--out-{kind}={root}/tables/{table}.{kind}" for kind in ("csv", "md", "tex")]
        assert main(["table", "--name", table, *read, *out]) == 0
    out = [f"--out-{kind}={root}/figures/published/forgetting.{kind}" for kind in ("png", "pdf")]
    assert main(["figure", "--name", "forgetting", *read, *out]) == 0
    published = root / "figures" / ALL_STREAMS / "published.png"
    published.parent.mkdir()
    published.write_bytes((root / "figures/published/forgetting.png").read_bytes())
    for number in range(2):
        record = root / f"benchmarks/train/seed-0/0{number}-color-0123abcd.tsv"
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text("s\th:m:s\n1800\t0:30:00\n")
    note_start(root / "logs/starts.jsonl", start(tmp_path, "local", 2))
    return root


def report(study: Path, *options: str) -> int:
    out = study.parent.parent / "docs"
    given = ["--study", str(study), "--command", COMMAND, "--out", f"{out}/results.md"]
    return main(["report", *given, "--files", f"{out}/results", *options])


def test_the_page_tells_what_ran_and_shows_every_table_and_figure(study: Path) -> None:
    assert report(study) == 0
    docs = study.parent.parent / "docs"
    page = (docs / "results.md").read_text()
    assert f"$ {COMMAND}" in page
    assert "12 runs: 3 recipes, streams published, published-novel-G3, seeds 0, 1" in page
    assert "2 jobs, 1.00 h in all: train 1.00 h (2)" in page
    assert "2 cores" in page and "torch" in page
    assert "| published | Sequential | not needed | 2 |" in page
    linked = set(re.findall(r"\]\(results/([^)]+)\)", page))
    assert linked == {path.name for path in (docs / "results").iterdir()}
    figures = {"published-forgetting.png", f"{ALL_STREAMS}-published.png"}
    assert linked == {"main.csv", "novel.csv", *figures}
    source = study / "figures/published/forgetting.png"
    assert (docs / "results/published-forgetting.png").read_bytes() == source.read_bytes()


def test_the_page_is_the_same_when_made_again(study: Path) -> None:
    page = study.parent.parent / "docs/results.md"
    assert report(study) == 0
    before = page.read_bytes()
    assert report(study) == 0 and page.read_bytes() == before


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("tables", "holds no tables"),
        ("logs/starts.jsonl", "starts.jsonl"),
        ("metrics/summary.parquet", "summary.parquet"),
    ],
)
def test_what_is_missing_is_named(
    study: Path, missing: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (study / missing).rename(study / "elsewhere")
    assert report(study) == 2
    assert words in capsys.readouterr().err
    assert not (study.parent.parent / "docs").exists()


def test_files_that_the_page_could_not_link_are_refused(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(study, "--files", str(tmp_path / "elsewhere")) == 2
    assert "not below the page's folder" in capsys.readouterr().err
