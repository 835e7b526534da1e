"""What is inside a shard or a cell, for a person."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

from continual_vqa.errors import UserError, naming
from continual_vqa.shards.index import read_index


def shard_contents(path: Path, head: int) -> dict[str, Any]:
    """Counts of a shard and its first `head` samples. Any uncompressed tar will do.

    Raises
    ------
    UserError : not a tar file, truncated, or with a damaged header (the byte is named)
    """
    members = _members(path)
    samples: dict[str, list[tarfile.TarInfo]] = {}
    for member in members:
        samples.setdefault(member.name.split(".", 1)[0], []).append(member)
    rows, questions = [], 0
    with naming(path, "read"), path.open("rb") as handle:
        for key, parts in samples.items():
            row: dict[str, Any] = {"key": key}
            for part in parts:
                row[part.name[len(key) + 1 :]] = part.size
                if part.name == f"{key}.json":
                    handle.seek(part.offset_data)
                    asked = _questions(path, key, handle.read(part.size))
                    questions += len(asked)
                    row["questions"] = len(asked)
                    row["first"] = _first(asked)
            if len(rows) < head:
                rows.append(row)
    return {
        "kind": "shard",
        "file": str(path),
        "bytes": path.stat().st_size,
        "samples": len(samples),
        "questions": questions,
        "member_bytes": sum(member.size for member in members),
        "head": rows,
    }


def cell_contents(folder: Path, head: int) -> dict[str, Any]:
    """The note of a cell, its shards and its first `head` questions."""
    index = read_index(folder)
    columns = ["question_id", "key", "shard", "question", "answer", "answer_type", "concept"]
    return {
        "kind": "cell",
        "folder": str(folder),
        "cell": index.note.cell,
        "questions": index.table.num_rows,
        "images": index.note.images,
        "extension": index.note.extension,
        "checksums": "sha256" if index.note.checksums else "none",
        "bytes": sum(shard.bytes for shard in index.note.shards),
        "shards": [{"name": shard.name, "bytes": shard.bytes} for shard in index.note.shards],
        "head": index.table.select(columns).slice(0, head).to_pylist(),
    }


def _members(path: Path) -> list[tarfile.TarInfo]:
    try:
        with naming(path, "read"), tarfile.open(path, "r:") as opened:
            members = opened.getmembers()
            end = opened.offset
    except (tarfile.TarError, EOFError) as error:
        raise _damaged(path, str(error)) from error
    # `tarfile` takes a damaged header for the end of the archive.
    with naming(path, "read"), path.open("rb") as handle:
        last = members[-1].offset_data + members[-1].size if members else 0
        start = last + -last % 512
        handle.seek(start)
        if handle.read(max(1024, end - start)).strip(b"\0"):
            raise _damaged(path, f"no header at byte {start:,}")
    if not all(member.isreg() for member in members):
        raise _damaged(path, "it holds links or folders")
    return members


def _questions(path: Path, key: str, content: bytes) -> list[dict[str, Any]]:
    try:
        match json.loads(content):
            case {"questions": list(questions)} if all(isinstance(q, dict) for q in questions):
                return questions
            case dict() as single:
                # One question a sample, as other programs write it.
                return [single]
    except ValueError as error:
        raise _damaged(path, f"{key}.json is no JSON: {error}") from error
    raise _damaged(path, f"{key}.json holds no questions")


def _first(questions: list[dict[str, Any]]) -> str:
    if not questions:
        return ""
    return f"{questions[0].get('question', '')} {questions[0].get('answer', '')}"


def _damaged(path: Path, reason: str) -> UserError:
    return UserError(
        f"damaged or no shard: {reason}",
        where=path,
        expected="an uncompressed tar of samples",
        do="delete its folder and write the cell again",
    )
