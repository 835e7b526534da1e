from __future__ import annotations

from continual_vqa.data.miniature.categories import (
    BY_NAME,
    CATEGORIES,
    SUPERCATEGORIES,
    members,
)
from continual_vqa.data.miniature.generate import concept_groups
from continual_vqa.data.taxonomy import load_taxonomy


def test_the_categories_are_cocos() -> None:
    taxonomy = load_taxonomy("vqacl-contiguous")
    assert {each.id: each.name for each in CATEGORIES} == taxonomy.file.categories
    assert [each.index for each in CATEGORIES] == list(range(80))
    assert [each.id for each in CATEGORIES] == sorted(each.id for each in CATEGORIES)


def test_every_supercategory_has_members_and_plurals_are_words() -> None:
    assert {each.supercategory for each in CATEGORIES} == set(SUPERCATEGORIES)
    assert BY_NAME["person"].plural == "people"
    assert BY_NAME["bus"].plural == "buses"
    assert BY_NAME["dog"].plural == "dogs"


def test_members_are_found_by_name_and_by_supercategory() -> None:
    assert members("tie", "person") == {BY_NAME["tie"].index, BY_NAME["person"].index}
    assert len(members("animal")) == 10


def test_groups_share_out_all_categories() -> None:
    groups = concept_groups()
    assert list(groups) == ["G1", "G2", "G3", "G4", "G5"]
    assert all(len(each) == 16 for each in groups.values())
    assert {each.index for group in groups.values() for each in group} == set(range(80))
