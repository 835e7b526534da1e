"""Importance files: sums over samples, their number, and what they were measured on.

A file of rank i of `world` holds every world-th sample; `merge` adds such files up. Torch is not
needed here: what is read is mapped, and one tensor is in memory at a time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from continual_vqa.config.importance import ImportanceConfig
from continual_vqa.errors import UserError
from continual_vqa.files.tensors import ArrayFile, write_file

FORMAT = "continual-vqa importance 1"
DIRECTION = "direction:"
# What files must agree in to be added up.
SAME = ("base_sha256", "stage", "task", "step", "parts", "settings", "world")


@dataclass(frozen=True, slots=True)
class Share:
    """Rank `rank` of `world`: every world-th of the chosen samples; 0 of 1: all of them.

    Raises
    ------
    UserError : a rank that does not exist
    """

    rank: int = 0
    world: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.world:
            raise UserError(
                f"rank {self.rank} of {self.world}",
                where="--rank, --world",
                expected="a rank from 0 to world - 1",
            )

    def among(self, rank: int, size: int) -> Share:
        """What of this share the process `rank` of `size` has to do."""
        return Share(self.rank + self.world * rank, self.world * size)


def header(
    *,
    base_sha256: str,
    stage: str,
    task: str,
    step: int,
    parts: Mapping[str, str],
    settings: ImportanceConfig,
    count: int,
    share: Share,
) -> dict[str, str]:
    """The metadata of an importance file."""
    content = {
        "format": FORMAT,
        "base_sha256": base_sha256,
        "stage": stage,
        "task": task,
        "step": str(step),
        "parts": json.dumps(parts, sort_keys=True),
        "settings": json.dumps(settings.model_dump(mode="json"), sort_keys=True),
        "count": str(count),
    }
    if share.world > 1:
        content |= {"rank": str(share.rank), "world": str(share.world)}
    return content


def merge(paths: Sequence[Path], out: Path) -> dict[str, str]:
    """Add up the files of all ranks of one measurement; returns the header of the sum.

    The order in which the files are given does not matter.

    Raises
    ------
    UserError : no importance files, of different measurements, or not each rank exactly once
    """
    files = sorted((_open(path) for path in paths), key=lambda f: int(f.metadata["rank"]))
    first = files[0]
    for other in files[1:]:
        _refuse_a_stranger(first, other)
    world = int(first.metadata["world"])
    ranks = [int(file.metadata["rank"]) for file in files]
    if ranks != list(range(world)):
        raise UserError(
            f"are ranks {', '.join(map(str, ranks))} of {world}",
            where="--files",
            expected=f"each of the ranks 0 to {world - 1} once",
        )
    content = {key: value for key, value in first.metadata.items() if key not in ("rank", "world")}
    content["count"] = str(sum(int(file.metadata["count"]) for file in files))
    kinds = {name: (info.dtype, info.shape) for name, info in first.infos.items()}

    def added(name: str) -> bytes:
        total = np.array(first[name])
        for file in files[1:]:
            total += file[name]
        return total.tobytes()

    write_file(out, kinds, content, added)
    return content


def _open(path: Path) -> ArrayFile:
    file = ArrayFile(path)
    if file.metadata.get("format") != FORMAT:
        raise UserError(
            f"has format {file.metadata.get('format')!r}",
            where=path,
            expected=f"{FORMAT!r}, as `continual-vqa importance` writes it",
        )
    if "rank" not in file.metadata:
        raise UserError(
            "is already the importance over all samples",
            where=path,
            expected="files written with --rank and --world",
        )
    numbers = [file.metadata.get(key, "") for key in ("rank", "world", "count")]
    if not all(number.isascii() and number.isdigit() for number in numbers) or any(
        info.dtype != "F32" for info in file.infos.values()
    ):
        raise UserError(
            "has a header that is incomplete or unreadable",
            where=path,
            do="measure it again",
        )
    return file


def _refuse_a_stranger(first: ArrayFile, other: ArrayFile) -> None:
    for key in SAME:
        ours, theirs = (file.metadata.get(key, "") for file in (first, other))
        if ours != theirs:
            raise UserError(
                f"{key} is {theirs[:80]}, but {ours[:80]} in {first.path}",
                where=other.path,
                expected="files of one measurement: same base, stage, settings and world",
            )
    shapes = [{n: i.shape for n, i in file.infos.items()} for file in (first, other)]
    if shapes[0] != shapes[1]:
        odd = sorted(n for n in {**shapes[0], **shapes[1]} if shapes[0].get(n) != shapes[1].get(n))
        raise UserError(
            f"names or shapes differ from {first.path}: {', '.join(odd[:6])}", where=other.path
        )
