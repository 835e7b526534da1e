"""How long Snakemake takes to plan a study of 1,500 jobs: before it ran, and with nothing to do.

Peers in the same run: `snakemake --version` (Python and Snakemake alone) and the same number of
jobs written as plain rules without this project's code. The no-op state is made by Snakemake itself
(`--touch` over empty files), so no training is needed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from benchmarks.harness import ROOT, as_json, goal, goals_text, measure, report
from continual_vqa.config.load import load_study
from continual_vqa.plan.dry_run import parse_dry_run
from continual_vqa.plan.study_plan import Plan

SNAKEMAKE = [sys.executable, "-m", "snakemake", "--cores", "2", "--nocolor"]
PLAIN = """\
rule all:
    input: expand("out/score/{{n}}", n=range({count}))
rule train:
    output: "out/train/{{n}}"
    shell: "touch {{output}}"
rule predict:
    input: "out/train/{{n}}"
    output: "out/predict/{{n}}"
    shell: "touch {{output}}"
rule score:
    input: "out/predict/{{n}}"
    output: "out/score/{{n}}"
    shell: "touch {{output}}"
"""


def study(jobs: int) -> dict[str, object]:
    """A study of ten skills with as many seeds as make about `jobs` jobs (30 a seed)."""
    return {
        "name": "planning",
        "miniature": {"size": "full"},
        "backbone": {"folder": str(ROOT / "config" / "bases" / "miniature")},
        "stream": {"skills": "all", "held_out": ["none"]},
        "recipes": ["sequential"],
        "seeds": list(range(max(1, (jobs - 110) // 30))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1500)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours, fresh, plain = _prepare(Path(folder), args.jobs)
        timings = measure(
            {
                "snakemake --version": [sys.executable, "-m", "snakemake", "--version"],
                "plain rules, no-op": [*plain, "--dry-run", "--quiet"],
                "dry run": [*fresh, "--dry-run", "--quiet"],
                "no-op": [*ours, "--quiet"],
            },
            args.repeats,
        )
    base = timings["snakemake --version"].wall
    goals = [
        goal("dry run / snakemake --version", timings["dry run"].wall / base, 5, at_most=True),
        goal("no-op / snakemake --version", timings["no-op"].wall / base, 5, at_most=True),
    ]
    print(report(f"planning {args.jobs} jobs", timings, reference="plain rules, no-op"))
    print(goals_text(goals))
    if args.json:
        args.json.write_text(json.dumps(as_json("planning", timings, goals), indent=1))


def _prepare(folder: Path, jobs: int) -> tuple[list[str], list[str], list[str]]:
    """Command lines of the finished study, of one that never ran, and of the plain rules."""
    config = folder / "study.yaml"
    config.write_text(yaml.safe_dump(study(jobs)))
    commands: list[list[str]] = []
    for name in ("done", "fresh"):
        home = folder / name
        home.mkdir()
        command = [*SNAKEMAKE, "-s", str(ROOT / "Snakefile"), "--directory", str(home)]
        commands.append([*command, "--configfile", str(config)])
    _finish(folder / "done", commands[0], yaml.safe_load(config.read_text()))
    snakefile = folder / "plain.smk"
    snakefile.write_text(PLAIN.format(count=jobs // 3))
    home = folder / "plain"
    plain = [*SNAKEMAKE, "-s", str(snakefile), "--directory", str(home)]
    for part in ("train", "predict", "score"):
        (home / "out" / part).mkdir(parents=True)
        for number in range(jobs // 3):
            (home / "out" / part / str(number)).touch()
    _run([*plain, "--touch", "--quiet"])
    return commands[0], commands[1], plain


def _finish(home: Path, command: list[str], raw: dict[str, object]) -> None:
    planned = _run([*command, "--dry-run"])
    outputs = [home / path for job in parse_dry_run(planned) for path in job.outputs]
    content = home / Plan(load_study(raw)).paths.content
    for path in [*outputs, content]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    content.write_text("{}")
    _run([*command, "--touch", "--quiet"])
    left = parse_dry_run(_run([*command, "--dry-run"]))
    if left:
        raise SystemExit(f"the touched study still has {len(left)} pending jobs: {left[0]}")


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout + done.stderr


if __name__ == "__main__":
    main()
