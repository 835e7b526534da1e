"""The shipped taxonomies say what their papers say; rules and groups are applied as written."""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.config.taxonomy import TaxonomyFile
from continual_vqa.data.taxonomy import Taxonomy, load_taxonomy

CONTIGUOUS = load_taxonomy("vqacl-contiguous")
PUBLISHED = load_taxonomy("vqacl-published")
GQA = load_taxonomy("gqa")


def skills(taxonomy: Taxonomy, *rows: tuple[str, str]) -> list[str | None]:
    kinds, texts = zip(*rows, strict=True)
    table = pa.table({"question_type": list(kinds), "question": list(texts)})
    return taxonomy.assign(table).to_pylist()


@pytest.mark.parametrize(
    ("kind", "text", "skill"),
    [
        ("what is the", "What is the cat doing?", "recognition"),
        ("how", "How is the weather?", "recognition"),
        ("what room is", "What room is this?", "location"),
        ("is this", "Is this a cat?", "judge"),
        ("is this", "Is this woman happy?", "action"),
        ("is this", "Is this man happy?", "judge"),
        ("is this a", "Is this a modest young woman?", "judge"),
        ("are the", "Are the men racing?", "action"),
        ("are the", "Are the women inside or outside?", "judge"),
        ("are these", "Are these men running?", "action"),
        ("are", "Are men acting silly?", "action"),
        ("are the", "Are the menus open?", "judge"),
        ("is the man", "Is the man wet?", "action"),
        ("none of the above", "Overcast or sunny?", "subcategory"),
        ("why", "Why?", "causal"),
        ("what colour is", "What colour is it?", None),
    ],
)
def test_vqacl_skills(kind: str, text: str, skill: str | None) -> None:
    assert skills(CONTIGUOUS, (kind, text)) == [skill]
    assert skills(PUBLISHED, (kind, text)) == [skill]


def test_the_published_protocol(real_data) -> None:
    import json

    protocol = json.loads((real_data / "vqacl" / "vqacl_protocol.json").read_text())
    assert [f"q_{skill}" for skill in CONTIGUOUS.skills] == protocol["all_task_order"]
    assert [f"q_{skill}" for skill in CONTIGUOUS.composition_skills] == protocol["comp_task"]
    groups = {name: list(numbers) for name, numbers in CONTIGUOUS.file.groups.items()}
    assert groups == protocol["category_splits"]


def test_contiguous_reading_has_every_category_in_a_group() -> None:
    groups = CONTIGUOUS.group_of_name()
    assert len(groups) == 80
    assert all(list(groups.values()).count(group) == 16 for group in CONTIGUOUS.groups)


def test_published_reading_compares_ids_as_they_are() -> None:
    groups = PUBLISHED.group_of_name()
    owner = {n: group for group, numbers in PUBLISHED.file.groups.items() for n in numbers}
    ids = PUBLISHED.file.categories
    assert {groups[name] for number, name in ids.items() if number >= 80} == {""}
    assert all(groups[name] == owner[number] for number, name in ids.items() if number < 80)
    assert len(set(range(80)) - set(ids)) == 10


def test_nearest_type() -> None:
    assert CONTIGUOUS.nearest_type("what colour is the") == "what color is the"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["verify", "query", "choose", "logical", "compare"]),
            st.sampled_from(["obj", "cat", "attr", "rel", "global"]),
            st.sampled_from(["exist", "twoSame", "sameAnimals", "typeVerifyC", "relS"]),
        ),
        min_size=1,
    )
)
def test_gqa_precedence(types: list[tuple[str, str, str]]) -> None:
    """knowledge, logical, relation, attribute, object; every official triple has one skill."""
    structural, semantic, detailed = zip(*types, strict=True)
    table = pa.table(
        {
            "question_type": list(structural),
            "answer_type": list(semantic),
            "detailed_type": list(detailed),
        }
    )

    def expected(structural: str, semantic: str, detailed: str) -> str:
        if semantic == "global" or detailed in ("sameAnimals", "typeVerifyC"):
            return "knowledge"
        if structural in ("logical", "compare"):
            return "logical"
        return {"rel": "relation", "attr": "attribute"}.get(semantic, "object")

    assert GQA.assign(table).to_pylist() == [expected(*each) for each in types]


@given(st.lists(st.text()))
def test_groups_by_hash_are_stable(names: list[str]) -> None:
    def bucket(name: str) -> str:
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % 5
        return f"G{number + 1}" if name else ""

    found = GQA.group(pa.array(names, pa.string())).to_pylist()
    assert found == [bucket(name) for name in names]


def test_the_first_fitting_rule_decides() -> None:
    file = TaxonomyFile.model_validate(
        {
            "name": "x",
            "dataset": "vqav2",
            "source": "",
            "skills": ["a", "b"],
            "rules": [
                {
                    "skill": "a",
                    "when": {"question_type": ["is"]},
                    "matches": {"question": "cat"},
                },
                {"skill": "b", "when": {"question_type": ["is", "are"]}},
            ],
            "concepts": {"key": "name_hash"},
            "groups": {"G1": [0]},
        }
    )
    rows = [("is", "Is it a cat?"), ("is", "Is it?"), ("are", "Are cats?"), ("x", "cat")]
    assert skills(Taxonomy(file, "x"), *rows) == ["a", "b", "b", None]
