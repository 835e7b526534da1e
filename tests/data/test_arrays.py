"""The fast and the strict parser agree, and damage is named."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.data import arrays
from continual_vqa.data.arrays import read_arrays
from continual_vqa.data.problems import Problems
from continual_vqa.errors import UserError

RECORD = pa.struct([("id", pa.int64()), ("text", pa.string()), ("tags", pa.list_(pa.string()))])
FIELDS = {"things": RECORD}

records = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.integers(-(2**63), 2**63 - 1),
            "text": st.text(st.characters(exclude_categories=["Cs"])),
            "tags": st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1),
            "ignored": st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans(),
        }
    )
)


def document(things: object, **more: object) -> bytes:
    return json.dumps({"data_subtype": "val2014", "things": things, **more}).encode()


def read(content: bytes, path: Path, *, skip: bool = False) -> tuple[arrays.Arrays, Problems]:
    path.write_bytes(content)
    problems = Problems(skip)
    return read_arrays(path, FIELDS, problems), problems


@given(records, st.sampled_from([None, 2]), st.booleans())
def test_fast_and_strict_give_the_same(things: list, indent: int | None, escaped: bool) -> None:
    content = json.dumps(
        {"things": things, "data_subtype": "x"}, indent=indent, ensure_ascii=escaped
    ).encode()
    fast = arrays._fast(content, FIELDS)
    strict = arrays._strict(content, "x.json", FIELDS, Problems())
    assert fast is not None
    assert fast.records["things"].to_pylist() == strict.records["things"].to_pylist()
    assert fast.records["things"].to_pylist() == [
        {key: thing[key] for key in ("id", "text", "tags")} for thing in things
    ]
    assert fast.subset == strict.subset == "x"


@pytest.mark.parametrize("form", ["plain", "bom", "gz", "zip", "member"])
def test_official_packings(tmp_path: Path, form: str) -> None:
    content = document([{"id": 1, "text": "a", "tags": ["b"]}])
    path = tmp_path / {"gz": "x.json.gz", "zip": "x.zip", "member": "x.zip"}.get(form, "x.json")
    if "zip" in path.name:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("in/x.json", content)
            if form == "member":
                archive.writestr("y.json", "{}")
    else:
        packed = {"bom": b"\xef\xbb\xbf" + content, "gz": gzip.compress(content)}
        path.write_bytes(packed.get(form, content))
    name = f"{path}!/in/x.json" if form == "member" else path
    found = read_arrays(name, FIELDS, Problems())
    assert found.records["things"].to_pylist() == [{"id": 1, "text": "a", "tags": ["b"]}]


@pytest.mark.parametrize(
    ("thing", "reason"),
    [
        ({"text": "a", "tags": ["b"]}, "record 2: has no 'id'"),
        ({"id": "1", "text": "a", "tags": ["b"]}, "'id' is a text, not a whole number"),
        ({"id": 1.5, "text": "a", "tags": ["b"]}, "'id' is a number, not a whole number"),
        ({"id": True, "text": "a", "tags": ["b"]}, "'id' is true/false, not a whole number"),
        ({"id": 2**70, "text": "a", "tags": ["b"]}, "'id' is too large"),
        ({"id": 1, "text": None, "tags": ["b"]}, "'text' is null, not a text"),
        ({"id": 1, "text": "a", "tags": "b"}, "'tags' is a text, not a list"),
        ({"id": 1, "text": "a", "tags": []}, "'tags' is an empty list"),
        ({"id": 1, "text": "a", "tags": ["b", None]}, "'tags' is null, not a text"),
        ({"id": 1, "text": "\ud800", "tags": ["b"]}, "'text' is not valid Unicode"),
        (7, "is a whole number, not an object"),
        (None, "is null, not an object"),
    ],
)
def test_malformed_records_are_named_and_left_out(
    tmp_path: Path, thing: object, reason: str
) -> None:
    good = {"id": 5, "text": "x", "tags": ["y"]}
    found, problems = read(document([good, thing, good]), tmp_path / "x.json")
    assert found.records["things"].to_pylist() == [good, good]
    assert problems.count("malformed_records") == 1
    with pytest.raises(UserError) as caught:
        problems.check()
    assert reason in str(caught.value)
    assert "x.json" in str(caught.value)
    assert "on_bad_record: skip" in str(caught.value)


def test_truncation_names_the_byte_and_skipping_keeps_whole_records(tmp_path: Path) -> None:
    things = [{"id": i, "text": "a", "tags": ["b"]} for i in range(9)]
    content = document(things)[:-40]
    with pytest.raises(UserError, match=f"truncated JSON: it ends at byte {len(content)}"):
        read(content, tmp_path / "x.json")
    found, problems = read(content, tmp_path / "x.json", skip=True)
    kept = found.records["things"].to_pylist()
    assert kept == things[: len(kept)]
    assert len(kept) == 8
    assert problems.count("damaged_files") == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[]", "holds a list"),
        (b'{"questions": []}', "has no list 'things'; it holds 'questions'"),
        (b'{"things": 3}', "has no list 'things'"),
        (b'{"things": [1}', "invalid JSON at byte"),
        (b'{"things": []} {"things": []}', "invalid JSON at byte 15"),
        (b'{"things": [{"id": NaN, "text": "a", "tags": ["b"]}]}', "NaN"),
        (b'{"things": [{"id": 1, "text": "\xff", "tags": ["a"]}]}', "not UTF-8"),
        (b"", "truncated JSON"),
    ],
)
def test_wrong_documents(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        read(content, tmp_path / "x.json")


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deep_nesting_is_no_crash(tmp_path: Path, opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    deep = opening * 200_000 + ("1" if closing == "}" else "") + closing * 200_000
    found, _ = read(b'{"things": [], "x": ' + deep.encode() + b"}", tmp_path / "x.json")
    assert len(found.records["things"]) == 0
