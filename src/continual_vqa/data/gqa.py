"""Official GQA question files: question id -> record (Hudson and Manning, CVPR 2019)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from continual_vqa.data.problems import Problems
from continual_vqa.data.scene_graphs import SceneGraph
from continual_vqa.data.tables import RAW
from continual_vqa.errors import UserError
from continual_vqa.files.jsons import (
    is_unicode,
    json_damage,
    parse_json,
    refusal,
    strict_decoder,
    utf8,
)
from continual_vqa.files.reading import read_document

_SPACE = re.compile(r"[ \t\r\n]*")
_ID = re.compile(r"\s*\((?P<object>[^()]*)\)\s*$")
_SUBSET = re.compile(r"(?:^|[_-])(train|val|testdev|dev|test|challenge|submission)(?=[_.\d-]|$)")
_TYPES = ("structural", "semantic", "detailed")


def read_gqa(
    questions: Sequence[str | Path], graphs: Mapping[str, SceneGraph], problems: Problems
) -> pa.Table:
    """The questions that have an answer, as a table with schema `RAW`, in file order.

    The concept is the object that the question's program selects first: its name in the scene
    graph or, where the image has none, in the program itself (choice of this project).

    Parameters
    ----------
    questions : official files (plain, .gz or in a .zip)
    graphs : image id -> scene graph, possibly empty
    problems : duplicates, questions without an answer and malformed records are added, and left out

    Raises
    ------
    UserError : a file is missing, damaged (unless skipping) or not of this format
    """
    columns: dict[str, list[Any]] = {name: [] for name in RAW.names}
    seen: set[str] = set()
    for path in questions:
        subset = _subset(path)
        bad: dict[str, list[str]] = {}
        for question_id, record in _records(path, problems):
            kind, reason = _fault(question_id, record, seen)
            if kind:
                bad.setdefault(kind, []).append(reason)
                continue
            seen.add(question_id)
            row = _row(question_id, record, graphs)
            for name, value in {"source": str(path), "subset": subset, **row}.items():
                columns[name].append(value)
        for kind, reasons in bad.items():
            problems.add(kind, path, reasons)
    return pa.table([pa.array(columns[f.name], f.type) for f in RAW], schema=RAW)


def _records(path: str | Path, problems: Problems) -> Iterator[tuple[str, object]]:
    """(id, record) one after the other, without holding all records as Python objects."""
    content = read_document(path)
    text, decoder = utf8(content, path), strict_decoder(content)
    del content
    count = 0
    try:
        for pair in _pairs(text, decoder, path):
            count += 1
            yield pair
    except json.JSONDecodeError as error:
        damaged = UserError(json_damage(text, error), where=path, do="fetch or export it again")
    except (ValueError, RecursionError) as error:
        damaged = refusal(error, path)
    else:
        return
    if not problems.skip:
        raise damaged
    problems.add("damaged_files", path, [f"{damaged.what}; its first {count:,} records are kept"])


def _pairs(text: str, decoder: json.JSONDecoder, path: str | Path) -> Iterator[tuple[str, object]]:
    position = _skip(text, 0)
    if text[position : position + 1] != "{":
        parse_json(text.encode(), path)
        raise UserError(
            "does not hold an object",
            where=path,
            expected="question id -> record, as in the official file",
        )
    position = _skip(text, position + 1)
    while text[position : position + 1] != "}":
        key, position = decoder.raw_decode(text, position)
        if not isinstance(key, str):
            raise json.JSONDecodeError("expected a question id", text, position)
        position = _expect(text, _skip(text, position), ":")
        value, position = decoder.raw_decode(text, _skip(text, position))
        yield key, value
        position = _skip(text, position)
        if text[position : position + 1] != "}":
            position = _skip(text, _expect(text, position, ","))
    if _skip(text, position + 1) != len(text):
        raise json.JSONDecodeError("more after the end", text, position + 1)


def _skip(text: str, position: int) -> int:
    return _SPACE.match(text, position).end()  # type: ignore[union-attr]


def _expect(text: str, position: int, mark: str) -> int:
    if text[position : position + 1] != mark:
        raise json.JSONDecodeError(f"expected {mark!r}", text, position)
    return position + 1


def _fault(question_id: str, record: object, seen: set[str]) -> tuple[str, str]:
    """(kind of problem, what to list), or ("", "")."""
    mistake = _mistake(record) or _unicode(question_id, record)
    if mistake:
        return "malformed_records", f"question {question_id}: {mistake}"
    if question_id in seen:
        return "duplicate_questions", question_id
    assert isinstance(record, Mapping)
    if not record.get("answer"):
        return "missing_annotations", question_id
    return "", ""


def _mistake(record: object) -> str:
    if not isinstance(record, Mapping):
        return "is not an object"
    for name in ("question", "imageId"):
        if not isinstance(record.get(name), str) or not record[name]:
            return f"{name!r} is not a text" if name in record else f"has no {name!r}"
    if not isinstance(record.get("answer", ""), str):
        return "'answer' is not a text"
    types = record.get("types")
    if not isinstance(types, Mapping):
        return "has no 'types'"
    for name in _TYPES:
        if not isinstance(types.get(name), str):
            return f"'types' has no {name!r}"
    entailed = record.get("entailed", [])
    if not isinstance(entailed, list) or not all(isinstance(each, str) for each in entailed):
        return "'entailed' is not a list of question ids"
    return ""


def _unicode(question_id: str, record: Any) -> str:
    texts = [question_id, record["question"], record["imageId"], record.get("answer", "")]
    texts += [*record["types"].values(), *record.get("entailed", [])]
    texts.append(_concept(record.get("semantic"), None))
    return "" if all(map(is_unicode, filter(_is_text, texts))) else "is not valid Unicode"


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _row(question_id: str, record: Any, graphs: Mapping[str, SceneGraph]) -> dict[str, object]:
    image_id, answer, types = record["imageId"], record["answer"], record["types"]
    return {
        "question_id": question_id,
        "image_id": image_id,
        "image_name": image_id,
        "question": record["question"],
        "answers": [answer],
        "answer": answer,
        "question_type": types["structural"],
        "answer_type": types["semantic"],
        "detailed_type": types["detailed"],
        "concept": _concept(record.get("semantic"), graphs.get(image_id)),
        "entailed": record.get("entailed", []),
        "choices": [],
        "second_image_name": "",
    }


def _concept(program: object, graph: SceneGraph | None) -> str:
    first = program[0] if isinstance(program, list) and program else None
    argument = first.get("argument") if isinstance(first, Mapping) else None
    if not isinstance(argument, str):
        return ""
    found = _ID.search(argument)
    if graph is not None and found:
        named = (each.name for each in graph.objects if each.id == found["object"])
        return next(named, _ID.sub("", argument))
    return _ID.sub("", argument).strip()


def _subset(path: str | Path) -> str:
    """train, val, testdev, ... from the file's name."""
    found = _SUBSET.findall(Path(str(path)).name)
    if not found:
        raise UserError(
            "does not say which subset it belongs to",
            where=path,
            expected="train, val or testdev in its name",
            do="name the file as the official one, e.g. val_balanced_questions.json",
        )
    return found[0]
