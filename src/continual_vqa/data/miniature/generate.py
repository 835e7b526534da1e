"""The whole miniature world, written in the official layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from continual_vqa.config.miniature import SIZES, MiniatureConfig
from continual_vqa.data.miniature.categories import CATEGORIES, Category
from continual_vqa.data.miniature.official_commonsenseqa import write_commonsenseqa
from continual_vqa.data.miniature.official_gqa import gqa_records
from continual_vqa.data.miniature.official_inaturalist import write_inaturalist
from continual_vqa.data.miniature.official_nlvr2 import write_nlvr2
from continual_vqa.data.miniature.official_piqa import write_piqa
from continual_vqa.data.miniature.official_places365 import write_places365
from continual_vqa.data.miniature.official_snli_ve import write_snli_ve
from continual_vqa.data.miniature.official_vqav2 import file_name, instances, vqa_files
from continual_vqa.data.miniature.scene_graph_writer import scene_graph
from continual_vqa.data.miniature.scenes import random_scene
from continual_vqa.data.miniature.selection import Chosen, choose
from continual_vqa.data.miniature.skills import SKILLS
from continual_vqa.data.miniature.world import Scene
from continual_vqa.data.miniature.writing import stream, write_images, write_json
from continual_vqa.data.taxonomy import load_taxonomy
from continual_vqa.files.atomic import atomic_folder

GROUPS = "vqacl-contiguous"
# No two splits share an image id; those of the tasks beyond are higher.
FIRST_ID = {"train2014": 1, "val2014": 300_001, "base": 600_001, "train": 700_001, "val": 900_001}
Summary = dict[str, object]
# Tasks beyond questions about an image: each a folder in its official layout.
TASKS: Mapping[str, Callable[[MiniatureConfig, Path, dict[str, int]], dict[str, int]]] = {
    "snli_ve": write_snli_ve,
    "piqa": write_piqa,
    "commonsenseqa": write_commonsenseqa,
    "nlvr2": write_nlvr2,
    "inaturalist": write_inaturalist,
    "places365": write_places365,
}


def generate(config: MiniatureConfig, out: Path) -> Summary:
    """Write the world into the folder `out` (replacing it as a whole) and count what is in it.

    The same config gives the same bytes, in any process.
    """
    size = SIZES[config.size]
    with atomic_folder(out) as folder:
        vqav2 = {
            "train2014": (size.train_images, size.train),
            "val2014": (size.test_images, size.test),
        }
        summary: Summary = {}
        for subtype, (images, questions) in vqav2.items():
            summary |= _write_vqav2(config, folder / "vqav2", subtype, images, questions)
        for split in ("train", "val"):
            summary |= _write_gqa(config, folder / "gqa", split, size.gqa_images)
        summary |= _write_base(config, folder / "base", size.base_images)
        for name, write in TASKS.items():
            sizes = {"train": size.task_train, "test": size.task_test}
            summary |= write(config, folder / name, sizes)
    return summary


def concept_groups() -> dict[str, list[Category]]:
    """The categories of each concept group, in order."""
    groups: dict[str, list[Category]] = {}
    owner = load_taxonomy(GROUPS).group_of_name()
    for category in CATEGORIES:
        groups.setdefault(owner[category.name], []).append(category)
    return dict(sorted(groups.items()))


def split_questions(
    config: MiniatureConfig, subtype: str, images: int, questions: int
) -> tuple[list[Scene], list[Chosen]]:
    """The scenes of a VQA v2 split, group after group, and the questions about them."""
    scenes: list[Scene] = []
    chosen: list[Chosen] = []
    for group, categories in concept_groups().items():
        rng = stream(config, f"{subtype} {group}")
        pool = [random_scene(rng, categories) for _ in range(images)]
        for skill, template in SKILLS.items():
            found = choose(template, pool, questions, stream(config, f"{subtype} {group} {skill}"))
            chosen += [Chosen(len(scenes) + each.scene, each.asked) for each in found]
        scenes += pool
    return scenes, chosen


def _write_vqav2(
    config: MiniatureConfig, folder: Path, subtype: str, images: int, questions: int
) -> Summary:
    scenes, chosen = split_questions(config, subtype, images, questions)
    ids = range(FIRST_ID[subtype], FIRST_ID[subtype] + len(scenes))
    answers = stream(config, f"{subtype} annotators")
    files = vqa_files(subtype, ids, chosen, answers, config.disagreement)
    by_id = dict(zip(ids, scenes, strict=True))
    write_json(folder / f"v2_OpenEnded_mscoco_{subtype}_questions.json", files.questions)
    write_json(folder / f"v2_mscoco_{subtype}_annotations.json", files.annotations)
    write_json(folder / "annotations" / f"instances_{subtype}.json", instances(subtype, by_id))
    names = {file_name(subtype, image_id): scene for image_id, scene in by_id.items()}
    write_images(config, folder / "images" / subtype, subtype, names)
    return {f"vqav2_{subtype}_images": len(scenes), f"vqav2_{subtype}_questions": len(chosen)}


def _write_gqa(config: MiniatureConfig, folder: Path, split: str, images: int) -> Summary:
    scenes = _scenes(config, f"gqa {split}", split, images)
    rng = stream(config, f"gqa {split} questions")
    records: dict[str, dict[str, object]] = {}
    for image_id, scene in scenes.items():
        records |= gqa_records(image_id, scene, rng)
    write_json(folder / f"{split}_balanced_questions.json", records)
    _write_graphs(folder / f"{split}_sceneGraphs.json", scenes)
    names = {f"{image_id}.jpg": scene for image_id, scene in scenes.items()}
    write_images(config, folder / "images", f"gqa {split}", names)
    return {f"gqa_{split}_images": len(scenes), f"gqa_{split}_questions": len(records)}


def _write_base(config: MiniatureConfig, folder: Path, images: int) -> Summary:
    scenes = _scenes(config, "base", "base", images)
    _write_graphs(folder / "base_sceneGraphs.json", scenes)
    names = {f"{image_id}.jpg": scene for image_id, scene in scenes.items()}
    write_images(config, folder / "images", "base", names)
    return {"base_images": len(scenes)}


def _scenes(config: MiniatureConfig, name: str, split: str, images: int) -> dict[str, Scene]:
    rng = stream(config, name)
    first = FIRST_ID[split]
    return {str(number): random_scene(rng) for number in range(first, first + images)}


def _write_graphs(path: Path, scenes: Mapping[str, Scene]) -> None:
    write_json(path, {image_id: scene_graph(scene) for image_id, scene in scenes.items()})
