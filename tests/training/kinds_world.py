"""Cells of every kind of question for a tiny ViLT: open, with choices, about two images."""

from __future__ import annotations

from pathlib import Path

import tiny_vilt
from continual_vqa.backbones.tokens import train_words
from continual_vqa.backbones.vilt import Vilt, build
from shards.world import Images, jpeg, row, write

LISTED = ("true", "false", "red", "green")
THINGS = ("kitchen", "beach", "forest", "market", "garden")
PLACES = 5
COUNT = 16


def model(seed: int = 0, *, places: int = PLACES, pairs: bool = True) -> Vilt:
    words = train_words([*LISTED, *THINGS, "to swim", "what color?", "both are the same."])
    return build(tiny_vilt.config(), words, seed, LISTED, places, pairs).eval()


def piqa(folder: Path) -> dict[str, Path]:
    """Two choices and no image; the beach is right, wherever it stands."""
    rows = []
    for number in range(COUNT):
        choices = ["beach", THINGS[number % 2 * 2]][:: 1 if number % 3 else -1]
        rows.append(_row("piqa", number, "to swim", "beach", "", choices=choices))
    return _cell(folder, "piqa", rows, None)


def commonsenseqa(folder: Path) -> dict[str, Path]:
    """Five choices; the market is right."""
    rows = []
    for number in range(COUNT):
        turned = [*THINGS[number % 5 :], *THINGS[: number % 5]]
        rows.append(_row("commonsenseqa", number, "what color?", "market", "", choices=turned))
    return _cell(folder, "commonsenseqa", rows, None)


def nlvr2(folder: Path) -> dict[str, Path]:
    """Two images, which are the same or not."""
    payloads, rows = {}, []
    for number in range(COUNT):
        same, paths = number % 2 == 0, [f"{number}-{side}.jpg" for side in (0, 1)]
        payloads |= {paths[0]: jpeg(9 * number), paths[1]: jpeg(9 * number + 100 * (not same))}
        answer, asked = str(same).lower(), "both are the same."
        made = _row("nlvr2", number, asked, answer, paths[0], second_image_path=paths[1])
        rows.append(made)
    return _cell(folder, "nlvr2", rows, Images(payloads))


def vqav2(folder: Path) -> dict[str, Path]:
    """One image and an open question."""
    payloads = {f"{number}.jpg": jpeg(200 * (number % 2)) for number in range(COUNT)}
    rows = [
        _row("vqav2", number, "what color?", LISTED[2 + number % 2], f"{number}.jpg")
        for number in range(COUNT)
    ]
    return _cell(folder, "vqav2", rows, Images(payloads))


def all_cells(folder: Path) -> dict[str, Path]:
    return {
        name: path
        for make in (piqa, nlvr2, commonsenseqa, vqav2)
        for name, path in make(folder).items()
    }


def _row(task: str, number: int, question: str, answer: str, path: str, **changes: object) -> dict:
    image = f"{task}-{number}" if path else ""
    given = {"question": question, "answer": answer, "answers": [answer], "image_path": path}
    return row(image, f"{task}-{number}", skill=task, group="all", **given, **changes)


def _cell(folder: Path, task: str, rows: list[dict], images: Images | None) -> dict[str, Path]:
    name = f"train/{task}/all"
    write(folder / name, rows, cell=name, images=images)
    return {name: folder / name}
