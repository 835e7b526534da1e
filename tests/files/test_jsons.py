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
from continual_vqa.files.jsons import parse_json, read_json

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
        (b"[" * 200_000, "nested too deeply|truncated"),
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
