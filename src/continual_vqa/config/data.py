"""The `data` block: which files are read, and how they are split and sorted into cells."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from continual_vqa.config.block import Block
from continual_vqa.config.layouts import (
    ARCHIVE_MARK,
    IMAGES,
    LAYOUTS,
    OFFICIAL,
    Files,
    found_files,
    present,
)
from continual_vqa.config.source import SourceConfig, SourceName
from continual_vqa.config.taxonomy import taxonomy_path

# The miniature world is written in the official VQA v2 layout.
FORMATS = {"miniature": "vqav2", "vqav2": "vqav2", "gqa": "gqa", "mix": "mix"}


class DataConfig(Block):
    """Where the questions and images come from. Paths are relative to `root`; file lists may hold
    patterns (`*`), gzipped files and members of archives (`x.zip!/member.json`)."""

    dataset: Annotated[
        Literal["miniature", "vqav2", "gqa", "mix"],
        Field(
            description="The built-in miniature world, or official files; mix: those of sources."
        ),
    ] = "miniature"
    sources: dict[SourceName, SourceConfig] = Field(
        default_factory=dict,
        description="Several sources in place of one (dataset: mix, or miniature): each becomes a "
        "task, in this order; stream.groups is then [all] and stream.held_out [none].",
    )
    root: Annotated[
        str,
        Field(description="Folder of the official files; not used for the miniature world."),
    ] = ""
    download: Annotated[
        bool,
        Field(
            description="Fetch official archives that are not below root (addresses: "
            "config/sources.yaml). Only for files whose key here says official."
        ),
    ] = False
    questions: Annotated[
        Files, Field(description="Question files; official: the official names below root.")
    ] = "official"
    annotations: Annotated[
        Files, Field(description="Annotation files (VQA v2); GQA keeps the answers with questions.")
    ] = "official"
    instances: Annotated[
        Files,
        Field(description="COCO instances files, for the concepts of VQA v2; []: not used."),
    ] = "official"
    scene_graphs: Annotated[
        Files,
        Field(description="GQA scene graphs, for the concepts' names; []: not used."),
    ] = "official"
    images: Annotated[
        str,
        Field(
            description="Folder of the images, an official .zip of them, or a folder of such .zip "
            "files (not unpacked). Empty: no images, questions can be indexed but not trained on."
        ),
    ] = IMAGES
    features: Annotated[
        str,
        Field(
            description="Region features in place of images: a TSV file in the form of LXMERT and "
            'VL-T5, or a folder of them. Set images to "" with it.'
        ),
    ] = ""
    taxonomy: Annotated[
        str,
        Field(
            min_length=1,
            description="Skills and concept groups: a file of config/taxonomies/ by name "
            "(vqacl-contiguous, vqacl-published, gqa), or the path of one.",
        ),
    ] = "vqacl-contiguous"
    concept_map: Annotated[
        str,
        Field(description="A JSON file of image name -> COCO id, as VQACL published one."),
    ] = ""
    splits: Annotated[
        Literal["official", "karpathy"],
        Field(
            description="official: train2014 (GQA: train) trains, val2014 (val, testdev) tests. "
            "karpathy: by image, from karpathy_file."
        ),
    ] = "official"
    karpathy_file: Annotated[
        str, Field(description="dataset_coco.json of the Karpathy splits.")
    ] = ""
    on_bad_record: Annotated[
        Literal["fail", "skip"],
        Field(
            description="Duplicates, unknown or missing images, missing annotations, broken JPEGs, "
            "damaged records: stop and say so, or go on without them. Both count and list them."
        ),
    ] = "fail"
    check_images: Annotated[
        Literal["markers", "decode"],
        Field(
            description="How JPEGs are checked when indexed. markers: headers and end marker. "
            "decode: every pixel (slow)."
        ),
    ] = "markers"

    @property
    def made(self) -> bool:
        """Whether the files are not given but made: the miniature world."""
        return self.dataset == "miniature"

    @property
    def format(self) -> str:
        """The format of the files: vqav2 or gqa; mix where there are several sources."""
        return "mix" if self.sources else FORMATS[self.dataset]

    def files(self, kind: str, root: str) -> tuple[str, ...]:
        """The files of one kind (questions, annotations, instances, scene_graphs) below `root`.

        Patterns are replaced by what they find, official names by their .gz or archive when only
        that exists. A name that is not there is kept, so that whoever reads it can say so.
        """
        layout = LAYOUTS[self.format]
        names = getattr(self, kind)
        if names == OFFICIAL:
            archives = dict(layout.archives)
            return tuple(
                present(root, n, archives.get(n, ""), fetched=self.download)
                for n in getattr(layout, kind)
            )
        return tuple(path for name in names for path in found_files(root, name))

    def downloads(self, root: str) -> tuple[str, ...]:
        """The archives, relative to `root`, that are fetched: those that the study needs."""
        if not self.download:
            return ()
        kinds = ("questions", "annotations", "instances", "scene_graphs")
        named = [path for kind in kinds for path in self.files(kind, root) if ARCHIVE_MARK in path]
        archives = [str(Path(p.split(ARCHIVE_MARK)[0]).relative_to(root)) for p in named]
        layout = LAYOUTS[self.format]
        if self.images == IMAGES:
            archives += layout.image_archives
        known = {archive.split(ARCHIVE_MARK)[0] for _, archive in layout.archives}
        return tuple(a for a in dict.fromkeys(archives) if a in {*known, *layout.image_archives})

    def file(self, kind: str, root: str) -> str:
        """One optional path (images, features, concept_map, karpathy_file) or ""."""
        name = getattr(self, kind)
        return str(Path(root) / name) if name else ""

    def raw_files(self, root: str) -> tuple[str, ...]:
        """Every file that indexing reads, without the images; archives instead of members."""
        named = [
            path
            for kind in ("questions", "annotations", "instances", "scene_graphs")
            for path in self.files(kind, root)
        ]
        named += [self.file(kind, root) for kind in ("concept_map", "karpathy_file")]
        named += [str(taxonomy_path(self.taxonomy))]
        named += [str(Path(root) / archive) for archive in self.downloads(root)]
        return tuple(dict.fromkeys(path.split(ARCHIVE_MARK)[0] for path in named if path))

    def payload(self, root: str) -> dict[str, str]:
        """Where the model's visual input is read: for `data.payloads.open_payload`."""
        kind = "features" if self.features else "images"
        return {"kind": kind, "path": self.file(kind, root)}
