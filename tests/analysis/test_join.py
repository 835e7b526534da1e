"""Runs made apart become one study, unless they do not fit."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from analysis.merged_studies import RECIPES, merged_study
from continual_vqa.analysis.join import join
from continual_vqa.analysis.schemas import METRICS, SUMMARY
from continual_vqa.analysis.study_results import Results
from continual_vqa.analysis.tables import TABLES
from continual_vqa.cli import main
from continual_vqa.errors import UserError
from continual_vqa.files.parquet import write_table

WHOLE = merged_study(orders=("published", "reversed"), seeds=(0, 1))
BOTH = {"metrics": (WHOLE.metrics, METRICS), "summary": (WHOLE.summary, SUMMARY)}


def of_seed(table: pa.Table, seed: int) -> pa.Table:
    return table.filter(pc.field("seed") == seed)


def test_seeds_that_ran_apart_give_the_tables_of_the_whole(tmp_path: Path) -> None:
    for seed in (0, 1):
        for name, (table, schema) in BOTH.items():
            write_table(tmp_path / f"{name}-{seed}", of_seed(table, seed), schema)
    parts = [[str(tmp_path / f"{name}-{seed}") for seed in (0, 1)] for name in BOTH]
    out = ["--out-metrics", str(tmp_path / "m"), "--out-summary", str(tmp_path / "s")]
    run = ["join", "--study", "all", "--metrics", *parts[0], "--summary", *parts[1], *out]
    assert main(run) == 0
    found = Results.read(tmp_path / "m", tmp_path / "s")
    assert set(found.metrics["study"].to_pylist()) == {"all"}
    for name in ("main", "orders"):
        assert TABLES[name](found).rows == TABLES[name](WHOLE).rows
    assert main([*run, "--stream", "reversed"]) == 0
    assert list(Results.read(tmp_path / "m", tmp_path / "s").held_out) == ["reversed"]
    assert main([*run, "--stream", "sideways"]) == 2


def test_a_run_is_there_once() -> None:
    with pytest.raises(UserError, match="with seed 0, as a has") as caught:
        join("ab", [WHOLE.metrics, of_seed(WHOLE.metrics, 0)], "all", "")
    assert str(caught.value).startswith("b: ")


def test_a_name_means_one_recipe() -> None:
    column = SUMMARY.get_field_index("slots")
    other = of_seed(WHOLE.summary, 1)
    slots = pa.array([RECIPES["pam"].model_dump_json()] * other.num_rows)
    other = other.set_column(column, SUMMARY.field("slots"), slots)
    with pytest.raises(UserError, match="another recipe of this name"):
        join("ab", [of_seed(WHOLE.summary, 0), other], "all", "")


def test_a_stream_has_one_order_of_tasks() -> None:
    column = METRICS.get_field_index("position")
    other = of_seed(WHOLE.metrics, 1)
    moved = pc.add(other["position"], pa.scalar(1, pa.int32()))
    other = other.set_column(column, METRICS.field("position"), moved)
    with pytest.raises(UserError, match="another order of tasks"):
        join("ab", [of_seed(WHOLE.metrics, 0), other], "all", "")
