"""Importance files of a small invented model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from continual_vqa.config.importance import ImportanceConfig
from continual_vqa.files.tensors import write_arrays

PARTS = {"c": "language", "a.weight": "vision", "b.bias": "language"}
SHAPES = {"c": (7,), "a.weight": (2, 5), "b.bias": (3, 1, 2)}
SETTINGS = ImportanceConfig().model_dump(mode="json")
Tensors = Mapping[str, np.ndarray]


def tensors() -> st.SearchStrategy[Tensors]:
    """Importances of one task, with many equal ones."""
    value = st.one_of(
        st.integers(0, 4).map(float),
        st.sampled_from([1e-45, 1e-39, 1e30]),
        st.floats(0, 1, width=32),
    )
    return st.fixed_dictionaries(
        {
            name: st.lists(value, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))).map(
                lambda values, shape=shape: np.array(values, np.float32).reshape(shape)
            )
            for name, shape in SHAPES.items()
        }
    )


def write_importance(
    path: Path,
    task: Tensors,
    *,
    step: int = 1,
    count: int = 1,
    parts: Mapping[str, str] = PARTS,
    settings: Mapping[str, object] = SETTINGS,
    **header: str,
) -> Path:
    """An importance file of the sums `task`."""
    metadata = {
        "format": "continual-vqa importance 1",
        "base_sha256": "base",
        "stage": f"stage-{step}",
        "task": "count",
        "step": str(step),
        "parts": json.dumps(parts),
        "settings": json.dumps(settings, sort_keys=True),
        "count": str(count),
    }
    write_arrays(path, task, metadata | header)
    return path
