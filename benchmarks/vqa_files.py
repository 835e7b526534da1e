"""A question and an annotation file of VQA v2's size and form, made up from a seed."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

OFFICIAL_QUESTIONS = 443_757  # VQA v2 train2014
OFFICIAL_IMAGES = 82_783

_TYPES = {
    "what is the": "What is the {0} {1} next to the {2}?",
    "is the": "Is the {0} {1} near a {2}?",
    "how many": "How many {0} {1}s are behind the {2}?",
    "what color is the": "What color is the {1} on the {0} {2}?",
    "none of the above": "Does this {1} look {0} beside the {2} to you?",
    "what kind of": "What kind of {0} {1} is under the {2}?",
    "where is the": "Where is the {0} {1} with the {2}?",
    "is this": "Is this {1} a {0} {2}?",
}
_ADJECTIVES = "small large red green wooden striped old shiny open empty young metal".split()
_NOUNS = "dog table man umbrella train plate horse window kite bottle sofa truck giraffe".split()
_ANSWERS = [
    *["yes", "no", "1", "2", "3", "white", "blue", "black and white", "on the table", "left"],
    *[f"{adjective} {noun}" for adjective in _ADJECTIVES for noun in _NOUNS],
]


def write_pair(
    folder: Path, questions: int = OFFICIAL_QUESTIONS, seed: int = 0
) -> tuple[Path, Path]:
    """Write the questions and the annotations file of train2014; returns their paths."""
    rng = random.Random(seed)
    images = sorted(
        rng.sample(range(1, 581_930), max(1, questions * OFFICIAL_IMAGES // OFFICIAL_QUESTIONS))
    )
    rows = [_row(rng, image, count) for count, image in _spread(images, questions)]
    header = {"info": {"description": "synthetic"}, "data_type": "mscoco"}
    header |= {"data_subtype": "train2014", "license": {"name": "none"}}
    pair = (
        folder / "v2_OpenEnded_mscoco_train2014_questions.json",
        folder / "v2_mscoco_train2014_annotations.json",
    )
    for path, key, position in zip(pair, ("questions", "annotations"), (0, 1), strict=True):
        with path.open("w") as handle:
            handle.write(json.dumps(header)[:-1] + f', "{key}": [')
            handle.write(", ".join(json.dumps(row[position]) for row in rows))
            handle.write("]}")
    return pair


def _spread(images: list[int], questions: int) -> list[tuple[int, int]]:
    numbered = ((count, image) for count in itertools.count() for image in images)
    return sorted(itertools.islice(numbered, questions), key=lambda pair: (pair[1], pair[0]))


def _row(rng: random.Random, image: int, count: int) -> tuple[dict, dict]:
    kind = rng.choice(list(_TYPES))
    text = _TYPES[kind].format(rng.choice(_ADJECTIVES), rng.choice(_NOUNS), rng.choice(_NOUNS))
    majority = rng.choice(_ANSWERS)
    answers = [majority if rng.random() < 0.7 else rng.choice(_ANSWERS) for _ in range(10)]
    question_id = image * 1000 + count
    question = {"image_id": image, "question": text, "question_id": question_id}
    annotation = {
        "question_type": kind,
        "multiple_choice_answer": majority,
        "answers": [
            {"answer": answer, "answer_confidence": "yes", "answer_id": number}
            for number, answer in enumerate(answers, 1)
        ],
        "image_id": image,
        "answer_type": "other",
        "question_id": question_id,
    }
    return question, annotation
