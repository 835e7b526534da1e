"""Every form in which official JSON comes, and every way in which it is damaged."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.errors import UserError
from continual_vqa.files.jsons import MAX_DEPTH, parse_json, read_json

DOCUMENT = {"questions": [{"question_id": 1, "question": "Où?"}]}
CONTENT = json.dumps(DOCUMENT, ensure_ascii=False).encode()


def test_plain_gzip_and_zip_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(CONTENT)
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(CONTENT))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("inside/a.json", CONTENT)
        archive.writestr("readme.txt", "x")
    names = ["a.json", "a.json.gz", "a.zip", "a.zip!/inside/a.json"]
    assert [read_json(tmp_path / name) for name in names] == [DOCUMENT] * 4


@given(st.integers(1, len(CONTENT) - 1))
def test_a_truncated_document_is_refused_with_its_length(cut: int) -> None:
    with pytest.raises(UserError, match=r"x\.json: (truncated JSON|byte)"):
        parse_json(CONTENT[:cut], "x.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1,, "b": 2}', "invalid JSON at byte 8"),
        (b'{"a": NaN}', "holds NaN"),
        (b'{"a": -Infinity}', "holds -Infinity"),
        (b'{"a": "\xff"}', "byte 7 is not UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 1_000_000, "nested too deeply"),
        (b"[" * 101 + b"]" * 101, "nested too deeply; expected at most 100 levels"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "an object names 'c' twice"),
        (b'{"a": 1e999}', "holds 1e999, which is no finite number"),
        (b'{"a": ' + b"1" * 5_000 + b"}", "a number of 5,000 digits"),
        (b"", "truncated JSON"),
    ],
)
def test_damage_is_named(content: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_json(content, "x.json")


def test_damaged_archives_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(CONTENT)[:-6])
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 nothing more")
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.json", CONTENT)
        archive.writestr("b.json", CONTENT)
    for name, message in [
        ("a.json.gz", "damaged gzip"),
        ("a.zip", "damaged zip"),
        ("two.zip", "holds 2 JSON members"),
        ("two.zip!/c.json", "has no member 'c.json'"),
        ("none.json", "No such file"),
    ]:
        with pytest.raises(UserError, match=message):
            read_json(tmp_path / name)


@given(
    st.recursive(
        st.text(alphabet='[]{}"\\\\a', max_size=6),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text("[{", max_size=2), inner)
        ),
    ),
    st.integers(0, 130),
)
def test_depth_is_counted_whatever_stands_in_texts(value: object, more: int) -> None:
    def depth(each: object) -> int:
        inside = each.values() if isinstance(each, dict) else each
        return 1 + max(map(depth, inside), default=0) if isinstance(each, list | dict) else 0

    for _ in range(more):
        value = [value]
    content = json.dumps(value).encode()
    if depth(value) <= MAX_DEPTH:
        assert parse_json(content, "x.json") == value
    else:
        with pytest.raises(UserError, match="nested too deeply"):
            parse_json(content, "x.json")
