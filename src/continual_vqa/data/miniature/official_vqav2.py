"""The VQA v2 and COCO files of one split, with every field that the official ones have."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from continual_vqa.data.miniature.annotators import answer_type, ten_answers
from continual_vqa.data.miniature.categories import CATEGORIES
from continual_vqa.data.miniature.drawing import area, box
from continual_vqa.data.miniature.selection import Chosen
from continual_vqa.data.miniature.world import IMAGE_SIDE, Scene, Thing

_LICENSE = {"url": "http://creativecommons.org/licenses/by/4.0/", "name": "CC BY 4.0"}
_DATE = "2014-01-01 00:00:00"
QUESTIONS_PER_IMAGE = 1000


def info(description: str) -> dict[str, object]:
    """The `info` block of the official files."""
    return {
        "description": description,
        "url": "http://visualqa.org",
        "version": "2.0",
        "year": 2017,
        "contributor": "continual-vqa miniature world",
        "date_created": _DATE,
    }


@dataclass(frozen=True, slots=True)
class VqaFiles:
    """The two documents of a split."""

    questions: dict[str, object]
    annotations: dict[str, object]


def vqa_files(
    subtype: str,
    image_ids: Sequence[int],
    chosen: Iterable[Chosen],
    rng: random.Random,
    disagreement: float,
) -> VqaFiles:
    """Questions and annotations of the split `subtype`; scene number i has id `image_ids[i]`."""
    by_image: dict[int, list[Chosen]] = defaultdict(list)
    for each in chosen:
        by_image[image_ids[each.scene]].append(each)
    questions, annotations = [], []
    for image_id in sorted(by_image):
        for number, each in enumerate(by_image[image_id]):
            asked = each.asked
            question_id = image_id * QUESTIONS_PER_IMAGE + number
            answers = ten_answers(asked.answer, rng, disagreement)
            majority = _majority(answers)
            questions.append(
                {"image_id": image_id, "question": asked.text, "question_id": question_id}
            )
            annotations.append(
                {
                    "question_type": asked.question_type,
                    "multiple_choice_answer": majority,
                    "answers": answers,
                    "image_id": image_id,
                    "answer_type": answer_type(majority),
                    "question_id": question_id,
                }
            )
    head = {"info": info("VQA v2 questions of the miniature world"), "license": _LICENSE}
    head |= {"data_type": "mscoco", "data_subtype": subtype}
    return VqaFiles(
        {**head, "task_type": "Open-Ended", "questions": questions},
        {**head, "annotations": annotations},
    )


def instances(subtype: str, scenes: Mapping[int, Scene]) -> dict[str, object]:
    """The COCO instances document of the images `scenes` (by image id)."""
    images, annotations = [], []
    for image_id, scene in sorted(scenes.items()):
        images.append(
            {
                "license": 1,
                "file_name": file_name(subtype, image_id),
                "coco_url": "",
                "flickr_url": "",
                "height": IMAGE_SIDE,
                "width": IMAGE_SIDE,
                "date_captured": _DATE,
                "id": image_id,
            }
        )
        annotations += [
            _instance(thing, image_id, image_id * QUESTIONS_PER_IMAGE + number)
            for number, thing in enumerate(scene.things)
        ]
    return {
        "info": info("COCO instances of the miniature world"),
        "licenses": [{"id": 1, **_LICENSE}],
        "images": images,
        "annotations": annotations,
        "categories": [
            {"supercategory": each.supercategory, "id": each.id, "name": each.name}
            for each in CATEGORIES
        ],
    }


def file_name(subtype: str, image_id: int) -> str:
    """COCO's name of an image file."""
    return f"COCO_{subtype}_{image_id:012d}.jpg"


def _instance(thing: Thing, image_id: int, number: int) -> dict[str, object]:
    x, y, w, h = box(thing)
    return {
        "segmentation": [[x, y, x + w, y, x + w, y + h, x, y + h]],
        "area": area(thing),
        "iscrowd": 0,
        "image_id": image_id,
        "bbox": [x, y, w, h],
        "category_id": thing.category.id,
        "id": number,
    }


def _majority(answers: list[dict[str, object]]) -> str:
    counts = Counter(str(each["answer"]) for each in answers)
    return max(sorted(counts), key=counts.__getitem__)
