"""Print what is inside a file: a shard, a cell, a table of this project, a checkpoint or a mask.

- `x.tar`: samples of a shard;
- a cell's folder (or its index.parquet): its note, shards and first questions;
- any `.parquet` of this project (questions, predictions, scores, metrics, manifest): columns, note,
  first rows;
- `.safetensors` (or the folder of a base model): header, parts, and every tensor with its norm,
  or of a mask with the number of protected entries.

A damaged file is named with what is wrong with it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from continual_vqa.errors import UserError
from continual_vqa.files.parquet import read_any, read_note
from continual_vqa.shards.contents import cell_contents, shard_contents
from continual_vqa.shards.tables import FORMAT, INDEX_FILE
from continual_vqa.verbs.tensor_contents import tensor_contents

EXAMPLE = "continual-vqa show cells/train/count/G1/train-count-G1-00000.tar"

WIDEST = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("file", type=Path, help="file, or folder of a cell or a base model")
    parser.add_argument(
        "--head", type=int, default=5, help="samples or rows to print (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """The contents as plain data."""
    path: Path = args.file
    if args.head < 0:
        raise UserError(f"--head is {args.head}", expected="0 or more")
    if path.is_dir():
        inside = [(INDEX_FILE, cell_contents), ("model.safetensors", None)]
        for name, show in inside:
            if (path / name).exists():
                return show(path, args.head) if show else tensor_contents(path / name)
        raise UserError(
            "is a folder of neither a cell nor a model",
            where=path,
            expected=" or ".join(name for name, _ in inside),
        )
    if not path.exists():
        raise UserError("does not exist", where=path, do="check the path")
    if path.suffix == ".safetensors":
        return tensor_contents(path)
    shows = {".tar": shard_contents, ".parquet": _table_contents}
    if path.suffix not in shows:
        raise UserError(
            f"do not know how to show {path.suffix or 'a file without extension'}",
            where=path,
            expected=f"a folder, .safetensors, {', '.join(shows)}",
        )
    return shows[path.suffix](path, args.head)


def _table_contents(path: Path, head: int) -> dict[str, Any]:
    note = read_note(path)
    if note.get("format") == FORMAT and path.name == INDEX_FILE:
        return cell_contents(path.parent, head)
    table = read_any(path)
    return {
        "kind": "table",
        "file": str(path),
        "bytes": path.stat().st_size,
        "rows": table.num_rows,
        "note": note,
        "columns": [
            {
                "name": field.name,
                "type": str(field.type),
                "distinct": _distinct(table[field.name]),
            }
            for field in table.schema
        ],
        "head": _plain(table.slice(0, head).to_pylist()),
    }


def _distinct(column: Any) -> int | None:
    return None if column.type.num_fields else len(column.unique())


def _plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {name: v.hex() if isinstance(v, bytes) else v for name, v in row.items()} for row in rows
    ]


def describe(summary: dict[str, Any]) -> str:
    """The contents for a person: plain values first, then the lists as tables."""
    plain = {name: value for name, value in summary.items() if not isinstance(value, list | dict)}
    width = max(map(len, plain), default=0)
    lines = [f"{name.replace('_', ' '):<{width}}  {_text(value)}" for name, value in plain.items()]
    for name, value in summary.items():
        if isinstance(value, dict) and value:
            value = [{"name": key, "value": content} for key, content in _flat(value).items()]
        if isinstance(value, list) and value:
            lines += ["", f"{name}:", *_grid(value)]
    return "\n".join(lines)


def _flat(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Objects within objects under dotted names."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        inside = isinstance(value, dict) and value
        flat |= _flat(value, f"{prefix}{key}.") if inside else {f"{prefix}{key}": value}
    return flat


def _grid(rows: list[dict[str, Any]]) -> list[str]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names] + [[_text(row.get(name)) for name in names] for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    numbers = [all(isinstance(row.get(name), int | float) for row in rows) for name in names]
    return [
        "  " + "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numbers, strict=True)
        ).rstrip()
        for line in cells
    ]  # fmt: skip


def _text(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # Text comes from files of others: nothing in it may steer a terminal.
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"
