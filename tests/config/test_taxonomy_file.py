"""Taxonomy files: the shipped ones are sound, mistakes in others are named."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from continual_vqa.config.taxonomy import read_taxonomy, shipped_taxonomies, taxonomy_names
from continual_vqa.errors import UserError

RULES = [
    {"skill": "a", "when": {"question_type": ["is"]}},
    {"skill": "b", "when": {"question_type": ["are"]}, "matches": {"question": "^Are"}},
]
BROKEN = {"skill": "a", "when": {"x": ["y"]}, "matches": {"x": "("}}
GOOD = {
    "name": "mine",
    "dataset": "vqav2",
    "source": "a test",
    "skills": ["a", "b"],
    "composition_skills": ["b"],
    "rules": RULES,
    "concepts": {"key": "name_hash", "buckets": 2},
    "groups": {"G1": [0], "G2": [1]},
}


def write(folder: Path, content: object) -> str:
    path = folder / "mine.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return str(path)


def test_shipped() -> None:
    assert shipped_taxonomies() == ("gqa", "vqacl-contiguous", "vqacl-published")
    for name in shipped_taxonomies():
        names = taxonomy_names(name)
        assert names.groups == ("G1", "G2", "G3", "G4", "G5")
        assert set(names.composition_skills) < set(names.skills)
    assert read_taxonomy("vqacl-published").rules == read_taxonomy("vqacl-contiguous").rules


def test_own_file(tmp_path: Path) -> None:
    names = taxonomy_names(write(tmp_path, GOOD))
    assert (names.skills, names.groups, names.composition_skills) == (
        ("a", "b"),
        ("G1", "G2"),
        ("b",),
    )


def test_extending_replaces_keys(tmp_path: Path) -> None:
    path = write(
        tmp_path, {"extends": "vqacl-contiguous", "name": "mine", "composition_skills": []}
    )
    assert taxonomy_names(path).composition_skills == ()
    assert taxonomy_names(path).skills == taxonomy_names("vqacl-contiguous").skills


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"skills": ["a", "b", "c"]}, "skills without a rule: c"),
        ({"skills": ["a"]}, "skills that are not in `skills`: b"),
        ({"skills": ["a", "a", "b"]}, "a skill is named twice"),
        ({"skills": ["a/x", "b"]}, "skills.0"),
        ({"composition_skills": ["x"]}, "not in `skills`: x"),
        ({"groups": {"G1": [0], "G2": [0, 1]}}, "0 is in both G1 and G2"),
        ({"groups": {"../G": [0]}}, "groups"),
        ({"rules": [*RULES, {"skill": "b", "when": {"question_type": ["is"]}}]}, "both a and b"),
        ({"rules": [*RULES, BROKEN]}, "rule of a"),
        ({"rules": [{"skill": "a"}]}, "rules.0.when"),
        ({"concepts": {"key": "coco_id"}}, "needs `categories`"),
        ({"concepts": {"key": "coco"}}, "concepts.key"),
        ({"dataset": "vqa"}, "dataset"),
        ({"extra": 1}, "extra"),
    ],
)  # fmt: skip
def test_mistakes(tmp_path: Path, change: dict, reason: str) -> None:
    path = write(tmp_path, GOOD | change)
    with pytest.raises(UserError) as caught:
        read_taxonomy(path)
    assert reason in str(caught.value)
    assert path in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "is not YAML at line"),
        ("- a", "holds a list"),
        ("", "holds a NoneType"),
        ("a: !!python/object/apply:os.system [ls]", "is not YAML"),
        ("extends: nothing", "unknown taxonomy 'nothing'"),
        ("extends: vqacl-published", "itself extends another"),
    ],
)
def test_wrong_documents(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        read_taxonomy(write(tmp_path, text))


def test_unknown_names() -> None:
    with pytest.raises(UserError, match="did you mean vqacl-contiguous"):
        read_taxonomy("vqacl-contigous")
    with pytest.raises(UserError, match="cannot read"):
        read_taxonomy("absent.yaml")
    with pytest.raises(UserError, match="unknown taxonomy"):
        read_taxonomy("../sources")
