"""The house rules that a reader relies on: imports run one way, planning stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from continual_vqa.cli import TORCH, VERBS

SOURCE = Path(__file__).resolve().parents[2] / "src" / "continual_vqa"
ROOMS = (
    "errors files warm config plan preflight data shards backbones consolidation methods training "
    "evaluation analysis verbs cli __main__"
).split()
FILES = sorted(SOURCE.rglob("*.py"))


def room(path: Path) -> str:
    first = path.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("continual_vqa"):
            parts = (node.module or "").split(".")
            names = [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
            found.update(name for name in names if not name.startswith("_"))
        elif isinstance(node, ast.Import):
            names = [a.name.split(".") for a in node.names]
            found.update(n[1] for n in names if n[0] == "continual_vqa" and len(n) > 1)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_a_file_imports_only_from_rooms_above_its_own(path: Path) -> None:
    if path.parent == SOURCE and path.name == "__init__.py":
        return
    own = ROOMS.index(room(path))
    for other in imported_rooms(path):
        assert ROOMS.index(other) <= own, f"{room(path)} must not import {other}"


def unsafe_uses(tree: ast.Module) -> list[str]:
    """Calls and imports that would run or unpack what a file says."""
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name in ("pickle", "dill", "joblib")]
        elif isinstance(node, ast.ImportFrom) and node.module in ("pickle", "dill", "joblib"):
            found.append(node.module)
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            keywords = {k.arg: ast.unparse(k.value) for k in node.keywords}
            if called in ("eval", "exec", "torch.load", "yaml.load", "yaml.unsafe_load"):
                found.append(called)
            for key in ("trust_remote_code", "allow_pickle"):
                if keywords.get(key, "False") != "False":
                    found.append(key)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_no_unsafe_loading(path: Path) -> None:
    assert unsafe_uses(ast.parse(path.read_text())) == []


def test_unsafe_loading_would_be_found() -> None:
    text = "import pickle\ntorch.load(x)\nnp.load(x, allow_pickle=True)\nmodel.eval()\n"
    assert unsafe_uses(ast.parse(text)) == ["pickle", "torch.load", "allow_pickle"]


def imports_after(statement: str) -> set[str]:
    script = f"import sys\n{statement}\nprint(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


HEAVY = {"torch", "transformers", "peft", "webdataset", "matplotlib", "polars", "pyarrow", "numpy"}


def test_planning_imports_nothing_heavy() -> None:
    loaded = imports_after(
        "from continual_vqa.config.load import load_study\n"
        "from continual_vqa.plan.study_plan import Plan\n"
        "Plan(load_study({})).stages"
    )
    assert not HEAVY & loaded


@pytest.mark.parametrize("verb", sorted(set(VERBS) - TORCH))
def test_verbs_that_do_not_train_never_import_torch(verb: str) -> None:
    loaded = imports_after(f"import continual_vqa.verbs.{verb.replace('-', '_')}")
    assert not {"torch", "transformers"} & loaded


def test_surveying_and_drawing_never_import_torch() -> None:
    names = ("survey", "damage", "merges", "banks", "tables", "figures.registry")
    loaded = imports_after("; ".join(f"import continual_vqa.analysis.{name}" for name in names))
    assert not {"torch", "transformers"} & loaded
