"""A truncated or bit-flipped file of any kind is refused by whatever reads it, by name."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from continual_vqa.cli import main

from .conftest import Material, long
from .record import Row, Table
from .study import Study, differing, replace_argument

pytestmark = pytest.mark.timeout(3600)
FLIPS = 25


@dataclass(frozen=True)
class Case:
    """A kind of file: where one lies (a pattern) and who reads it: a verb, and words of its job."""

    file: str
    verb: str
    words: tuple[str, ...] = ()


CASES = {
    "shard": Case("cells/train/color/G1/*.tar", "train", ("02-color",)),
    "shard, for prediction": Case("cells/test/color/G1/*.tar", "predict", ("02-color",)),
    "index of a cell": Case("cells/train/color/G1/index.parquet", "train", ("02-color",)),
    "index, for the manifest": Case(
        "cells/test/color/G1/index.parquet", "manifest", ("test/color",)
    ),
    "questions.parquet": Case("data/questions.parquet", "shard", ("train/color",)),
    "base model": Case("base/model.safetensors", "train", ("01-location",)),
    "base model, for a merge": Case("base/model.safetensors", "merge"),
    "tokenizer of the base": Case("base/tokenizer.json", "train", ("01-location",)),
    "config of the base": Case("base/config.json", "train", ("01-location",)),
    "checkpoint": Case("stages/seed-0/01-*/model.safetensors", "train", ("02-color", "--masks")),
    "checkpoint, for importance": Case("stages/seed-0/01-*/model.safetensors", "importance"),
    "checkpoint, for a merge": Case("stages/seed-0/01-*/model.safetensors", "merge"),
    "checkpoint, for prediction": Case(
        "stages/seed-0/01-*/model.safetensors", "predict", ("01-location",)
    ),
    "importance": Case("consolidation/**/importance-*.safetensors", "mask"),
    "importance, for the survey": Case("consolidation/**/importance-*.safetensors", "survey"),
    "mask": Case("consolidation/**/mask-*.safetensors", "train", ("--masks",)),
    "mask, for the survey": Case("consolidation/**/mask-*.safetensors", "survey"),
    "memory": Case("memory/**/*.parquet", "train", ("--memory-cells",)),
    "merge": Case("merges/**/model.safetensors", "predict", ("merges/",)),
    "merge, for its drift": Case("merges/**/model.safetensors", "drift"),
    "alignment log": Case("stages/**/alignment.parquet", "merges"),
    "predictions": Case("predictions/seed-0/01-*.parquet", "score", ("01-location",)),
    "scores": Case("scores/seed-0/01-*.parquet", "aggregate"),
    "metrics": Case("metrics/metrics.parquet", "figure", ("forgetting",)),
    "summary": Case("metrics/summary.parquet", "table", ("main",)),
    "table of masks": Case("metrics/masks.parquet", "figure", ("mask_shares",)),
}
# What a reader takes of a shard is compared; what lies between (padding, times) is not read. The
# survey takes the header of a mask.
NOT_ALL_READ = {"shard", "shard, for prediction", "mask, for the survey"}
OUTPUTS = ("--out", "--curve", "--report", "--summary", "--masks", "--overlap", "--importance",
           "--merges", "--alignment", "--out-png", "--out-pdf", "--out-csv", "--out-md",
           "--out-tex", "--scratch")  # fmt: skip
# What is an output of one verb can be an input of another.
INPUTS = {
    "train": ("--masks", "--importance"),
    "mask": ("--importance",),
    "gallery": ("--summary",),
}


def largest(study: Study, pattern: str) -> Path:
    """Of files of one kind; the alignment logs of stages without an align guard are empty."""
    return max(study.folder.glob(pattern), key=lambda path: path.stat().st_size)


def damaged(content: bytes, number: int, draw: random.Random) -> bytes:
    """`content` cut off (every fifth) or with one bit flipped, anywhere."""
    if number % 5 == 0:
        return content[: draw.randrange(len(content))]
    flipped = bytearray(content)
    flipped[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    return bytes(flipped)


def elsewhere(command: list[str], folder: Path) -> list[str]:
    """The command with all its outputs below `folder`."""
    for option in OUTPUTS:
        if option in command and option not in INPUTS.get(command[0], ()):
            name = Path(command[command.index(option) + 1]).name
            command = replace_argument(command, option, str(folder / f"{option.strip('-')}-{name}"))
    return command


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def refuse(
    path: Path, command: list[str], out: Path, row: Row, number: int, draw: random.Random,
    capfd: pytest.CaptureFixture[str], whole: dict[str, bytes] | None,
) -> None:  # fmt: skip
    """Damage the file, run its reader, mend the file. `whole`: outputs, where not all is read."""
    content = path.read_bytes()
    capfd.readouterr()
    try:
        path.write_bytes(damaged(content, number, draw))
        with row.fault():
            row.count(f"{'cut' if number % 5 == 0 else 'flipped'}")
            code = main(command)
            error = [e for e in capfd.readouterr().err.splitlines() if e.startswith("error: ")]
            if code == 0:
                made = contents(out)
                wrong = [] if whole and same(made, whole) else [f"{path} by {command[0]}"]
                row.check(accepted=wrong)
                row.count("in bytes that nobody reads")
            else:
                named = path.name in error[0] or path.parent.name in error[0]
                assert named, error
                assert (code, len(error)) == (2, 1), error
                row.check(accepted=[name for name in contents(out) if "scratch" not in name])
    finally:
        path.write_bytes(content)
        empty(out)


def same(made: dict[str, bytes], whole: dict[str, bytes]) -> bool:
    """Whether outputs are those of the undamaged input; a curve holds speeds, and is hashed."""
    made, whole = (
        {k: v for k, v in each.items() if "curve" not in k and k != "finished.json"}
        for each in (made, whole)
    )
    return made == whole


@long
@pytest.mark.parametrize("name", CASES)
def test_every_reader_notices(
    name: str, undisturbed: Study, tmp_path: Path, table: Table,
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    case, draw = CASES[name], random.Random(name)
    study = undisturbed.copy(tmp_path / "study")
    monkeypatch.chdir(study.root)
    path = largest(study, case.file)
    out = tmp_path / "out"
    out.mkdir()
    command = elsewhere(undisturbed.command(case.verb, *case.words), out)
    whole = None
    if name in NOT_ALL_READ:
        assert main(command) == 0
        whole = contents(out)
        empty(out)
    row = table.row("truncated or bit-flipped file, given to its reader")
    for number in range(FLIPS if whole is None else FLIPS // 3):
        refuse(path, command, out, row, number, draw, capfd, whole)


SMALL = {
    "shard": ("shard", "train"),
    "index of a cell": ("cell_index", "train"),
    "questions.parquet": ("all_questions", "shard_cell"),
    "base model": ("weights", "predict"),
    "checkpoint": ("model", "predict"),
    "predictions": ("predictions", "score"),
}


@pytest.mark.parametrize("name", SMALL)
def test_every_reader_of_a_small_file_notices(
    name: str, material: Material, tmp_path: Path, table: Table,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    attribute, verb = SMALL[name]
    path, out = getattr(material, attribute), tmp_path / "out"
    out.mkdir()
    command = elsewhere(getattr(material, verb)(), out)
    whole = None
    if name in NOT_ALL_READ:
        assert main(command) == 0
        whole = contents(out)
        empty(out)
    row = table.row("truncated or bit-flipped small file, given to its reader")
    draw = random.Random(name)
    for number in range(4):
        refuse(path, command, out, row, number, draw, capfd, whole)


@long
@pytest.mark.parametrize("name", [n for n in CASES if ", for" not in n])
def test_snakemake_stops_at_it_and_makes_it_anew(
    name: str, finished: Study, undisturbed: Study, table: Table
) -> None:
    case, draw = CASES[name], random.Random(name)
    path = largest(finished, case.file)
    command = undisturbed.command(case.verb, *case.words)
    named = next(o for o in ("--out", "--out-png", "--out-csv", "--merges") if o in command)
    target = command[command.index(named) + 1]
    if case.verb == "shard":
        target += "/index.parquet"
    content = path.read_bytes()
    if name in NOT_ALL_READ:  # in the first image
        flipped = bytearray(content)
        flipped[2048] ^= 1
    else:
        flipped = bytearray(damaged(content, 1, draw))
    path.write_bytes(flipped)
    # What a stage made of the same inputs would be put back without a look at its shards.
    shutil.rmtree(finished.folder / "scratch")
    row = table.row("bit-flipped file in a finished study, its reader run by Snakemake")
    with row.fault():
        said = finished.run("--force", target, "--show-failed-logs", ok=False)
        assert path.name in said
        assert "error: " in said
        # An output is gone, or still the old one where another reader stopped the run before.
        left, whole = finished.results(without=path), undisturbed.results()
        row.check(accepted=[name for name in left if left[name] != whole[name]])
        # As the message says: the file goes, or the folder of a cell or a base. It is named, since
        # Snakemake makes no file anew whose successors are all there.
        if {"cells", "base"} & set(path.parts):
            shutil.rmtree(path.parent)
        else:
            path.unlink()
        again = path.with_name("index.parquet") if path.suffix == ".tar" else path
        finished.run("--rerun-incomplete", str(again.relative_to(finished.root)), target)
        row.check(lost=differing(finished.results(), undisturbed.results()))
