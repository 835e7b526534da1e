"""YAML of others: plain values, or one line that says why not; never much memory or time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from continual_vqa.errors import UserError
from continual_vqa.files.yamls import MAX_BYTES, MAX_VALUES, check_size, parse_yaml, read_yaml


def _powers(first: str, line: str) -> str:
    """Nine lines, each with nine aliases of the one before."""
    names = "abcdefghij"
    later = (
        line.format(name=name, aliases=", ".join([f"*{before}"] * 9))
        for before, name in pairwise(names)
    )
    return "\n".join([first, *later])


LAUGHS = _powers("a: &a [x, x, x]", "{name}: &{name} [{aliases}]")
MERGES = _powers("a: &a {x: 1}", "{name}: &{name} {{<<: [{aliases}]}}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("!!python/object/apply:os.system ['ls']", "line 1: could not determine a constructor"),
        ("%TAG ! tag:yaml.org,2002:python/\n---\n!name:os.system x", "could not determine"),
        (LAUGHS, "more than 100,000 values"),
        (MERGES, "more than 100,000 keys by merging"),
        ("&a [*a]", "nested too deeply"),
        ("[" * 500, "nested too deeply"),
        ("- " * 100_000, "nested too deeply"),
        ("{a: " * 100_000, "nested too deeply"),
        ("a: " + "1" * 100_000, "a number of 100,000 characters"),
        ("a: " + "1:" * 50_000 + "1", "a number of 100,001 characters"),
        ("a: 1\nb: 2\na: 3", "line 3: names the key 'a' twice"),
        ("a: 2024-99-99", "not what it looks like"),
        ("a: !!int x", "not what it looks like"),
        ("a: !!bool x", "not what it looks like"),
        ("a: !!timestamp x", "not what it looks like"),
        ("? [1]\n: 2", "unhashable key"),
        ("a: [b", "is not YAML at line 1"),
        ("a: \xff", "is not YAML"),
        ("a: \0", "is not YAML"),
    ],
)
def test_hostile_text_is_refused(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_yaml(text.encode("latin-1"), "x.yaml")


def test_anchors_and_merges_of_a_few_values_are_read() -> None:
    text = b"base: &base {a: 1, b: 2}\nmine: {<<: *base, b: 3}\nlist: [*base, *base]"
    base = {"a": 1, "b": 2}
    assert parse_yaml(text, "x") == {"base": base, "mine": {"a": 1, "b": 3}, "list": [base, base]}


def test_an_empty_document_is_none_and_a_large_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"")
    assert read_yaml(path) is None
    path.write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(UserError, match=r"x\.yaml: has 1,048,577 bytes"):
        read_yaml(path)


def test_values_are_counted_as_often_as_they_stand_there() -> None:
    row = [0] * 99
    check_size([row] * (MAX_VALUES // 100 - 1), "x")
    with pytest.raises(UserError, match="more than 100,000 values"):
        check_size([row] * (MAX_VALUES // 100 + 1), "x")
