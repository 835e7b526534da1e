"""What a study is made from: data files, shards, the base model's material; who answers how.

The half of a plan that no method, order or seed changes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from continual_vqa.config.mix import source_of
from continual_vqa.config.source import SourceFiles, raw_files
from continual_vqa.config.study import Study
from continual_vqa.plan.paths import Paths

CONTENT = "content-"


@dataclass(frozen=True)
class Materials:
    """The files and arguments that the stages of a study start from."""

    study: Study

    @cached_property
    def paths(self) -> Paths:
        return Paths(f"{self.study.results}/{self.study.name}")

    @cached_property
    def world(self) -> str:
        """The folder of the miniature world."""
        return self.paths.miniature.format(size=self.study.miniature.size)

    @cached_property
    def data_root(self) -> str:
        """The folder below which the data files lie."""
        if self.study.data.made:
            return f"{self.world}/{self.study.data.format}"
        return self.study.data.root

    @cached_property
    def sources(self) -> tuple[SourceFiles, ...]:
        """The sources of a study of several."""
        data = self.study.data
        made = data.made
        return tuple(
            each.at(name, f"{self.world}/{each.format}" if made else each.root)
            for name, each in data.sources.items()
        )

    @cached_property
    def downloads(self) -> tuple[str, ...]:
        """Official archives, relative to the data root, that are fetched where missing."""
        return self.study.data.downloads(self.data_root)

    @cached_property
    def raw_files(self) -> tuple[str, ...]:
        """Every file that indexing reads, without the images."""
        here, data = Path.cwd(), self.study.data
        found = [path for source in self.sources for path in raw_files(source)]
        # Relative where possible: a study that moves with its checkout is not made anew.
        return tuple(
            str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path
            for path in (found or data.raw_files(self.data_root))
        )

    @cached_property
    def index_arguments(self) -> list[str]:
        """The options of the verb `index`."""
        data, root = self.study.data, self.data_root
        arguments = ["--on-bad-record", data.on_bad_record, "--check-images", data.check_images]
        if copies := self.study.stream.relabelings:
            arguments += ["--relabelings", str(copies)]
        if self.sources:
            for source in self.sources:
                arguments += ["--source", source.model_dump_json()]
            return arguments
        arguments += ["--dataset", data.format, "--taxonomy", data.taxonomy]
        arguments += ["--splits", data.splits]
        for kind in ("questions", "annotations", "instances", "scene_graphs"):
            if files := data.files(kind, root):
                arguments += [f"--{kind.replace('_', '-')}", *files]
        for kind in ("images", "features", "concept_map", "karpathy_file"):
            if path := data.file(kind, root):
                arguments += [f"--{kind.removesuffix('_file').replace('_', '-')}", path]
        return arguments

    def image_arguments(self, cell: str) -> list[str]:
        """The option of the verb `shard` that names the images of a cell, where it has some."""
        source = self._visual_source(cell)
        return ["--images", source] if source else []

    def _visual_source(self, cell: str) -> str:
        data = self.study.data
        if self.sources:
            owner = source_of(data, cell.split("/")[1])
            return next(source.images for source in self.sources if source.name == owner)
        return data.file("features" if data.features else "images", self.data_root)

    @cached_property
    def shard_arguments(self) -> list[str]:
        """The options of the verb `shard`."""
        shards = self.study.shards
        return ["--max-mb", str(shards.max_mb), *([] if shards.checksums else ["--no-checksums"])]

    @cached_property
    def reading(self) -> dict[str, object]:
        """What of the shards' settings acts when they are read."""
        return self.study.shards.model_dump(mode="json", exclude={"max_mb", "checksums"})

    @cached_property
    def answering(self) -> dict[str, object]:
        """What of the evaluation's settings acts when questions are answered."""
        chosen = self.study.evaluation
        # The others choose the questions, which a job is given by its cells.
        return chosen.model_dump(mode="json", exclude={"split", "tasks", "every"})

    @cached_property
    def scene_graphs(self) -> str:
        """The scene graphs that the base model is pretrained on."""
        return self.study.pretraining.scene_graphs or f"{self.world}/base/base_sceneGraphs.json"

    @cached_property
    def pretrained(self) -> bool:
        """Whether the base model is trained on scene graphs, or only built or read."""
        return self.study.pretraining.steps > 0

    @cached_property
    def builds_vocabulary(self) -> bool:
        """Whether the training questions give the model's words, or the answers it chooses from."""
        return not self.study.backbone.folder or self.study.backbone.chooses

    @cached_property
    def base_inputs(self) -> list[str]:
        """The files that the base model is made from, beside the vocabulary's questions."""
        folder, adapter = self.study.backbone.folder, self.study.backbone.adapter
        files = [f"{folder}/config.json", *weight_files(folder)] if folder else []
        if adapter:
            files += [f"{adapter}/adapter_config.json", f"{adapter}/adapter_model.safetensors"]
        return [*files, *([self.scene_graphs] if self.pretrained else [])]

    @cached_property
    def base_arguments(self) -> list[str]:
        """Options of the verb `pretrain` that name its material."""
        arguments = ["--texts", self.paths.questions] if self.builds_vocabulary else []
        if self.pretrained:
            images = self.study.pretraining.images or f"{self.world}/base/images"
            arguments += ["--scene-graphs", self.scene_graphs, "--images", images]
        return arguments

    def vocabulary_hash(self) -> str:
        """The words and answers that the base model knows, as far as the questions give them."""
        words = self.content_hash("vocabulary") if not self.study.backbone.folder else ""
        answers = self.content_hash("answers") if self.study.backbone.chooses else ""
        return " ".join(filter(None, (words, answers)))

    @cached_property
    def world_files(self) -> tuple[str, ...]:
        """The files of the miniature world that other jobs name; images lie beside them."""
        made = (*self.raw_files, self.scene_graphs)
        return tuple(path for path in made if path.startswith(f"{self.world}/"))

    def content_hash(self, name: str) -> str:
        """The content of a cell, of the "vocabulary" or "answers", as the last index noted it.

        "pending" before the first index; the DAG is looked at again after it.
        """
        path = Path(self.paths.content)
        if not path.exists():
            return f"{CONTENT}pending"
        return f"{CONTENT}{_read_hashes(str(path), path.stat().st_mtime_ns).get(name, 'empty')}"


@lru_cache(maxsize=4)
def _read_hashes(path: str, _modified: int) -> dict[str, str]:
    # Planning asks once per cell; the file changes only when an index has run in between.
    return json.loads(Path(path).read_text())


def weight_files(folder: str) -> list[str]:
    """The weights in a model's folder: one file, or the several that stand beside an index."""
    several = sorted(Path(folder).glob("model-*-of-*.safetensors"))
    return [str(path) for path in several] or [f"{folder}/model.safetensors"]
