"""A fingerprint changes with what code does, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from continual_vqa.plan import fingerprint as module

PARTS = {
    "__init__.py": "",
    "leaf.py": '"""Doc."""\n\n\ndef f(x):\n    """Double."""\n    return 2 * x\n',
    "entry.py": "from continual_vqa.room import tool\n\n\ndef run():\n    return tool.g()\n",
    "room/__init__.py": "",
    "room/tool.py": ("def g():\n    from ..leaf import f  # late\n    return f(1)\n"),
    "other.py": "def h():\n    return 3\n",
}


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in PARTS.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(module, "SOURCE", tmp_path)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    module._read.cache_clear()


def test_reaches_modules_through_imports_wherever_they_stand(source: Path) -> None:
    names = set(module.modules("entry"))
    assert names == {
        "continual_vqa",
        "continual_vqa.entry",
        "continual_vqa.leaf",
        "continual_vqa.room",
        "continual_vqa.room.tool",
    }


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("leaf.py", "return 2 * x", "return 2 * x  # twice"),
        ("leaf.py", '"""Double."""', '"""Twice the value."""'),
        ("leaf.py", '"""Doc."""', '"""Another text."""'),
        ("leaf.py", "return 2 * x", "return (2 *\n            x)"),
        ("other.py", "return 3", "return 4"),
    ],
)
def test_is_blind_to_comments_docstrings_layout_and_strangers(
    source: Path, name: str, old: str, new: str
) -> None:
    before = module.fingerprint("entry")
    edit(source / name, old, new)
    assert module.fingerprint("entry") == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("leaf.py", "return 2 * x", "return 3 * x"),
        ("room/tool.py", "f(1)", "f(2)"),
        ("room/__init__.py", "", "VALUE = 1"),
        ("entry.py", "tool.g()", "tool.g() + 1"),
    ],
)
def test_sees_every_change_of_what_is_reached(source: Path, name: str, old: str, new: str) -> None:
    before = module.fingerprint("entry")
    edit(source / name, old, new)
    assert module.fingerprint("entry") != before


def test_several_entries_are_one_fingerprint(source: Path) -> None:
    both = module.fingerprint("entry", "other")
    assert both == module.fingerprint("other", "entry")
    assert both != module.fingerprint("entry")


def test_an_unknown_entry_is_a_bug(source: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        module.fingerprint("nowhere")
