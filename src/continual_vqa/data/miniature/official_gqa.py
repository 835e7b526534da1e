"""GQA question files, with every field that the official ones have."""

from __future__ import annotations

import random

from continual_vqa.data.miniature.gqa_questions import GqaAsked, gqa_questions
from continual_vqa.data.miniature.world import Scene

PER_IMAGE = 8


def gqa_records(image_id: str, scene: Scene, rng: random.Random) -> dict[str, dict[str, object]]:
    """Question id -> official record, of at most `PER_IMAGE` questions about one image."""
    asked = gqa_questions(scene, rng)
    if len(asked) > PER_IMAGE:
        kept = sorted(rng.sample(range(len(asked)), PER_IMAGE))
        asked = [asked[index] for index in kept]
    ids = {id(each): f"{image_id}{number:02d}" for number, each in enumerate(asked)}
    return {ids[id(each)]: _record(each, image_id, scene, ids) for each in asked}


def _record(asked: GqaAsked, image_id: str, scene: Scene, ids: dict[int, str]) -> dict[str, object]:
    own = ids[id(asked)]
    structural, semantic, detailed = asked.types
    return {
        "semantic": [
            {"operation": operation, "dependencies": needs, "argument": argument}
            for operation, needs, argument in asked.program
        ],
        "entailed": [own, *(ids[id(each)] for each in asked.entails if id(each) in ids)],
        "equivalent": [own],
        "question": asked.text,
        "imageId": image_id,
        "isBalanced": True,
        "groups": {"global": asked.overall, "local": asked.local},
        "answer": asked.answer,
        "semanticStr": _program_text(asked),
        "annotations": {
            "answer": {},
            "question": _mentions(asked.text, scene),
            "fullAnswer": _mentions(asked.full_answer, scene),
        },
        "types": {"structural": structural, "semantic": semantic, "detailed": detailed},
        "fullAnswer": asked.full_answer,
    }


def _program_text(asked: GqaAsked) -> str:
    steps = []
    for operation, needs, argument in asked.program:
        text = f"{operation}: {argument}"
        steps.append(f"{text} {needs}" if needs else text)
    return "->".join(steps)


def _mentions(text: str, scene: Scene) -> dict[str, str]:
    """Where objects are named: "first word" or "first:after last" -> object id."""
    words = [word.strip("?.,").lower() for word in text.split()]
    names = [each.name for each in scene.things]
    found: dict[str, str] = {}
    for number, name in enumerate(names):
        if names.count(name) > 1:
            continue
        parts = name.split()
        for start in range(len(words) - len(parts) + 1):
            if words[start : start + len(parts)] == parts:
                end = start + len(parts)
                key = str(start) if len(parts) == 1 else f"{start}:{end}"
                found[key] = str(number)
    return found
