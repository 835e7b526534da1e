"""A small study whose DAG holds every kind of artefact, to be disturbed while it runs."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import yaml

from workflow.conftest import copy_repository

# A mask (so importance), a memory and a merge; stages of a second or two that save all the time.
CHANGES = {
    "stream": {"skills": ["location", "color"], "groups": ["G1"], "held_out": ["none"]},
    "training": {"epochs": 60, "batch_size": 20, "save_every_minutes": 0.001},
    "recipes": ["aim", "er", "merged"],
    "custom_recipes": {
        "merged": {
            "title": "Merged",
            "start": "merged",
            "guards": [{"kind": "align"}],
            "deploy": {"kind": "ties", "density": 0.5},
        }
    },
    "merging": {"drift_questions": 8},
}
# What tells of the run, not of the study: logs, saved states, seconds and memory.
TOLD = {"logs", "benchmarks", "scratch"}
MEASURED = {"samples_per_second", "seconds", "peak_mb", "peak_bytes"}
DRAWN_FROM_MEASURED = {"merge_cost.pdf", "merge_cost.png"}


@dataclass(frozen=True)
class Study:
    """A checkout with the study's config; `folder` is where its results go."""

    root: Path

    @property
    def folder(self) -> Path:
        return self.root / "results" / "tiny"

    def configure(self, **changes: object) -> None:
        path = self.root / "config" / "tiny.yaml"
        path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start Snakemake in a session of its own; its words go to snakemake.log."""
        command = [sys.executable, "-m", "snakemake", "--cores", "2", "--nocolor", *arguments]
        # Appended: jobs of a run that was killed may still hold the file.
        with open(self.root / "snakemake.log", "a") as log:
            return subprocess.Popen(
                [*command, "--configfile", "config/tiny.yaml"],
                cwd=self.root,
                env={
                    **os.environ,
                    "PYTHONPATH": str(self.root / "src"),
                    "PYTHONWARNINGS": "default",
                },
                stdout=log,
                stderr=log,
                text=True,
                start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def run(self, *arguments: str, ok: bool | None = True) -> str:
        """Run Snakemake to its end; what it said. `ok`: how it must end, None: either way."""
        begun = len(self.said())
        code = self.start(*arguments).wait()
        said = self.said()[begun:]
        assert ok is None or (code == 0) == ok, said[-4000:]
        return said

    def said(self) -> str:
        path = self.root / "snakemake.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def commands(self) -> list[list[str]]:
        """The arguments of all jobs, as the study's first run was told to print them."""
        lines = (self.root / "commands.log").read_text().splitlines()
        found = [line.split("continual_vqa ", 1)[1] for line in lines if "-m continual_vqa" in line]
        return [shlex.split(line.split(" > results/")[0]) for line in found]

    def command(self, verb: str, *words: str) -> list[str]:
        """The first command of a verb whose arguments hold all `words`."""
        for command in self.commands():
            if command[0] == verb and all(any(w in a for a in command) for w in words):
                return command
        raise AssertionError(f"no job of {verb} with {words}")

    def copy(self, root: Path) -> Study:
        """The same study elsewhere; times are kept, by which Snakemake tells what is new."""
        subprocess.run(["cp", "-a", str(self.root), str(root)], check=True)
        return Study(root)

    def results(self, *, without: Path | None = None) -> dict[str, object]:
        """Name -> content of every result (but one), without what is measured of a run."""
        files = {p.relative_to(self.folder): p for p in self.folder.rglob("*") if p.is_file()}
        return {
            str(name): _content(path)
            for name, path in sorted(files.items())
            if name.parts[0] not in TOLD and path != without
        }

    def wait_job(self, run: subprocess.Popen[str]) -> int:
        """The process of the first job of a run."""
        while not (found := list(self.jobs())):
            assert run.poll() is None, self.said()[-4000:]
            time.sleep(0.01)
        return found[0][0]

    def jobs(self) -> Iterator[tuple[int, list[str]]]:
        """(process, verb and arguments) of every job of this study that runs now."""
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().decode().split("\0")
                here = (entry / "cwd").readlink() == self.root
            except OSError:
                continue  # it has just ended
            if here and words[1:3] == ["-m", "continual_vqa"]:
                yield int(entry.name), words[3:]


def make(repository: Path, root: Path) -> Study:
    root.mkdir(parents=True)
    copy_repository(repository, root)
    study = Study(root.resolve())
    study.configure(**CHANGES)
    return study


def run_undisturbed(repository: Path, root: Path) -> Study:
    """The study, run to its end, with its commands noted."""
    study = make(repository, root)
    said = study.run("--printshellcmds")
    (study.root / "commands.log").write_text(said)
    return study


def differing(one: dict[str, object], other: dict[str, object]) -> list[str]:
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def remains(root: Path) -> list[str]:
    """What killed writers left behind."""
    return sorted(str(p) for end in ("part", "old") for p in root.rglob(f".*.{end}"))


def replace_argument(command: list[str], option: str, value: str) -> list[str]:
    changed = list(command)
    changed[changed.index(option) + 1] = value
    return changed


def forget(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _content(path: Path) -> object:
    if path.name in DRAWN_FROM_MEASURED:
        return "drawn from what was measured"
    if path.suffix == ".parquet" and (named := MEASURED & set(pl.read_parquet_schema(path))):
        return pl.read_parquet(path).drop(named).to_dict(as_series=False)
    if path.name == "report.json" and path.parent.parent.parent.name == "merges":
        return {k: v for k, v in json.loads(path.read_text()).items() if k not in MEASURED}
    return path.read_bytes()
