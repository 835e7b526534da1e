"""Official GQA files run the whole way, with accuracy per skill and consistency."""

from __future__ import annotations

import math

import pyarrow.parquet as pq
import yaml

from .conftest import Checkout


def test_gqa_runs_to_the_end(finished: Checkout) -> None:
    config = finished.root / "config" / "gqa-tiny.yaml"
    raw = yaml.safe_load(finished.config.read_text())
    world = next((finished.results() / "miniature").iterdir())
    raw |= {
        "name": "gqa-tiny",
        "data": {"dataset": "gqa", "root": str(world / "gqa"), "taxonomy": "gqa"},
        "stream": {"skills": ["attribute", "logical"], "groups": "all", "held_out": ["none"]},
        "pretraining": {"steps": 0},
        "recipes": ["sequential"],
    }
    config.write_text(yaml.safe_dump(raw))
    study = Checkout(finished.root, config)
    study.snakemake()
    results = finished.root / "results" / "gqa-tiny"
    table = (results / "tables" / "main.csv").read_text()
    assert "Sequential" in table
    scores = [pq.read_table(path) for path in sorted((results / "scores").rglob("*.parquet"))]
    assert len(scores) == 2
    last = max(scores, key=len)
    assert set(last["task"].to_pylist()) == {"attribute", "logical"}
    assert {0.0, 1.0} >= set(last["accuracy"].to_pylist())
    defined = [c for c in last["consistency"].to_pylist() if c is not None and not math.isnan(c)]
    assert all(0 <= c <= 1 for c in defined)
    assert study.pending() == []
