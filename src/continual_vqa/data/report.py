"""The data report: what was read, how it falls into cells, what was left out and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.data.problems import Problems

SPLITS = ("train", "val", "test")


def data_report(
    questions: pa.Table,
    problems: Problems,
    sources: Mapping[str, object],
    skills: Sequence[str],
    groups: Sequence[str],
) -> dict[str, object]:
    """The report as JSON-able data.

    Parameters
    ----------
    questions : the rows that were kept, with schema `QUESTIONS`
    sources : what was read, for people
    skills, groups : the taxonomy's, in order
    """
    counted = questions.group_by(["split", "skill", "group"]).aggregate([([], "count_all")])
    cells = {
        (row["split"], row["skill"], row["group"]): row["count_all"] for row in counted.to_pylist()
    }
    splits = [split for split in SPLITS if any(cell[0] == split for cell in cells)]
    return {
        "sources": dict(sources),
        "questions": questions.num_rows,
        "images": len(questions["image_id"].unique()),
        "per_split": _totals(cells, 0, splits),
        "per_skill": _totals(cells, 1, skills),
        "per_group": _totals(cells, 2, groups),
        "in_no_group": _no_group(questions),
        "cells": [
            {
                "split": split,
                "skill": skill,
                "group": group,
                "questions": cells.get((split, skill, group), 0),
            }
            for split in splits
            for skill in skills
            for group in groups
        ],
        "problems": problems.as_json(),
    }


def report_text(report: Mapping[str, object]) -> str:
    """The report for a person: a table of skills by split and group, and what was left out."""
    lines = [f"{report['questions']:,} questions about {report['images']:,} images", ""]
    lines += _matrix(report)
    outside = _mapping(report["in_no_group"])
    if outside["questions"]:
        lines += [
            "",
            f"{outside['questions']:,} questions ({outside['images']:,} images) are in no concept "
            f"group, so in no cell: {_reasons(outside)}",
        ]
    problems = [
        f"  {kind.replace('_', ' ')}: {_mapping(found)['count']:,}"
        for kind, found in _mapping(report["problems"]).items()
        if _mapping(found)["count"]
    ]
    lines += ["", "left out:", *problems] if problems else ["", "nothing was left out"]
    return "\n".join(lines)


def _totals(
    cells: Mapping[tuple[str, str, str], int], position: int, names: Sequence[str]
) -> dict[str, int]:
    return {
        name: sum(count for cell, count in cells.items() if cell[position] == name)
        for name in names
    }


def _no_group(questions: pa.Table) -> dict[str, object]:
    """How many questions no group holds, and the concepts of their images."""
    rows = questions.filter(pc.equal(questions["group"], ""))
    concepts = rows.group_by("concept").aggregate([([], "count_all")]).to_pylist()
    return {
        "questions": rows.num_rows,
        "images": len(rows["image_id"].unique()),
        "concepts": {
            row["concept"]: row["count_all"]
            for row in sorted(concepts, key=lambda row: row["concept"])
        },
    }


def _reasons(outside: Mapping[str, object]) -> str:
    concepts = dict(_mapping(outside["concepts"]))
    unknown = concepts.pop("", 0)
    parts = [f"{unknown:,} without a known concept"] if unknown else []
    if concepts:
        named = ", ".join(f"{name} {count:,}" for name, count in concepts.items())
        parts.append(f"{sum(concepts.values()):,} of concepts that no group lists ({named})")
    return "; ".join(parts)


def _matrix(report: Mapping[str, object]) -> list[str]:
    groups = list(_mapping(report["per_group"]))
    splits = list(_mapping(report["per_split"]))
    cells = {
        (cell["split"], cell["skill"], cell["group"]): cell["questions"]
        for cell in report["cells"]  # type: ignore[attr-defined]
    }
    skills = list(_mapping(report["per_skill"]))
    width = max(map(len, skills), default=5)
    lines = []
    for split in splits:
        lines.append(
            f"{split:<{width}}  " + "".join(f"{name:>9}" for name in [*groups, "in cells"])
        )
        for skill in skills:
            row = [cells[split, skill, group] for group in groups]
            lines.append(f"{skill:<{width}}  " + "".join(f"{n:>9,}" for n in [*row, sum(row)]))
        total = [sum(cells[split, skill, group] for skill in skills) for group in groups]
        lines.append(f"{'all':<{width}}  " + "".join(f"{n:>9,}" for n in [*total, sum(total)]))
        lines.append("")
    totals = ", ".join(f"{n} {c:,}" for n, c in _mapping(report["per_skill"]).items())
    return [*lines, f"all questions per skill: {totals}"]


def _mapping(value: object) -> Mapping[str, int]:
    assert isinstance(value, Mapping)
    return value
