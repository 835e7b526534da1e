"""One tiny world for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from continual_vqa.config.miniature import MiniatureConfig
from continual_vqa.data.miniature.generate import generate


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny world."""
    folder = tmp_path_factory.mktemp("world") / "tiny"
    generate(MiniatureConfig(size="tiny"), folder)
    return folder
