"""How the parts of the world are written: random streams of their own, JSON, images."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from continual_vqa.config.miniature import MiniatureConfig
from continual_vqa.data.miniature.drawing import draw
from continual_vqa.data.miniature.world import Scene


def stream(config: MiniatureConfig, name: str) -> random.Random:
    """The random stream of one part of the world; parts do not disturb each other."""
    return random.Random(f"miniature world {config.seed}: {name}")


def write_images(
    config: MiniatureConfig, folder: Path, name: str, scenes: Mapping[str, Scene]
) -> None:
    """Draw scenes by file name below `folder`; `name` seeds their noise. The ending says how."""
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(f"miniature noise {config.seed}: {name}".encode()).digest()
    noise = np.random.Generator(np.random.Philox(int.from_bytes(digest[:8], "big")))
    for file, scene in scenes.items():
        path = folder / file
        if "/" in file:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(draw(scene, noise, "PNG" if file.endswith(".png") else "JPEG"))


def write_json(path: Path, document: object) -> None:
    """One compact document."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """A text file of lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_json_lines(path: Path, records: Iterable[object]) -> None:
    """A document in every line."""
    write_lines(path, (json.dumps(record) for record in records))
