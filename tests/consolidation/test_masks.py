"""Masks hold the exact number of entries, chosen as the settings define it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consolidation.importances import PARTS, SETTINGS, Tensors, tensors, write_importance
from continual_vqa.config.guards import MaskGuard
from continual_vqa.consolidation import select, union
from continual_vqa.consolidation.mask_file import read_mask
from continual_vqa.consolidation.masks import MaskSettings, make_mask
from continual_vqa.errors import UserError
from continual_vqa.files.tensors import ArrayFile, write_arrays

files = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
BUDGETS = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0])


def mask_of(
    folder: Path, tasks: list[Tensors], counts: list[int], **guard: object
) -> tuple[dict[str, dict], dict[str, np.ndarray]]:
    """Summary and masks of some tasks' importance."""
    paths = [
        write_importance(folder / f"{step}.safetensors", task, step=step, count=count)
        for step, (task, count) in enumerate(zip(tasks, counts, strict=True), start=1)
    ]
    out = folder / "mask.safetensors"
    summary = make_mask(paths, MaskSettings(mask=MaskGuard.model_validate(guard)), out)
    header, masks = read_mask(out)
    assert json.loads(header["summary"]) == summary
    return summary, masks


def ranking(means: list[np.ndarray], accumulate: str, decay: float) -> np.ndarray:
    """Flat places in the order in which they are protected, by the definition."""
    if accumulate == "union":
        ranks = np.empty((len(means), means[0].size), int)
        for row, mean in zip(ranks, means, strict=True):
            row[np.argsort(-mean, kind="stable")] = np.arange(mean.size)
        return np.lexsort((ranks.argmin(axis=0), ranks.min(axis=0)))
    total = means[0]
    for mean in means[1:]:
        total = np.maximum(total, mean) if accumulate == "max" else np.float32(decay) * total + mean
    return np.argsort(-total, kind="stable")


@files
@given(
    tasks=st.lists(tensors(), min_size=1, max_size=4),
    counts=st.lists(st.integers(1, 300), min_size=4, max_size=4),
    accumulate=st.sampled_from(["union", "max", "decay"]),
    decay=st.sampled_from([0.0, 0.5, 0.9, 1.0]),
    scope=st.sampled_from(["per_part", "global"]),
    budget=st.fixed_dictionaries({"vision": BUDGETS, "language": BUDGETS}),
    limits=st.sampled_from([(1, 1), (2, 3), (1 << 16, 1 << 17)]),
)
def test_the_mask_is_what_its_settings_define(
    tmp_path: Path,
    tasks: list[Tensors],
    counts: list[int],
    accumulate: str,
    decay: float,
    scope: str,
    budget: dict[str, float],
    limits: tuple[int, int],
) -> None:
    counts = counts[: len(tasks)]
    guard = {"accumulate": accumulate, "decay": decay, "scope": scope, "budget": budget}
    with patch.object(union, "BAND", limits[0]), patch.object(select, "BLOCK", limits[1]):
        summary, masks = mask_of(tmp_path, tasks, counts, **guard)
    names = {part: [n for n in sorted(PARTS) if PARTS[n] == part] for part in budget}
    sizes = {part: sum(tasks[0][n].size for n in names[part]) for part in budget}
    wanted = {part: round(budget[part] * sizes[part]) for part in budget}
    scopes = [(names[part], wanted[part]) for part in budget]
    if scope == "global":
        scopes = [(sorted(PARTS), sum(wanted.values()))]
    for inside, k in scopes:
        means = [
            np.concatenate([task[n].reshape(-1) / np.float32(count) for n in inside])
            for task, count in zip(tasks, counts, strict=True)
        ]
        expected = np.zeros(means[0].size, bool)
        expected[ranking(means, accumulate, decay)[:k]] = True
        found = np.concatenate([masks[n].reshape(-1) for n in inside])
        assert np.array_equal(found, expected)
        assert found.sum() == k
    for part, row in summary.items():
        protected = [np.concatenate([masks[n].reshape(-1) for n in names[part]])]
        zero = [np.concatenate([t[n].reshape(-1) == 0 for n in names[part]]) for t in tasks]
        assert row["protected"] == protected[0].sum()
        assert row["entries"] == sizes[part]
        assert row["zero_importance"] == np.logical_and.reduce(protected + zero).sum()
        if scope == "per_part":
            assert row["protected"] == wanted[part]


def test_one_threshold_protects_what_is_larger_and_the_first_equals(tmp_path: Path) -> None:
    task = {
        "a.weight": np.array([[3, 1, 1], [0, 2, 1]], np.float32),
        "b.bias": np.array([5], np.float32),
        "c": np.array([0, 1, 9, 0], np.float32),
    }
    summary, masks = mask_of(tmp_path, [task], [2], budget={"vision": 0.5, "language": 0.6})
    assert masks["a.weight"].tolist() == [[True, True, False], [False, True, False]]
    assert masks["b.bias"].tolist() == [True]
    assert masks["c"].tolist() == [False, True, True, False]
    assert summary["vision"] == {
        "entries": 6,
        "budget": 0.5,
        "protected": 3,
        "share": 0.5,
        "threshold": 0.5,
        "zero_importance": 0,
    }
    assert (summary["language"]["protected"], summary["language"]["threshold"]) == (3, 0.5)
    summary, masks = mask_of(
        tmp_path, [task], [2], scope="global", budget={"vision": 0.0, "language": 0.4}
    )
    assert [summary[part]["protected"] for part in ("vision", "language")] == [0, 2]
    assert {row["threshold"] for row in summary.values()} == {2.5}


def test_nothing_and_everything(tmp_path: Path) -> None:
    task = {"a.weight": np.ones((2, 3)), "b.bias": np.zeros(1), "c": np.arange(4)}
    task = {name: value.astype(np.float32) for name, value in task.items()}
    summary, masks = mask_of(tmp_path, [task], [1], budget={"vision": 0.0, "language": 1.0})
    assert (summary["vision"]["protected"], summary["vision"]["threshold"]) == (0, None)
    assert not masks["a.weight"].any()
    assert masks["b.bias"].all()
    assert masks["c"].all()
    assert (summary["language"]["threshold"], summary["language"]["zero_importance"]) == (0, 2)


def test_equal_content_gives_equal_bytes_and_training_leaves_no_trace(tmp_path: Path) -> None:
    task = {name: np.full(3, 2, np.float32) for name in PARTS}
    contents = []
    for changed in (0.25, 1.0):
        mask_of(tmp_path, [task], [1], strength={"vision": changed}, directional=changed)
        contents.append((tmp_path / "mask.safetensors").read_bytes())
    assert contents[0] == contents[1]
    stored = ArrayFile(tmp_path / "mask.safetensors").metadata
    assert set(json.loads(stored["settings"])) == MaskGuard.model_fields.keys() - {
        "strength",
        "directional",
    }
    assert (stored["format"], stored["step"]) == ("continual-vqa mask 1", "1")


BAD = np.array([1, 2, np.nan], np.float32)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"base_sha256": "other"}, "base_sha256 is other, not base"),
        ({"parts": {**PARTS, "c": "vision"}}, "parts differ: c is vision, not language"),
        ({"parts": {**PARTS, "d": "vision"}}, "'d' is not both a tensor and in"),
        ({"settings": {**SETTINGS, "samples": 7}}, "settings differ: samples is 7, not 300"),
        ({"step": 1}, "is of step 1 and comes after"),
        ({"tensors": {"c": np.ones(5, np.float32)}}, r"shapes differ: c is \(5,\), not \(3,\)"),
        ({"tensors": {"c": np.ones(3, np.float64)}}, "'c' has dtype F64, not F32"),
        ({"tensors": {"c": BAD}}, "'c' holds nan"),
        ({"tensors": {"c": -BAD[:2]}}, "'c' holds -1.0, and 2 such values"),
        ({"tensors": {"c": np.full(3, np.inf, np.float32)}}, "'c' holds inf"),
        ({"parts": {**PARTS, "c": ["x"]}}, "parts are not names"),
        ({"count": 0}, "its count is '0'"),
        ({"rank": "0", "world": "2"}, "importance-merge"),
        ({"format": "continual-vqa stage 1"}, "has format 'continual-vqa stage 1'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_files_that_do_not_fit_are_refused(tmp_path: Path, changed: dict, message: str) -> None:
    task = {name: np.ones(3, np.float32) for name in PARTS}
    first = write_importance(tmp_path / "first", task, step=1)
    kept = {"step": 2, **changed}
    second = write_importance(
        tmp_path / "second",
        {**task, **kept.pop("tensors", {})},
        **kept,  # type: ignore[arg-type]
    )
    with pytest.raises(UserError, match=message) as raised:
        make_mask([first, second], MaskSettings(), tmp_path / "out")
    assert raised.value.where == str(second)
    assert not (tmp_path / "out").exists()


def test_minus_zero_is_an_importance(tmp_path: Path) -> None:
    task = {name: np.array([-0.0, 0, 1], np.float32) for name in PARTS}
    _, masks = mask_of(tmp_path, [task], [1], budget={"vision": 2 / 3})
    assert masks["a.weight"].tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("part", "guard", "message"),
    [
        ("hearing", {}, "part 'hearing' has no budget"),
        ("vision", {"importance": {"kind": "mas"}}, "was measured with kind 'fisher'"),
        ("vision", {"importance": {"direction": True}}, ""),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    tmp_path: Path, part: str, guard: Mapping, message: str
) -> None:
    task = {name: np.ones(3, np.float32) for name in PARTS}
    path = write_importance(tmp_path / "x", task, parts={**PARTS, "a.weight": part})
    settings = MaskSettings(mask=MaskGuard.model_validate(guard))
    if not message:
        make_mask([path], settings, tmp_path / "out")
        return
    with pytest.raises(UserError, match=message):
        make_mask([path], settings, tmp_path / "out")


@pytest.mark.parametrize(
    ("metadata", "arrays", "message"),
    [
        ({"format": "?"}, {}, "has format '?'"),
        ({"summary": ""}, {}, "the header's summary are null"),
        ({"shapes": "{}"}, {}, "different names"),
        ({"parts": '{"w": ["vision"]}'}, {}, "parts are not names"),
        ({"shapes": '{"w": [17]}'}, {}, r"'w' does not hold the bits of \[17\]"),
        ({"shapes": '{"w": "x"}'}, {}, "'w' does not hold the bits of x"),
        ({}, {"w": np.array([7, 1], np.uint8)}, "part 'vision' has 4 bits set"),
        ({}, {"w": np.array([7, 0], np.int8)}, "'w' does not hold"),
    ],
)
def test_a_damaged_mask_is_refused(
    tmp_path: Path, metadata: dict, arrays: dict, message: str
) -> None:
    sound = {
        "format": "continual-vqa mask 1",
        "shapes": '{"w": [3, 3]}',
        "parts": '{"w": "vision"}',
        "summary": '{"vision": {"protected": 3}}',
    }
    path = tmp_path / "mask.safetensors"
    bits = {"w": np.array([7, 0], np.uint8)}
    write_arrays(path, bits, sound)
    assert read_mask(path)[1]["w"].tolist() == [[True] * 3, [False] * 3, [False] * 3]
    write_arrays(path, bits | arrays, sound | metadata)
    with pytest.raises(UserError, match=message):
        read_mask(path)
