"""Small files in the official formats, for tests."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

HEADER = {"info": {"version": "2.0"}, "data_type": "mscoco", "license": {"name": "none"}}


def question(number: int, image: int = 1, text: str = "What color is the cat?") -> dict[str, Any]:
    return {"image_id": image, "question": text, "question_id": number}


def annotation(
    number: int, image: int = 1, kind: str = "what color is the", answer: str = "red"
) -> dict[str, Any]:
    return {
        "question_type": kind,
        "multiple_choice_answer": answer,
        "answers": [
            {"answer": answer, "answer_confidence": "yes", "answer_id": i} for i in range(1, 11)
        ],
        "image_id": image,
        "answer_type": "other",
        "question_id": number,
    }


def write_vqa(
    folder: Path,
    questions: Iterable[Mapping[str, Any]],
    annotations: Iterable[Mapping[str, Any]],
    subset: str = "val2014",
) -> tuple[str, str]:
    """Writes the pair of files; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    q = folder / f"v2_OpenEnded_mscoco_{subset}_questions.json"
    a = folder / f"v2_mscoco_{subset}_annotations.json"
    header = {**HEADER, "data_subtype": subset}
    q.write_text(json.dumps({**header, "questions": list(questions)}))
    a.write_text(json.dumps({**header, "annotations": list(annotations)}))
    return str(q), str(a)


def write_instances(
    path: Path, images: Iterable[int], objects: Iterable[tuple[int, int, float]]
) -> str:
    """objects: (image id, COCO category id, area)."""
    content = {
        "images": [{"id": image, "file_name": f"{image:012d}.jpg"} for image in images],
        "annotations": [
            {"id": i, "image_id": image, "category_id": kind, "area": area, "iscrowd": 0}
            for i, (image, kind, area) in enumerate(objects)
        ],
        "categories": [{"id": 17, "name": "cat"}, {"id": 18, "name": "dog"}],
    }
    path.write_text(json.dumps(content))
    return str(path)


def gqa_record(image: str = "7", **changes: Any) -> dict[str, Any]:
    return {
        "semantic": [{"operation": "select", "dependencies": [], "argument": "cat (5)"}],
        "entailed": [],
        "equivalent": [],
        "question": "Is there a cat?",
        "imageId": image,
        "isBalanced": True,
        "groups": {"global": None, "local": "x"},
        "answer": "yes",
        "types": {"detailed": "exist", "semantic": "obj", "structural": "verify"},
        "fullAnswer": "Yes.",
        **changes,
    }


def jpeg(shade: int = 100, size: int = 16) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (size, size), (shade, 10, 200)).save(stream, "JPEG")
    return stream.getvalue()


def write_image(folder: Path, image: int, content: bytes | None = None, subset: str = "val2014"):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"COCO_{subset}_{image:012d}.jpg"
    path.write_bytes(jpeg(image % 256) if content is None else content)
    return path
