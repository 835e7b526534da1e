"""Small files of tasks beyond VQA in their official formats, as they were published."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def entailment(image: str = "4705552913", kind: str = "neutral", **changes: Any) -> dict[str, Any]:
    return {
        "annotator_labels": [kind, "entailment", kind],
        "captionID": f"{image}.jpg#2",
        "gold_label": kind,
        "pairID": f"{image}.jpg#2r1{kind[0]}",
        "sentence1": "Two women are embracing while holding to go packages.",
        "sentence2": "The sisters are hugging goodbye.",
        "Flickr30K_ID": image,
        **changes,
    }


def goal(**changes: Any) -> dict[str, Any]:
    return {
        "goal": "When boiling butter, when it's ready, you can",
        "sol1": "Pour it onto a plate",
        "sol2": "Pour it into a jar",
        **changes,
    }


def chosen(key: str = "A", number: str = "075e483d21c29a511267ef62bedc0461") -> dict[str, Any]:
    texts = ("ignore", "enforce", "authoritarian", "yell at", "avoid")
    return {
        "answerKey": key,
        "id": number,
        "question": {
            "question_concept": "punishing",
            "choices": [
                {"label": label, "text": text} for label, text in zip("ABCDE", texts, strict=True)
            ],
            "stem": "The sanctions seemed to do what to the efforts the school had made?",
        },
    }


def pair(identifier: str = "train-10171-0-0", label: str = "True", **changes: Any) -> dict:
    return {
        "validation": {"4": "True"},
        "sentence": "An image shows one leather pencil case, displayed open with utensils inside.",
        "left_url": "https://example.org/a.jpg",
        "writer": "4",
        "label": label,
        "synset": "pencil case",
        "query": "pencil cases122",
        "identifier": identifier,
        "extra_validations": {},
        "right_url": "https://example.org/b.jpg",
        **changes,
    }


def species() -> dict[str, Any]:
    return {
        "info": {"year": 2019},
        "images": [
            {"id": 7, "file_name": "train_val2019/Plants/400/d14.jpg", "width": 800, "height": 600},
            {"id": 8, "file_name": "train_val2019/Birds/3/e15.jpg", "width": 800, "height": 600},
        ],
        "licenses": [],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 400},
            {"id": 2, "image_id": 8, "category_id": 3},
        ],
        "categories": [{"id": 400, "name": "400"}, {"id": 3, "name": "3"}],
    }


def write_lines(path: Path, lines: Iterable[object]) -> str:
    """Texts as they are, anything else as JSON, a line each; the file's path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return str(path)


def write_json(path: Path, document: object) -> str:
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)
