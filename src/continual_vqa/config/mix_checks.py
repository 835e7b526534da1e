"""What the sources of a study must fulfil."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from continual_vqa.config.data import DataConfig
from continual_vqa.config.layouts import ARCHIVE_MARK
from continual_vqa.config.mistakes import Mistake
from continual_vqa.config.mix import skills_of
from continual_vqa.config.source import SourceConfig, SourceFiles
from continual_vqa.config.taxonomy import taxonomy_names
from continual_vqa.errors import UserError

MIX = "mix"
# Formats whose files the miniature world holds.
WORLD = (
    *("vqav2", "gqa", "snli_ve", "piqa", "commonsenseqa", "nlvr2"),
    *("inaturalist", "places365"),
)
# Formats of which a split of its own for development has answers.
WITH_VAL = ("snli_ve", "nlvr2")
_SHARED = ("dataset", "sources", "on_bad_record", "check_images")


def check_sources(data: DataConfig, split: str) -> Iterator[Mistake]:
    """Every mistake in the sources; `split` is what answers are judged on."""
    if data.dataset == MIX and not data.sources:
        yield Mistake("data.sources", "is empty while data.dataset is mix", expected="a source")
    if not data.sources:
        return
    if not data.made and data.dataset != MIX:
        yield Mistake(
            "data.sources", f"is given while data.dataset is {data.dataset}", expected="mix"
        )
        return
    for key, field in DataConfig.model_fields.items():
        if key not in _SHARED and getattr(data, key) != field.default:
            yield Mistake(
                f"data.{key}", "is given beside data.sources", expected="keys within the sources"
            )
    for name, source in data.sources.items():
        yield from _source(data, f"data.sources.{name}", name, source, split)
    yield from _repeated(data)


def _source(
    data: DataConfig, path: str, name: str, source: SourceConfig, split: str
) -> Iterator[Mistake]:
    if source.taxonomy:
        try:
            wanted = taxonomy_names(source.taxonomy).dataset
        except UserError as error:
            yield Mistake(f"{path}.taxonomy", str(error))
        else:
            if wanted != source.format:
                what = f"{source.taxonomy} is for {wanted}, not for {source.format}"
                yield Mistake(f"{path}.taxonomy", what, expected="empty, or one for the format")
    if split == "val" and source.format not in WITH_VAL:
        shown = f"is {source.format}, which has no val, while evaluation.split is val"
        yield Mistake(f"{path}.format", shown, expected=f"one of {', '.join(WITH_VAL)}")
    if data.made:
        if source.root:
            yield Mistake(
                f"{path}.root", "is given in the miniature world", expected="dataset: mix, or empty"
            )
        if source.format not in WORLD:
            yield Mistake(f"{path}.format", f"is {source.format}", expected=", ".join(WORLD))
    elif not Path(source.root or "none given").is_dir():
        shown = f"{source.root} is no folder" if source.root else "is empty"
        yield Mistake(f"{path}.root", shown, expected=f"the folder of the {source.format} files")
    else:
        yield from _files(path, source.at(name, source.root))


def _files(path: str, found: SourceFiles) -> Iterator[Mistake]:
    for key in ("questions", "annotations"):
        for name in getattr(found, key):
            if not Path(name.split(ARCHIVE_MARK)[0]).exists():
                yield Mistake(
                    f"{path}.{key}", f"{name} does not exist", expected="an existing file"
                )
    if found.images and not Path(found.images).exists():
        yield Mistake(f"{path}.images", f"{found.images} does not exist", expected="a folder")


def _repeated(data: DataConfig) -> Iterator[Mistake]:
    try:
        given = [s for name, source in data.sources.items() for s in skills_of(name, source)]
    except UserError:
        return  # said of the source
    for skill, count in Counter(given).items():
        if count > 1:
            yield Mistake(
                "data.sources", f"give the task {skill} {count} times", expected="each once"
            )
