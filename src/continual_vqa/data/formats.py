"""The official formats that can be a task of a study of several: how each is read and cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.data.commonsenseqa import read_commonsenseqa
from continual_vqa.data.gqa import read_gqa
from continual_vqa.data.image_folder import read_image_folder
from continual_vqa.data.inaturalist import read_inaturalist
from continual_vqa.data.nlvr2 import read_nlvr2
from continual_vqa.data.piqa import read_piqa
from continual_vqa.data.places365 import read_places365
from continual_vqa.data.problems import Problems
from continual_vqa.data.records import Reader
from continual_vqa.data.snli_ve import read_snli_ve
from continual_vqa.data.vqav2 import read_vqav2
from continual_vqa.errors import UserError


@dataclass(frozen=True, slots=True)
class Format:
    """What is peculiar to a format.

    Attributes
    ----------
    read : its question and annotation files as rows; see `records.Reader`
    splits : subset, without the digits at its end -> train, val or test
    chance : accuracy in [0, 1] of guessing (rows with schema RAW): what CLiMB calls random
    """

    read: Reader
    splits: Mapping[str, str]
    chance: Callable[[pa.Table], float]

    def split_of(self, subset: str) -> str:
        """The split of a subset; "train2014" is "train".

        Raises
        ------
        UserError : a subset without published answers
        """
        name = subset.rstrip("0123456789")
        if name not in self.splits:
            raise UserError(
                f"subset {subset!r} has no published answers", expected=", ".join(self.splits)
            )
        return self.splits[name]


def of_choices(rows: pa.Table) -> float:
    """One of the choices of each question, drawn at random."""
    return float(pc.mean(pc.divide(1.0, pc.list_value_length(rows["choices"]))).as_py() or 0)


def of_classes(rows: pa.Table) -> float:
    """One of the answers that there are, drawn at random: right once in as many as they are."""
    return 1 / max(1, len(rows["answer"].unique()))


def open_ended(_rows: pa.Table) -> float:
    """Nothing is guessed where anything may be answered (as CLiMB counts VQA v2)."""
    return 0.0


def _gqa(
    questions: Sequence[str | Path], annotations: Sequence[str | Path], problems: Problems
) -> pa.Table:
    if set(annotations) - set(questions):
        raise UserError("GQA has no annotation files: its questions hold the answers")
    return read_gqa(questions, {}, problems)


def _vqav2(
    questions: Sequence[str | Path], annotations: Sequence[str | Path], problems: Problems
) -> pa.Table:
    if not annotations:
        raise UserError("the ground truth of VQA v2 is in its annotations", do="give --annotations")
    return read_vqav2(questions, annotations, problems)


_TWO = {"train": "train", "val": "test", "valid": "test", "dev": "test"}
_THREE = {"train": "train", "dev": "val", "val": "val", "test": "test"}

# Where a test split has published answers, the development split is "val"; else it is the test.
FORMATS: Mapping[str, Format] = {
    "vqav2": Format(_vqav2, _TWO, open_ended),
    "gqa": Format(_gqa, _TWO | {"testdev": "test"}, open_ended),
    "snli_ve": Format(read_snli_ve, _THREE, of_classes),
    "piqa": Format(read_piqa, _TWO, of_choices),
    "commonsenseqa": Format(read_commonsenseqa, _TWO, of_choices),
    "nlvr2": Format(read_nlvr2, _THREE, of_classes),
    "inaturalist": Format(read_inaturalist, _TWO, of_classes),
    "places365": Format(read_places365, _TWO, of_classes),
    "image_folder": Format(read_image_folder, _TWO | {"test": "test"}, of_classes),
}
