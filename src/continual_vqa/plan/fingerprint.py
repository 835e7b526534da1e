"""Code fingerprints: a hash of what a job's code does, blind to comments, docstrings and layout.

A job depends on its entry module and on every module of this package that it imports, wherever
the import statement stands. Lazily named modules (a table of families) are further entries.
"""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = "continual_vqa"
SOURCE = Path(__file__).resolve().parents[1]


def fingerprint(*entries: str) -> str:
    """One hash (16 hex digits) of all code that `entries` reach, e.g. "verbs.score".

    Raises
    ------
    ModuleNotFoundError : an entry does not exist (a bug of the caller)
    """
    text = "\n".join(f"{name} {digest}" for name, digest in modules(*entries).items())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def modules(*entries: str) -> dict[str, str]:
    """Every module reached from `entries`, sorted by name, with the hash of its syntax tree."""
    found: dict[str, str] = {}
    waiting = [f"{PACKAGE}.{entry}" for entry in entries]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        digest, imported = _read(name, _file(name))
        found[name] = digest
        waiting += [module for module in imported if module not in found]
    return dict(sorted(found.items()))


def _file(name: str) -> Path:
    path = SOURCE.joinpath(*name.split(".")[1:])
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    raise ModuleNotFoundError(f"{name} is no module of this package")


@cache
def _read(name: str, path: Path) -> tuple[str, tuple[str, ...]]:
    tree = ast.parse(path.read_bytes())
    imported = {module for node in ast.walk(tree) for module in _imports(node, name, path)}
    # Importing a.b.c runs a/__init__ and a/b/__init__ too.
    parts = name.split(".")
    parents = {".".join(parts[:depth]) for depth in range(1, len(parts))}
    _strip_docstrings(tree)
    digest = hashlib.sha256(ast.dump(tree, annotate_fields=False).encode()).hexdigest()[:16]
    return digest, tuple(sorted(imported | parents))


def _imports(node: ast.AST, name: str, path: Path) -> set[str]:
    if isinstance(node, ast.Import):
        return {a.name for a in node.names if _exists(a.name)}
    if not isinstance(node, ast.ImportFrom):
        return set()
    base = node.module or ""
    if node.level:
        package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
        base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [base])])
    # `from package import module` names a module; `from module import thing` does not.
    candidates = {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return {module for module in candidates if _exists(module)}


def _exists(name: str) -> bool:
    if name != PACKAGE and not name.startswith(f"{PACKAGE}."):
        return False
    path = SOURCE.joinpath(*name.split(".")[1:])
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def _strip_docstrings(tree: ast.Module) -> None:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
