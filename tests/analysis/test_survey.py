"""The survey says of files what a slow and simple count says."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consolidation.importances import PARTS, SHAPES, Tensors, tensors, write_importance
from continual_vqa.analysis.importance_sets import histogram, parts_of
from continual_vqa.analysis.schemas import FURTHER
from continual_vqa.analysis.survey import SurveyedStep, survey
from continual_vqa.cli import main
from continual_vqa.config.guards import MaskGuard, PartShares
from continual_vqa.consolidation.masks import MaskSettings, make_mask
from continual_vqa.consolidation.task_importance import TaskImportance
from continual_vqa.errors import UserError

RUN = {"stream": "published", "recipe": "aim", "seed": 0, "guard": 0}
TASKS = ("count", "color", "action")
BUDGET = PartShares(vision=0.3, language=0.6)


def surveyed(folder: Path, tasks: list[Tensors], guard: MaskGuard | None) -> list[SurveyedStep]:
    """Importances, and masks of `guard`, of successive tasks as the survey reads them."""
    steps, paths = [], []
    for step, task in enumerate(tasks, start=1):
        paths.append(write_importance(folder / f"i{step}.safetensors", task, step=step, count=2))
        mask = ""
        if guard is not None:
            mask = str(folder / f"m{step}.safetensors")
            make_mask(paths, MaskSettings(mask=guard), mask)
        content = {"importance": str(paths[-1]), "mask": mask, "settings": guard}
        steps.append(SurveyedStep(**RUN, step=step, task=TASKS[step - 1], **content))
    return steps


def draws(seed: int) -> Tensors:
    rng = np.random.default_rng(seed)
    return {name: rng.random(shape).astype(np.float32) for name, shape in SHAPES.items()}


def top(task: Tensors, part: str, scope: str) -> set[tuple[str, int]]:
    """The entries of a part in the top set, by sorting."""
    entries = [(n, i, float(v)) for n in sorted(task) for i, v in enumerate(task[n].flat)]
    sizes = {p: sum(PARTS[n] == p for n, *_ in entries) for p in set(PARTS.values())}
    kept = {p: round(getattr(BUDGET, p) * size) for p, size in sizes.items()}
    ranked = sorted(entries, key=lambda e: -e[2])  # stable: ties in order
    if scope == "per_part":
        chosen = [e for e in ranked if PARTS[e[0]] == part][: kept[part]]
    else:
        chosen = [e for e in ranked[: sum(kept.values())] if PARTS[e[0]] == part]
    return {(name, place) for name, place, _ in chosen}


@pytest.mark.parametrize("scope", ["per_part", "global"])
def test_overlap_is_that_of_the_sorted_entries(tmp_path: Path, scope: str) -> None:
    tasks = [draws(seed) for seed in range(3)]
    steps = surveyed(tmp_path, tasks, MaskGuard(scope=scope, budget=BUDGET))  # type: ignore[arg-type]
    rows = {(r["task_a"], r["task_b"], r["part"]): r for r in survey(steps)["overlap"].to_pylist()}
    assert len(rows) == 6 * 2
    entries = {
        part: sum(int(np.prod(SHAPES[n])) for n in SHAPES if PARTS[n] == part)
        for part in PARTS.values()
    }
    for (a, b), part in itertools.product(
        itertools.combinations_with_replacement(range(3), 2), entries
    ):
        one, other = top(tasks[a], part, scope), top(tasks[b], part, scope)
        row = rows[TASKS[a], TASKS[b], part]
        assert row["both"] == pytest.approx(len(one & other) / entries[part])
        assert row["either"] == pytest.approx(len(one | other) / entries[part])
        assert row["jaccard"] == pytest.approx(len(one & other) / len(one | other))


def test_masks_are_told_as_their_headers_say(tmp_path: Path) -> None:
    steps = surveyed(tmp_path, [draws(0), draws(1)], MaskGuard(budget=BUDGET))
    rows = survey(steps)["masks"].to_pylist()
    assert [(r["step"], r["task"], r["part"]) for r in rows] == [
        (1, "count", "language"),
        (1, "count", "vision"),
        (2, "color", "language"),
        (2, "color", "vision"),
    ]
    assert all(r["protected"] == round(r["budget"] * r["entries"]) for r in rows)
    assert all(r["share"] == r["protected"] / r["entries"] for r in rows)


def test_a_penalty_has_importances_and_no_masks(tmp_path: Path) -> None:
    tables = survey(surveyed(tmp_path, [draws(0)], None))
    assert {n for n, t in tables.items() if t.num_rows} == {"importance"}
    assert all(tables[name].schema.equals(FURTHER[name]) for name in tables)


EDGE = 1e-5


@settings(max_examples=40, deadline=None)
@given(tensors(), st.integers(1, 5))
def test_every_entry_lies_in_its_bin(tmp_path_factory, task: Tensors, count: int) -> None:
    path = tmp_path_factory.mktemp("importance") / "i.safetensors"
    importance = TaskImportance(write_importance(path, task, count=count))
    for part, names in parts_of(importance).items():
        values = np.concatenate([task[n].reshape(-1) for n in names]) / np.float32(count)
        bins = histogram(importance, names)
        assert sum(b.count for b in bins) == values.size
        assert sum(b.count for b in bins if np.isinf(b.low)) == (values == 0).sum(), part
        positive = np.log10(values[values > 0])
        for each in bins:
            if not np.isinf(each.low):
                # A logarithm on the edge of two bins may be rounded into either.
                surely = (positive > each.low + EDGE) & (positive < each.high - EDGE)
                perhaps = (positive > each.low - EDGE) & (positive < each.high + EDGE)
                assert surely.sum() <= each.count <= perhaps.sum()


def test_the_verb_writes_three_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps = surveyed(tmp_path, [draws(0), draws(1)], MaskGuard())
    runs = tmp_path / "runs.json"
    runs.write_text(json.dumps({"identity": {}, "runs": [s.model_dump() for s in steps]}))
    tables = [f"--{n}={tmp_path}/{n}.parquet" for n in ("masks", "overlap", "importance")]
    assert main(["survey", "--runs", str(runs), *tables, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["overlap_rows"] == 6
    runs.write_text(json.dumps({"runs": [{"stream": "published"}]}))
    assert main(["survey", "--runs", str(runs), *tables]) == 2
    assert "runs.0.recipe" in capsys.readouterr().err


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    (step,) = surveyed(tmp_path, [draws(0)], MaskGuard())
    with pytest.raises(UserError, match=r"i1\.safetensors.*continual-vqa mask 1"):
        survey([step.model_copy(update={"mask": step.importance})])
    with pytest.raises(UserError, match=r"m1\.safetensors.*continual-vqa importance 1"):
        survey([step.model_copy(update={"importance": step.mask})])
