"""Test files of folders that are no packages share one space of names: pytest reads one of each."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def test_no_two_test_files_outside_of_packages_have_the_same_name() -> None:
    files = [p for p in TESTS.rglob("*.py") if not (p.parent / "__init__.py").exists()]
    assert len(files) > 100
    names = Counter(path.name for path in files if path.name != "conftest.py")
    assert [name for name, count in names.items() if count > 1] == []
