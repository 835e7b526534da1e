"""The table of a bank's adapters against the formulas of ATLAS, number by number."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch

import families
import tiny_model
from continual_vqa.backbones.adapters import Bank
from continual_vqa.backbones.bank import BankBranch
from continual_vqa.backbones.base import Backbone
from continual_vqa.backbones.folder import read_base
from continual_vqa.cli import main
from continual_vqa.config.tuning import BankTuning
from continual_vqa.errors import UserError
from continual_vqa.evaluation.bank_table import BANK_USE
from continual_vqa.evaluation.bank_use import BankUseSettings, bank_use
from continual_vqa.files.parquet import read_table
from continual_vqa.training.checkpoint import write_checkpoint
from oracles import atlas_reference as reference
from oracles.cka_reference import linear_cka

TUNE = {"kind": "adapter_bank", "width": 3, "heads": 2}
ASKED = (1, 3)
QUESTIONS = 9


def banked(model: Backbone, **options: object) -> Backbone:
    """With three random adapters, two of which task 3 asks for."""
    tuning = BankTuning.model_validate({**TUNE, **options})
    model.put_bank(
        Bank(
            model.branches(),
            lambda b: BankBranch(b, tuning, adapters=(1, 2, 3), asked=ASKED, task=3),
        )
    )
    assert model.bank is not None
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for tensor in model.bank.parameters():
            tensor.copy_(torch.empty(tensor.shape).normal_(0, 0.4, generator=generator))
    return model


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return dict([tiny_model.cell(tmp_path_factory.mktemp("cells"), 12)])


def settings(**changes: object) -> BankUseSettings:
    about = {"stage": {"task": "color"}, "questions": QUESTIONS, "batch_size": 4}
    return BankUseSettings.model_validate({**about, **changes})


def measured(
    model: Backbone, cell: dict[str, Path], **changes: object
) -> tuple[list[dict], dict[str, list[torch.Tensor]]]:
    """The rows, and what passed through each branch: (S, D) for each question."""
    assert model.bank is not None
    passed: dict[str, list[torch.Tensor]] = {place: [] for place in model.bank}
    handles = []
    for place, branch in model.bank.items():

        def keep(_module: object, given: tuple, place: str = place) -> None:
            h, mask = given
            masks = [slice(None)] * len(h) if mask is None else mask
            passed[place] += [one[m].double() for one, m in zip(h, masks, strict=True)]

        handles.append(branch.register_forward_pre_hook(keep))
    rows = bank_use(model, cell, settings(**changes)).to_pylist()
    for handle in handles:
        handle.remove()
    return rows, passed


def adapted(branch: BankBranch, number: int, h: torch.Tensor) -> list[np.ndarray]:
    weights = branch.state_dict()
    names = ("down.weight", "down.bias", "up.weight", "up.bias")
    own = [weights[f"adapters.{number}.{name}"].double().numpy() for name in names]
    return [reference.adapter(token, *own) for token in h.numpy()]


def test_weights_and_likeness_are_those_of_the_formulas(cell: dict[str, Path]) -> None:
    model = banked(tiny_model.tiny())
    rows, passed = measured(model, cell)
    assert model.bank is not None
    assert len(rows) == len(model.branches()) * 3  # two adapters and one pair
    for place, samples in passed.items():
        branch = cast(BankBranch, model.bank[place])
        first, third, pair = [row for row in rows if row["place"] == place]
        assert len(samples) == first["count"] == QUESTIONS
        for row, number in zip((first, third), ASKED, strict=True):
            assert (row["adapter"], row["other"], row["cka"]) == (number, None, None)
            query, key = (
                branch.state_dict()[name].double().numpy()
                for name in (f"queries.3-{number}", f"keys.{number}")
            )
            alphas = [
                reference.weight(reference.attention(query, adapted(branch, number, h), 2), key)
                for h in samples
            ]
            assert row["weight"] == pytest.approx(np.mean(alphas), abs=1e-6)
            assert row["deviation"] == pytest.approx(np.std(alphas), abs=1e-6)
        tokens = torch.cat(samples)
        x, y = (np.array(adapted(branch, n, tokens)) - tokens.numpy() for n in ASKED)
        cosines = (x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)
        assert (pair["adapter"], pair["other"], pair["count"]) == (*ASKED, len(tokens))
        assert pair["cosine"] == pytest.approx(cosines.mean(), abs=1e-5)
        # What enters the decoder is the start token, whatever the question: only rounding varies.
        if np.ptp(x, axis=0).max() < 1e-5:
            assert place.endswith("decoder-block-0-layer-0-SelfAttention")
            assert math.isnan(pair["cka"])
        else:
            assert pair["cka"] == pytest.approx(linear_cka(x, y), abs=2e-3)


def test_branches_are_told_as_the_family_names_them(cell: dict[str, Path]) -> None:
    rows, _ = measured(banked(tiny_model.tiny()), cell)
    found = {(row["stack"], row["layer"], row["kind"]) for row in rows}
    kinds = ("attention", "feed-forward")
    layers = (("encoder", 1), ("encoder", 2), ("decoder", 1))
    assert found == {(stack, layer, kind) for stack, layer in layers for kind in kinds}


@pytest.mark.parametrize("name", ["t5_vision-patches", "llava"])
def test_batches_and_padding_do_not_matter(cell: dict[str, Path], name: str) -> None:
    model = banked(families.tiny_models()[name](1)).eval()
    several, _ = measured(model, cell, batch_size=5)
    alone, _ = measured(model, cell, batch_size=1)
    for one, other in zip(several, alone, strict=True):
        for column in ("count", "weight", "deviation", "cosine"):
            assert one[column] == pytest.approx(other[column], abs=1e-5), one


def test_dimensions_with_weights_of_their_own_are_all_counted(cell: dict[str, Path]) -> None:
    rows, _ = measured(banked(tiny_model.tiny(), weights="per_dimension"), cell)
    encoder = [r for r in rows if r["stack"] == "encoder" and r["other"] is None]
    assert {row["count"] for row in encoder} == {QUESTIONS * tiny_model.SMALL["d_model"]}
    assert all(0 < row["weight"] < 1 and row["deviation"] > 0 for row in encoder)


def test_uniform_weights_never_vary(cell: dict[str, Path]) -> None:
    rows, _ = measured(banked(tiny_model.tiny(), weights="uniform"), cell)
    found = {(r["weight"], r["deviation"]) for r in rows if r["other"] is None}
    assert found == {(0.5, 0.0)}


def test_a_fresh_adapter_is_like_nothing(cell: dict[str, Path]) -> None:
    model = banked(tiny_model.tiny())
    assert model.bank is not None
    with torch.no_grad():
        for name, tensor in model.bank.named_parameters():
            if ".adapters.3.up." in name:
                tensor.zero_()
    rows, _ = measured(model, cell)
    pairs = [row for row in rows if row["other"]]
    assert all(math.isnan(row["cosine"]) and math.isnan(row["cka"]) for row in pairs)


def test_a_model_without_a_bank_is_refused(cell: dict[str, Path]) -> None:
    with pytest.raises(UserError, match="no bank of adapters"):
        bank_use(tiny_model.tiny(), cell, settings())


def test_cells_without_questions_are_refused(tmp_path: Path) -> None:
    empty = dict([tiny_model.cell(tmp_path, 0)])
    with pytest.raises(UserError, match="hold no questions"):
        bank_use(banked(tiny_model.tiny()), empty, settings())


def checkpoint(base: Path, step: int, recipe: dict[str, object]) -> Path:
    """Of task `step`, with an adapter, a key and a query of its own."""
    model, sha256 = read_base(base)
    tuning = BankTuning.model_validate(TUNE)
    model.put_bank(
        Bank(
            model.branches(),
            lambda b: BankBranch(b, tuning, adapters=(step,), asked=(step,), task=step),
        )
    )
    assert model.bank is not None
    own = dict(model.named_parameters())
    with torch.no_grad():
        tensors = {name: own[name].normal_() for name in model.bank.names()}
    path = base.parent / f"{step}.safetensors"
    about = {"recipe": recipe, "stage": f"seed-0/{step}", "task": "color", "step": step}
    write_checkpoint(path, tensors, model, base_sha256=sha256, **about)
    return path


def test_the_verb_measures_a_checkpoint(cell: dict[str, Path], tmp_path: Path) -> None:
    base = tmp_path / "base"
    tiny_model.base_folder(base)
    recipe = {"tune": TUNE, "start": "stacked", "deploy": "own"}
    first, second = (str(checkpoint(base, step, recipe)) for step in (1, 2))
    ((name, folder),) = cell.items()
    asked = {"stage": {"task": "color", "step": 2, "recipe": recipe}, "questions": 5}
    arguments = ["--base", str(base), "--model", second, "--stack", first]
    arguments += ["--cells", f"{name}={folder}", "--settings", json.dumps(asked)]
    assert main(["adapters", *arguments, "--out", str(tmp_path / "use.parquet")]) == 0
    rows = read_table(tmp_path / "use.parquet", BANK_USE).to_pylist()
    assert {(row["adapter"], row["count"]) for row in rows} == {(2, 5)}
