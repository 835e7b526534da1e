"""Accuracies against what guessing gives: CLiMB (Srinivasan et al., NeurIPS 2022)."""

from __future__ import annotations

from pathlib import Path

from continual_vqa.errors import UserError
from continual_vqa.files.jsons import read_json


def read_chances(path: str | Path) -> dict[str, float]:
    """What guessing gives, by task, from the report of `index`.

    Raises
    ------
    UserError : the file is missing, or no such report
    """
    content = read_json(path)
    found = content.get("random") if isinstance(content, dict) else None
    if not isinstance(found, dict) or not all(_is_share(value) for value in found.values()):
        raise UserError(
            "has no accuracy of guessing",
            where=path,
            expected="the report that `continual-vqa index` writes: random: {task: 0 to 1}",
        )
    return found


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def relative_transfer(after: float, single: float, chance: float) -> float:
    """100 · (S_after − S_single) / (S_single − S_chance), in percent; NaN where single is chance.

    Source: Srinivasan et al., NeurIPS 2022 (CLiMB), low-shot transfer.
    """
    gain = single - chance
    return 100 * (after - single) / gain if gain else float("nan")


def relative_forgetting(learned: float, later: float, chance: float) -> float:
    """100 · (S_learned − S_later) / (S_learned − S_chance), in percent; NaN where nothing was.

    Source: Srinivasan et al., NeurIPS 2022 (CLiMB), forgetting of a task after a later one.
    """
    gain = learned - chance
    return 100 * (learned - later) / gain if gain else float("nan")
