"""The importance of every trained entry for one task, read for ranking: no torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continual_vqa.consolidation.importance_file import DIRECTION, FORMAT
from continual_vqa.consolidation.select import Entries
from continual_vqa.errors import UserError
from continual_vqa.files.jsons import parse_json
from continual_vqa.files.tensors import ArrayFile

# The largest finite float32 as an integer: patterns of finite floats >= 0 lie from 0 to it.
_LARGEST = 0x7F7FFFFF


class TaskImportance:
    """One importance file, checked.

    The importance of an entry is its sum over samples divided by their number, in float32.

    Attributes
    ----------
    path, metadata : the file and its header
    step, count : position of its task in the stream; number of samples
    parts : name of every trained parameter -> its part, sorted by name
    shapes : name -> shape
    settings : how the importance was measured
    """

    def __init__(self, path: str | Path) -> None:
        """Raises `UserError` for a damaged file, one rank's share, or values that cannot be."""
        self.path = Path(path)
        self._file = ArrayFile(path)
        self.metadata = self._file.metadata
        if self.metadata.get("format") != FORMAT:
            raise UserError(
                f"has format {self.metadata.get('format')!r}",
                where=path,
                expected=f"{FORMAT!r}, as `continual-vqa importance` writes it",
            )
        if "rank" in self.metadata:
            raise UserError(
                f"is the share of rank {self.metadata['rank']}",
                where=path,
                expected="the sum over all ranks",
                do="add the shares with `continual-vqa importance-merge`",
            )
        self.step, self.count = (self._number(key) for key in ("step", "count"))
        self.parts: dict[str, str] = dict(sorted(self._json("parts").items()))
        self.settings = self._json("settings")
        if not all(isinstance(part, str) for part in self.parts.values()):
            raise self._damaged("the header's parts are not names")
        infos = {n: i for n, i in self._file.infos.items() if not n.startswith(DIRECTION)}
        if infos.keys() != self.parts.keys():
            odd = min(infos.keys() ^ self.parts.keys())
            raise self._damaged(f"{odd!r} is not both a tensor and in the header's parts")
        self.shapes = {name: infos[name].shape for name in self.parts}
        for name, info in infos.items():
            if info.dtype != "F32":
                raise self._damaged(f"tensor {name!r} has dtype {info.dtype}, not F32")
            self._check(name)

    def entries(self, names: Sequence[str]) -> Entries:
        """The importances of the tensors `names`, in this order."""
        return Entries(self._file, names, self.count)

    def array(self, name: str) -> NDArray[np.float32]:
        """The sums over samples of one tensor, mapped."""
        return self._file[name]

    def _check(self, name: str) -> None:
        values = self._file[name]
        patterns = values.view(np.int32)
        if not values.size or (patterns.min() >= 0 and patterns.max() <= _LARGEST):
            return
        # Minus zero has a negative pattern and is no mistake.
        wrong = ~(np.isfinite(values) & (values >= 0))
        if wrong.any():
            raise UserError(
                f"tensor {name!r} holds {values[wrong].flat[0]}, and"
                f" {np.count_nonzero(wrong):,} such values in all",
                where=self.path,
                expected="finite importances of 0 or more",
                do="look at the training curve of this stage: did it diverge?",
            )

    def _number(self, key: str) -> int:
        text = self.metadata.get(key, "")
        if not (text.isascii() and text.isdigit() and len(text) < 19 and int(text) > 0):
            raise self._damaged(f"its {key} is {text!r}")
        return int(text)

    def _json(self, key: str) -> dict[str, Any]:
        value = parse_json(self.metadata.get(key, "").encode() or b"null", self.path)
        if not isinstance(value, dict):
            raise self._damaged(f"the header's {key} are {json.dumps(value)[:40]}")
        return value

    def _damaged(self, reason: str) -> UserError:
        return UserError(
            f"damaged importance file: {reason}",
            where=self.path,
            do="delete it and run the workflow again: it will be made anew",
        )


def read_tasks(paths: Sequence[str | Path]) -> list[TaskImportance]:
    """The importance files of successive tasks, checked to belong together.

    Raises
    ------
    UserError : a file of another base, of other tensors, shapes or parts, measured in another way,
        or not after its predecessor in the stream
    """
    tasks = [TaskImportance(path) for path in paths]
    for before, task in pairwise(tasks):
        for what, one, other in (
            ("base_sha256", before.metadata.get("base_sha256"), task.metadata.get("base_sha256")),
            ("parts", before.parts, task.parts),
            ("shapes", before.shapes, task.shapes),
            ("settings", before.settings, task.settings),
        ):
            if one != other:
                raise UserError(
                    f"does not belong to {before.path}: its {_difference(what, one, other)}",
                    where=task.path,
                    do="give importance files of one run, measured in one way",
                )
        if task.step <= before.step:
            raise UserError(
                f"is of step {task.step} and comes after {before.path} of step {before.step}",
                where=task.path,
                expected="files in the order of their steps",
            )
    return tasks


def _difference(what: str, one: Any, other: Any) -> str:
    if not isinstance(one, dict):
        return f"{what} is {other}, not {one}"
    key = min(k for k in one.keys() | other.keys() if one.get(k) != other.get(k))
    return f"{what} differ: {key} is {other.get(key, 'absent')}, not {one.get(key, 'absent')}"
