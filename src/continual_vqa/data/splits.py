"""Which questions train and which test; and which cells a held-out composition leaves out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from continual_vqa.errors import UserError
from continual_vqa.files.jsons import read_json

# The beginning of a subset's name -> split. Both datasets publish no answers for their test sets.
OFFICIAL = {"train": "train", "val": "test", "testdev": "test", "dev": "test", "test": "test"}
# Karpathy's split -> ours; "restval" is the part of val2014 that trains (VQACL, VL-T5).
KARPATHY = {"train": "train", "restval": "train", "val": "val", "test": "test"}


def official_split(subset: str) -> str:
    """train2014 -> train, val2014 -> test; GQA: train -> train, val and testdev -> test.

    Raises
    ------
    UserError : a subset without published answers
    """
    name = subset.rstrip("0123456789")
    if name not in OFFICIAL:
        raise UserError(f"subset {subset!r} has no published answers", expected=", ".join(OFFICIAL))
    return OFFICIAL[name]


def read_karpathy(path: str | Path) -> dict[str, str]:
    """COCO image id -> split, from dataset_coco.json.

    Raises
    ------
    UserError : the file is missing, damaged or not of this format
    """
    document = read_json(path)
    images = document.get("images") if isinstance(document, dict) else None
    if not isinstance(images, list) or not images:
        raise UserError("has no list 'images'", where=path, expected="Karpathy's dataset_coco.json")
    splits: dict[str, str] = {}
    for number, image in enumerate(images, 1):
        match image:
            case {"cocoid": int(image_id), "split": str(split)} if split in KARPATHY:
                splits[str(image_id)] = KARPATHY[split]
            case _:
                raise UserError(
                    f"image {number} has no valid 'cocoid' and 'split'",
                    where=path,
                    expected=f"a COCO id and one of {', '.join(KARPATHY)}",
                )
    return splits


@dataclass(frozen=True, slots=True)
class NovelSplit:
    """The novel-composition setting of one held-out group.

    Attributes
    ----------
    trained : (skill, group) cells that are trained on
    novel : cells never trained on, of the composition skills: tested alone
    seen : the other cells of the same skills: what the novel ones are compared with
    """

    held_out: str
    trained: tuple[tuple[str, str], ...]
    novel: tuple[tuple[str, str], ...]
    seen: tuple[tuple[str, str], ...]


def novel_split(
    skills: Sequence[str], composition_skills: Sequence[str], groups: Sequence[str], held_out: str
) -> NovelSplit:
    """What one held-out group leaves out (VQACL, novel composition testing).

    Its cells are skipped in every task but the first of `skills` (given in the order of learning);
    if the first is a composition skill, its cell of that group is therefore not novel.
    """
    if held_out not in groups:
        raise ValueError(f"{held_out!r} is none of {', '.join(groups)}")
    skipped = {(skill, held_out) for skill in skills[1:]}
    cells = [(skill, group) for skill in skills for group in groups]
    tested = [cell for cell in cells if cell[0] in composition_skills]
    return NovelSplit(
        held_out,
        trained=tuple(cell for cell in cells if cell not in skipped),
        novel=tuple(cell for cell in tested if cell in skipped),
        seen=tuple(cell for cell in tested if cell not in skipped),
    )


def novel_splits(
    skills: Sequence[str], composition_skills: Sequence[str], groups: Sequence[str]
) -> Mapping[str, NovelSplit]:
    """`novel_split` for every group."""
    return {group: novel_split(skills, composition_skills, groups, group) for group in groups}
