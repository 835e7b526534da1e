"""Checkpoints and cost records become rows that say what the files hold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import tiny_model
from continual_vqa.analysis.banks import BankList, banks, cost_of, sizes_of
from continual_vqa.analysis.runs import parse
from continual_vqa.analysis.schemas import FURTHER
from continual_vqa.backbones.adapters import Adapter, Bank
from continual_vqa.backbones.bank import BankBranch
from continual_vqa.cli import main
from continual_vqa.config.tuning import BankTuning
from continual_vqa.errors import UserError
from continual_vqa.evaluation.bank_table import BANK_USE
from continual_vqa.evaluation.tables import PREDICTIONS
from continual_vqa.files.parquet import read_table, write_table
from continual_vqa.files.tensors import ArrayFile, write_arrays

RUN = {"stream": "published", "recipe": "atlas", "seed": 0}
HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def record(path: Path, seconds: str = "12.5", memory: str = "100.00") -> str:
    """A cost record as Snakemake 9 writes it."""
    path.write_text(f"{HEAD}{seconds}\t0:00:12\t{memory}\t1\t1\t1\t0\t0\t0\t1\n")
    return str(path)


def checkpoint(path: Path, *, asked: tuple[int, ...], half: bool = False) -> str:
    """The tensors of a bank's checkpoint, as they are called in a model."""
    model = tiny_model.tiny()
    tuning = BankTuning(width=3, heads=2)

    def make(branch):
        return BankBranch(branch, tuning, adapters=asked[-1:], asked=(), task=asked[-1])

    bank = Bank(model.branches(), make)
    for branch in bank.values():
        for number in asked:
            branch.queries[f"{asked[-1]}-{number}"] = branch.keys[str(asked[-1])]
    model.put_bank(bank)
    kind = np.float16 if half else np.float32
    named = bank.named_parameters(remove_duplicate=False)
    tensors = {f"bank.{name}": np.zeros(tensor.shape, kind) for name, tensor in named}
    write_arrays(path, tensors, {})
    return str(path)


@pytest.fixture
def listing(tmp_path: Path) -> list[dict]:
    """Two tasks of a bank; the second has two phases."""
    models = [checkpoint(tmp_path / f"{n}.safetensors", asked=(1, 2)[:n]) for n in (1, 2)]
    answers = {"question_id": "1", "task": "color", "group": "G1", "answer": "red"}
    table = pa.Table.from_pylist([{**answers, "score": 0.0, "step": 1}] * 5, PREDICTIONS)
    write_table(tmp_path / "predictions.parquet", table, PREDICTIONS)
    about = {"place": "net", "stack": "encoder", "layer": 1, "kind": "attention", "adapter": 1}
    use = pa.Table.from_pylist([{**about, "count": 5, "weight": 0.5, "deviation": 0.1}], BANK_USE)
    write_table(tmp_path / "use.parquet", use, BANK_USE)
    write_arrays(tmp_path / "base.safetensors", {"w": np.zeros((3, 7), np.float32)}, {})
    jobs = [
        {"phase": "experience", "cost": record(tmp_path / "a.tsv")},
        {"phase": "expansion", "cost": record(tmp_path / "b.tsv", "3", "NA")},
    ]
    common = {
        **RUN,
        "predictions": str(tmp_path / "predictions.parquet"),
        "answering": record(tmp_path / "p.tsv", "2"),
        "use": str(tmp_path / "use.parquet"),
    }
    return [
        {**common, "step": 1, "task": "color", "own": models[0], "kept": models[:1]}
        | {"training": jobs[1:]},
        {**common, "step": 2, "task": "count", "own": models[1], "kept": models}
        | {"training": jobs},
    ]


def tables(listing: list[dict], folder: Path) -> dict[str, list[dict]]:
    steps = parse(BankList, {"runs": listing}, "runs.json").runs
    return {n: t.to_pylist() for n, t in banks(steps, folder / "base.safetensors").items()}


def test_parameters_are_those_in_the_files(listing: list[dict], tmp_path: Path) -> None:
    rows = tables(listing, tmp_path)["growth"]
    files = [ArrayFile(tmp_path / f"{n}.safetensors") for n in (1, 2)]
    own = [sum(array.size for array in file.values()) for file in files]
    for step, row in enumerate(rows, start=1):
        assert (row["own_entries"], row["own_bytes"]) == (own[step - 1], 4 * own[step - 1])
        assert row["kept_entries"] == sum(own[:step]) and row["kept_bytes"] == 4 * sum(own[:step])
        assert (row["base_entries"], row["base_bytes"]) == (21, 84)
    branches = tiny_model.tiny().branches()
    adapter = sum(2 * b.width * 3 + b.width + 3 for b in branches)
    assert {row["adapter_entries"] for row in rows} == {adapter}
    keys_and_queries = [sum(b.width for b in branches) * (1 + step) for step in (1, 2)]
    assert own == [adapter + more for more in keys_and_queries]


def test_single_adapters_are_adapters_and_other_tensors_are_not(tmp_path: Path) -> None:
    model = tiny_model.tiny()
    bank = Bank(model.branches(), lambda branch: Adapter(branch.width, 2))
    model.put_bank(bank)
    own = {name: np.zeros(t.shape, np.float32) for name, t in model.named_parameters()}
    write_arrays(tmp_path / "whole.safetensors", own, {})
    found = sizes_of(str(tmp_path / "whole.safetensors"))
    names = set(bank.names())
    assert found["all"][0] == sum(a.size for a in own.values())
    assert found["adapter"][0] == sum(a.size for n, a in own.items() if n in names)


def test_bytes_follow_the_dtype(tmp_path: Path) -> None:
    entries, size = sizes_of(checkpoint(tmp_path / "h.safetensors", asked=(1,), half=True))["all"]
    assert size == 2 * entries


def test_costs_are_told_job_by_job(listing: list[dict], tmp_path: Path) -> None:
    rows = tables(listing, tmp_path)["costs"]
    told = [(r["step"], r["work"], r["phase"], r["seconds"], r["questions"]) for r in rows]
    assert told == [
        (1, "train", "expansion", 3.0, None),
        (1, "predict", "", 2.0, 5),
        (2, "train", "experience", 12.5, None),
        (2, "train", "expansion", 3.0, None),
        (2, "predict", "", 2.0, 5),
    ]
    # 100 MiB in units of 10^6 bytes; what was not measured is null.
    assert [r["peak_mb"] for r in rows[2:4]] == [pytest.approx(104.8576), None]


def test_the_memory_of_what_waits_for_a_warm_process_is_not_the_works(tmp_path: Path) -> None:
    path = record(tmp_path / "warm.tsv", "1.5", "16.97")
    assert cost_of(path) == {"seconds": 1.5, "peak_mb": None}


def test_what_adapters_do_is_told_of_the_run(listing: list[dict], tmp_path: Path) -> None:
    listing[0]["use"] = ""
    (row,) = tables(listing, tmp_path)["adapters"]
    assert row["recipe"] == "atlas" and row["step"] == 2 and row["weight"] == 0.5


@pytest.mark.parametrize(
    "text", ["", "s\tmax_rss\n", "seconds\n1\n", HEAD + "x\t0\t1\n", HEAD + "1\t0\tmuch\n"]
)
def test_other_files_are_no_cost_records(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.tsv").write_text(text)
    with pytest.raises(UserError, match="no record of a job's cost"):
        cost_of(str(tmp_path / "a.tsv"))


def test_a_missing_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone\.tsv"):
        cost_of(str(tmp_path / "gone.tsv"))


def test_the_verb_writes_three_tables(listing: list[dict], tmp_path: Path) -> None:
    (tmp_path / "runs.json").write_text(json.dumps({"runs": listing}))
    names = ("adapters", "growth", "costs")
    outputs = [a for n in names for a in (f"--{n}", str(tmp_path / f"{n}.parquet"))]
    inputs = ["--runs", str(tmp_path / "runs.json"), "--base", str(tmp_path / "base.safetensors")]
    assert main(["banks", *inputs, *outputs]) == 0
    found = {n: read_table(tmp_path / f"{n}.parquet", FURTHER[n]).num_rows for n in names}
    assert found == {"adapters": 2, "growth": 2, "costs": 5}
