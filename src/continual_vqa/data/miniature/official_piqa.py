"""Which of two solutions reaches a goal, in PIQA's layout: from what the world knows."""

from __future__ import annotations

import random
from pathlib import Path

from continual_vqa.config.miniature import MiniatureConfig
from continual_vqa.data.miniature.asking import article
from continual_vqa.data.miniature.categories import CATEGORIES
from continual_vqa.data.miniature.knowledge import PURPOSES, VISITS
from continual_vqa.data.miniature.writing import stream, write_json_lines, write_lines


def write_piqa(config: MiniatureConfig, folder: Path, sizes: dict[str, int]) -> dict[str, int]:
    """Write the folder; `sizes` are the questions of train and test. Returns the counts."""
    rng = stream(config, "piqa")
    problems = _problems(sum(sizes.values()), rng)
    parts = {"train": problems[: sizes["train"]], "valid": problems[sizes["train"] :]}
    for subset, part in parts.items():
        records = [{"goal": goal, "sol1": one, "sol2": two} for goal, one, two, _ in part]
        write_json_lines(folder / f"{subset}.jsonl", records)
        write_lines(folder / f"{subset}-labels.lst", (str(label) for *_, label in part))
    return {f"piqa_{subset}_questions": len(part) for subset, part in parts.items()}


def _problems(number: int, rng: random.Random) -> list[tuple[str, str, str, int]]:
    """Distinct (goal, first solution, second solution, number of the right one)."""
    found: dict[tuple[str, str, str], int] = {}
    while len(found) < number:
        goal, right, wrong = (_visit if rng.random() < 0.2 else _use)(rng)
        label = rng.randrange(2)
        first, second = (right, wrong) if label == 0 else (wrong, right)
        # There are only so many visits: the same one twice is no second question.
        found.setdefault((goal, first, second), label)
    return [(*texts, label) for texts, label in found.items()]


def _visit(rng: random.Random) -> tuple[str, str, str]:
    right, wrong = rng.sample(sorted(VISITS), 2)
    return f"{VISITS[right].capitalize()}", f"go to the {right}", f"go to the {wrong}"


def _use(rng: random.Random) -> tuple[str, str, str]:
    useful = {kind for kind, purpose in PURPOSES.items() if purpose.startswith("to ")}
    right = rng.choice([c for c in CATEGORIES if c.supercategory in useful - {"person"}])
    wrong = rng.choice([c for c in CATEGORIES if c.supercategory != right.supercategory])
    goal = PURPOSES[right.supercategory].capitalize()
    return goal, f"take {article(right.name)}", f"take {article(wrong.name)}"
