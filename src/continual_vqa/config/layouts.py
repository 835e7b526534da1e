"""The official file names of each format, and how files are found below a folder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

OFFICIAL = "official"
IMAGES = "images"
ARCHIVE_MARK = "!/"

Files = Literal["official"] | tuple[str, ...]
Modality = Literal["image+text", "image", "text"]
MULTIMODAL: Modality = "image+text"


@dataclass(frozen=True, slots=True)
class Layout:
    """The official file names of a format, relative to `data.root`.

    `questions`: files, or folders where images stand in a folder for each class.
    `images`: their folder; "": questions about no image.
    `modality`: what a question shows beside its fixed words.
    `archives`: the official .zip that holds a file, as "archive.zip!/member".
    `image_archives`: the official .zip files of the images.
    """

    questions: tuple[str, ...]
    annotations: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    scene_graphs: tuple[str, ...] = ()
    images: str = IMAGES
    modality: Modality = MULTIMODAL
    archives: tuple[tuple[str, str], ...] = ()
    image_archives: tuple[str, ...] = ()


_VQA = {
    f"v2_OpenEnded_mscoco_{year}_questions.json": f"v2_Questions_{split}_mscoco.zip!/"
    for split, year in (("Train", "train2014"), ("Val", "val2014"))
} | {
    f"v2_mscoco_{year}_annotations.json": f"v2_Annotations_{split}_mscoco.zip!/"
    for split, year in (("Train", "train2014"), ("Val", "val2014"))
}
_GQA = {
    **{f"{part}_balanced_questions.json": "questions1.2.zip!/" for part in ("train", "val")},
    **{f"{part}_sceneGraphs.json": "sceneGraphs.zip!/" for part in ("train", "val")},
}
_INSTANCES = {
    f"annotations/instances_{year}.json": "annotations_trainval2014.zip!/"
    for year in ("train2014", "val2014")
}

LAYOUTS: dict[str, Layout] = {
    "vqav2": Layout(
        questions=tuple(name for name in _VQA if "questions" in name),
        annotations=tuple(name for name in _VQA if "annotations" in name),
        instances=tuple(_INSTANCES),
        archives=tuple((_VQA | _INSTANCES).items()),
        image_archives=("images/train2014.zip", "images/val2014.zip"),
    ),
    "gqa": Layout(
        questions=tuple(name for name in _GQA if "questions" in name),
        scene_graphs=tuple(name for name in _GQA if "sceneGraphs" in name),
        archives=tuple(_GQA.items()),
        image_archives=("images/images.zip",),
    ),
    "snli_ve": Layout(
        questions=tuple(f"snli_ve_{part}.jsonl" for part in ("train", "dev", "test")),
        images="flickr30k_images",
    ),
    "piqa": Layout(
        questions=("train.jsonl", "valid.jsonl"),
        annotations=("train-labels.lst", "valid-labels.lst"),
        images="",
        modality="text",
    ),
    "commonsenseqa": Layout(
        questions=("train_rand_split.jsonl", "dev_rand_split.jsonl"), images="", modality="text"
    ),
    "nlvr2": Layout(questions=("data/train.json", "data/dev.json", "data/test1.json")),
    "inaturalist": Layout(
        questions=("train2019.json", "val2019.json"), images=".", modality="image"
    ),
    "places365": Layout(
        questions=("places365_train_standard.txt", "places365_val.txt"),
        annotations=("categories_places365.txt",),
        images=".",
        modality="image",
    ),
    "image_folder": Layout(questions=("train", "val"), images=".", modality="image"),
}


def present(root: str, name: str, archive: str, *, fetched: bool = False) -> str:
    """The official file below `root`, or its .gz or archive when only that is there.

    Where none is: the name itself, or the archive that will be `fetched`.
    """
    folder = Path(root)
    # An archive keeps the member's own folders; members lie flat or under the official folder.
    options = [name, f"{name}.gz", *([f"{archive}{name}"] if archive else [])]
    for option in options:
        if (folder / option.split(ARCHIVE_MARK)[0]).is_file():
            return str(folder / option)
    return str(folder / (options[-1] if fetched else name))


def found_files(root: str, name: str) -> Iterable[str]:
    """The paths below `root` that a name or pattern stands for; the name itself where none is."""
    path = str(Path(root) / name)
    if ARCHIVE_MARK in name or not any(mark in name for mark in "*?["):
        return [path]
    parts = Path(path).parts
    first = next(i for i, part in enumerate(parts) if any(mark in part for mark in "*?["))
    return sorted(map(str, Path(*parts[:first]).glob(str(Path(*parts[first:]))))) or [path]
