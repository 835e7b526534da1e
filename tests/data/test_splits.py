"""Official and Karpathy splits; held-out compositions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.data.splits import novel_splits, official_split, read_karpathy
from continual_vqa.errors import UserError


@pytest.mark.parametrize(
    ("subset", "split"),
    [("train2014", "train"), ("val2014", "test"), ("train", "train"), ("testdev", "test")],
)
def test_official(subset: str, split: str) -> None:
    assert official_split(subset) == split


def test_subset_without_answers() -> None:
    with pytest.raises(UserError, match="challenge"):
        official_split("challenge")


def test_karpathy(tmp_path: Path) -> None:
    path = tmp_path / "dataset_coco.json"
    splits = ["train", "restval", "val", "test"]
    images = [{"cocoid": i, "split": split} for i, split in enumerate(splits)]
    path.write_text(json.dumps({"images": images}))
    assert read_karpathy(path) == {"0": "train", "1": "train", "2": "val", "3": "test"}


@pytest.mark.parametrize(
    "content", [[], {"images": []}, {"images": [{"cocoid": 1, "split": "x"}]}, {"images": [7]}]
)
def test_other_files_are_refused(tmp_path: Path, content: object) -> None:
    path = tmp_path / "dataset_coco.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match="dataset_coco"):
        read_karpathy(path)


names = st.lists(st.text("abc", min_size=1), min_size=1, max_size=5, unique=True)


@given(names, names, st.data())
def test_novel_compositions(skills: list[str], groups: list[str], data: st.DataObject) -> None:
    composed = data.draw(st.lists(st.sampled_from(skills), unique=True))
    splits = novel_splits(skills, composed, groups)
    assert list(splits) == groups
    for group, split in splits.items():
        everything = {(s, g) for s in skills for g in groups}
        assert everything - set(split.trained) == {(s, group) for s in skills[1:]}
        assert set(split.novel) == {(s, group) for s in skills[1:] if s in composed}
        assert not set(split.novel) & set(split.trained)
        assert set(split.seen) == {(s, g) for s in composed for g in groups} - set(split.novel)
        assert set(split.seen) <= set(split.trained)
