"""A window gives the entries of a tensor, wherever it stands and whatever was read before."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.consolidation.merging.models import STAGE, Model
from continual_vqa.consolidation.merging.windows import Window
from continual_vqa.files.tensors import write_arrays

VALUES = {"a": np.arange(7, dtype=np.float32), "b": np.arange(100, 150, dtype=np.float32)}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return written(tmp_path_factory.mktemp("windows") / "model.safetensors")


def written(path: Path) -> Model:
    header = {"format": STAGE, "parts": json.dumps(dict.fromkeys(VALUES, "language"))}
    write_arrays(path, VALUES, header)
    return Model(path, STAGE, "train")


@given(
    spans=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)).map(sorted), max_size=6),
)
def test_every_span_is_what_stands_there(model: Model, spans: list[list[int]]) -> None:
    window = Window(model, "b")
    for start, stop in spans:
        np.testing.assert_array_equal(window(start, stop), VALUES["b"][start:stop])
