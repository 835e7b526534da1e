"""One of the sources that a study of several kinds of tasks learns from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from continual_vqa.config.block import Block
from continual_vqa.config.layouts import (
    ARCHIVE_MARK,
    LAYOUTS,
    OFFICIAL,
    Files,
    found_files,
    present,
)

FormatName = Literal[
    "vqav2",
    "gqa",
    "snli_ve",
    "piqa",
    "commonsenseqa",
    "nlvr2",
    "inaturalist",
    "places365",
    "image_folder",
]
SPLITS = ("train", "val", "test")
# Its name begins the ids of its questions and ends at their first dash.
SourceName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,39}$")]
Limit = dict[Literal["train", "val", "test"], Annotated[int, Field(ge=1)]]


class SourceFiles(Block):
    """The files of a source, found; as the verb `index` is given them."""

    name: Annotated[SourceName, Field(description="Its name, and its task's.")]
    format: Annotated[FormatName, Field(description="What the files are.")]
    questions: Annotated[tuple[str, ...], Field(min_length=1, description="Question files.")]
    annotations: Annotated[tuple[str, ...], Field(description="Answers, labels or classes.")] = ()
    images: Annotated[str, Field(description="Folder or .zip of the images.")] = ""
    taxonomy: Annotated[str, Field(description="Skills as tasks; empty: one task.")] = ""
    limit: Annotated[Limit, Field(description="Split -> number of questions.")] = Field(
        default_factory=dict
    )
    limit_seed: Annotated[int, Field(ge=0, description="Seed of the choice.")] = 0


class SourceConfig(Block):
    """One source of a study of several kinds of tasks. Its name is that of its task, and its
    questions are the cells SPLIT/NAME/all."""

    format: Annotated[
        FormatName,
        Field(
            description="The official files that it holds: questions about an image (vqav2, gqa), "
            "about none (piqa, commonsenseqa), statements about one (snli_ve) or two (nlvr2), or "
            "images with a class (inaturalist: 2019, places365: standard, image_folder: "
            "train/CLASS/IMAGE and val/CLASS/IMAGE)."
        ),
    ]
    root: Annotated[
        str,
        Field(description="Folder of the official files; empty in the miniature world."),
    ] = ""
    questions: Annotated[
        Files, Field(description="Question files; official: the official names below root.")
    ] = "official"
    annotations: Annotated[
        Files,
        Field(
            description="Answers (vqav2), labels (piqa) or names of the classes (places365; "
            "inaturalist: categories.json, which was published later)."
        ),
    ] = "official"
    images: Annotated[
        str, Field(description="Folder or .zip of the images; official: the official folder.")
    ] = OFFICIAL
    taxonomy: Annotated[
        str,
        Field(
            description="Skills (of vqav2 or gqa) that become tasks of their own: a file of "
            "config/taxonomies/. Empty: the source is one task."
        ),
    ] = ""
    limit: Annotated[
        Limit,
        Field(
            description="Number of questions in a split, chosen at random: {train: 2048} is the "
            "low-shot setting of CLiMB and ATLAS. Splits that are not named keep all."
        ),
    ] = Field(default_factory=dict)
    limit_seed: Annotated[
        int,
        Field(ge=0, description="Seed of that choice; a higher limit keeps what a lower one has."),
    ] = 0

    def at(self, name: str, root: str) -> SourceFiles:
        """The source with its files below `root`; see `DataConfig.files`."""
        layout = LAYOUTS[self.format]
        images = layout.images if self.images == OFFICIAL else self.images
        return SourceFiles(
            name=name,
            format=self.format,
            questions=self._files(self.questions, layout.questions, root),
            annotations=self._files(self.annotations, layout.annotations, root),
            images=str(Path(root) / images) if images else "",
            taxonomy=self.taxonomy,
            limit=self.limit,
            limit_seed=self.limit_seed,
        )

    def _files(self, names: Files, official: tuple[str, ...], root: str) -> tuple[str, ...]:
        if names != OFFICIAL:
            return tuple(path for name in names for path in found_files(root, name))
        archives = dict(LAYOUTS[self.format].archives)
        return tuple(present(root, name, archives.get(name, "")) for name in official)


def raw_files(source: SourceFiles) -> tuple[str, ...]:
    """Every file that indexing reads of a source, without the images; archives, not members."""
    named = (*source.questions, *source.annotations)
    return tuple(dict.fromkeys(path.split(ARCHIVE_MARK)[0] for path in named))
