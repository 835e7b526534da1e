"""Low-rank factors against peft, which is slow to import but the reference; their laws."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import families
import tiny_model
from continual_vqa.backbones import lora
from continual_vqa.backbones.folder import read_base, write_base
from continual_vqa.backbones.lora_layer import inert, layers, rest
from continual_vqa.backbones.t5_vision import BLOCKS
from continual_vqa.config.backbone import BackboneConfig, LoraConfig
from continual_vqa.errors import UserError
from continual_vqa.methods.parameters import trained_parameters

# peft's releases trail transformers': what they still call is none of ours.
pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*:FutureWarning")
THREE = np.arange(3)


class Net(nn.Module):
    """Two layers with factors, one of them without a bias, and one without factors."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(5, 7))
        self.second = nn.Linear(7, 4, bias=False)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.second(torch.tanh(self.first(x))))


def pair(dropout: float, dtype: torch.dtype, alpha: int = 4) -> tuple[Net, nn.Module]:
    """The same net and factors twice: by our module and by peft's."""
    from peft import LoraConfig as PeftConfig
    from peft import inject_adapter_in_model

    torch.manual_seed(0)
    ours = Net().to(dtype)
    config = PeftConfig(
        r=2, lora_alpha=alpha, lora_dropout=dropout, target_modules=["first.0", "second"]
    )
    theirs = inject_adapter_in_model(config, copy.deepcopy(ours))
    lora.add(ours, lora.Factors(2, float(alpha), dropout, ("first.0", "second")))
    for name, parameter in theirs.named_parameters():
        if lora.is_factor(name):  # as peft's own models have them
            parameter.data = parameter.data.float()
    with torch.no_grad():
        drawn = {n: torch.randn(p.shape).to(p.dtype) for n, p in ours.named_parameters()}
        for net in (ours, theirs):
            for name, parameter in net.named_parameters():
                parameter.copy_(drawn[name])
    return ours, theirs


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
@pytest.mark.parametrize("autocast", [False, True], ids=["plain", "autocast"])
@pytest.mark.parametrize(("dropout", "alpha"), [(0.0, 4), (0.5, 4), (0.0, 3)])
def test_names_values_and_gradients_are_those_of_peft(
    dtype: torch.dtype, autocast: bool, dropout: float, alpha: int
) -> None:
    nets = pair(dropout, dtype, alpha)
    kinds = [{n: (p.shape, p.dtype) for n, p in net.named_parameters()} for net in nets]
    assert kinds[0] == kinds[1] and list(kinds[0]) == list(kinds[1])
    found = []
    for net in nets:
        torch.manual_seed(1)  # both drop the same entries
        net.train().requires_grad_(True)
        x = torch.randn(6, 2, 5, dtype=dtype, requires_grad=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
            out = net(x)
        out.float().square().sum().backward()
        gradients = {n: p.grad for n, p in net.named_parameters()}
        found.append({"out": out, "x": x.grad, **gradients})
    # We scale before the second factor, peft after it: the same for powers of two.
    rough = alpha == 3 and (autocast or dtype is torch.bfloat16)
    for name, expected in found[1].items():
        assert expected is not None
        size = expected.abs().max().item()
        close = {"rtol": 0.0, "atol": (0.1 if rough else 1e-6) * size}
        torch.testing.assert_close(found[0][name], expected, **close)


def test_fresh_factors_are_drawn_as_in_peft() -> None:
    ours, theirs = pair(0.0, torch.float32)
    lora.initialise(ours, 0)
    for _, layer in layers(ours):
        a, b = layer.factors
        bound = a.shape[1] ** -0.5
        assert a.abs().max() <= bound and a.std() > 0.3 * bound and not b.any()
    assert inert(ours) and not inert(lora_of(theirs))


def lora_of(net: nn.Module) -> nn.Module:
    """Our layers around the factors of one of peft's nets."""
    own = Net()
    lora.add(own, lora.Factors(2, 3.0, 0.0, ("first.0", "second")))
    own.load_state_dict(net.state_dict())
    return own


def test_nothing_that_runs_imports_peft(repository: Path) -> None:
    files = list((repository / "src").rglob("*.py"))
    assert len(files) > 100
    assert not [f for f in files if re.search(r"^\s*(import|from) peft", f.read_text(), re.M)]


def modules(model: nn.Module) -> set[str]:
    return {name for name, _ in layers(model)}


@pytest.mark.parametrize("changes", [{}, {"feed_forward": "gated-gelu"}])
def test_by_default_all_linear_layers_of_the_blocks_have_factors(changes: dict) -> None:
    model = tiny_model.tiny(lora={"rank": 2}, **changes)
    plain = tiny_model.tiny(**changes)
    linear = {n for n, m in plain.named_modules() if isinstance(m, nn.Linear)}
    assert modules(model) == {name for name in linear if name.startswith("text.")}
    # Two encoder blocks, a decoder block with two attentions.
    assert len(modules(model)) == 4 * 4 + 3 * (3 if changes else 2)


def test_the_embedding_and_the_head_have_none() -> None:
    net = tiny_model.tiny().text
    net.lm_head = nn.Linear(32, 9, bias=False)
    found = lora.chosen(net, LoraConfig(), 2, language=BLOCKS)
    assert found.modules and not {"lm_head", "shared"} & set(found.modules)


def test_factors_go_where_the_config_says() -> None:
    model = tiny_model.tiny(lora={"rank": 2, "targets": ("q", "wo")})
    assert {name.rpartition(".")[2] for name in modules(model)} == {"q", "wo"}
    assert len(modules(model)) == 4 + 3
    with pytest.raises(UserError, match="named 'q_proj'") as caught:
        tiny_model.tiny(lora={"rank": 2, "targets": ("q_proj",)})
    assert "k, o, q, v, wi, wo" in str(caught.value)


def test_each_family_has_a_rank_of_its_own() -> None:
    assert [BackboneConfig.model_validate({"family": f}).rank for f in ("t5_vision", "llava")] == [
        0,
        32,
    ]
    assert not modules(tiny_model.tiny()) and not tiny_model.tiny().low_rank()


def test_low_rank_tuning_trains_the_factors_and_the_visual_embedding() -> None:
    model = tiny_model.low_rank()
    parameters = trained_parameters(model, "lora")
    model.losses(families.batch(model, THREE)).sum().backward()
    found = {n: parameters.gradient[place] for n, place in parameters.slices().items()}
    assert all(gradient.abs().sum() > 0 for gradient in found.values())
    factors = {name for name in found if ".lora_" in name}
    assert len(factors) == 2 * len(modules(model))
    visual = {n for n, _ in model.named_parameters() if n.startswith("visual.")}
    assert visual and set(found) == factors | visual


def test_a_base_folder_holds_factors(tmp_path: Path) -> None:
    model = tiny_model.low_rank(dropout=0.1).eval()
    digest = write_base(tmp_path / "one", model)
    again, read = read_base(tmp_path / "one")
    batch = families.batch(model, THREE)
    assert read == digest and torch.equal(again.eval().logits(batch), model.logits(batch))
    assert write_base(tmp_path / "two", again) == digest
    assert "lora" not in tiny_model.tiny().describe()
    config = BackboneConfig.model_validate({**tiny_model.SMALL, "lora": {"rank": 3, "alpha": 4}})
    again.adapt(config, 1)
    assert torch.equal(again.eval().logits(batch), model.logits(batch))
    with pytest.raises(UserError, match="rank 3, alpha 4; rank 0"):
        again.adapt(BackboneConfig(), 0)


def test_a_model_with_fresh_factors_trains_as_the_model_without() -> None:
    plain = tiny_model.tiny()
    carrying, resting = (tiny_model.low_rank(fresh=True) for _ in range(2))
    rest(resting)
    batch = families.batch(plain, THREE)
    found = []
    for model in (plain, carrying, resting):
        parameters = trained_parameters(model.train(), "full")
        logits = model.logits(batch)
        model.losses(batch, logits).sum().backward()
        names = [name.replace(".base_layer.", ".") for name in parameters.names]
        assert names == trained_parameters(plain, "full").names
        found.append((logits, parameters.values, parameters.gradient))
    for other in found[1:]:
        assert all(torch.equal(*both) for both in zip(found[0], other, strict=True))


def test_resting_factors_are_trained_and_used_like_others() -> None:
    expected, resting = (tiny_model.low_rank(fresh=True) for _ in range(2))
    rest(resting)
    batch = families.batch(expected, THREE)
    found = []
    for model in (expected, resting):
        parameters = trained_parameters(model, "lora")
        for _ in range(2):
            parameters.gradient.zero_()
            model.losses(batch).sum().backward()
            parameters.values.sub_(0.1 * parameters.gradient)
        found.append((parameters.values, model.logits(batch)))
    assert all(torch.equal(*both) for both in zip(*found, strict=True))
    rest(resting)
    assert torch.equal(resting.requires_grad_(False).logits(batch), found[0][1])


@given(st.integers(0, 3), st.integers(0, 99), st.sampled_from([torch.float32, torch.bfloat16]))
def test_folding_adds_the_updates(count: int, seed: int, dtype: torch.dtype) -> None:
    torch.manual_seed(seed)
    net = Net().to(dtype)
    dense = copy.deepcopy(net).float()
    lora.add(net, lora.Factors(2, 3.0, 0.0, ("first.0", "second")))
    lora.initialise(net, seed)
    before = {n: p.clone() for n, p in net.named_parameters()}
    stack = [
        {n: torch.randn(p.shape) for n, p in net.named_parameters() if lora.is_factor(n)}
        for _ in range(count)
    ]
    lora.fold(net, stack)
    for each in stack:
        for name in ("first.0", "second"):
            a, b = (each[f"{name}.lora_{factor}.default.weight"] for factor in "AB")
            dense.get_parameter(f"{name}.weight").data.add_(1.5 * b @ a)
    weights = {n: p for n, p in net.named_parameters() if "base_layer.weight" not in n}
    assert all(torch.equal(before[name], p) for name, p in weights.items())
    # Summed before they are rounded, once: bf16 has eight bits.
    rounding = 2**-8 * 1.001 if dtype is torch.bfloat16 else 1e-5
    for name in ("first.0", "second"):
        folded = net.get_parameter(f"{name}.base_layer.weight")
        exact = dense.get_parameter(f"{name}.weight")
        torch.testing.assert_close(folded.float(), exact, rtol=rounding, atol=1e-5)
    x = torch.randn(4, 5).to(dtype)
    close = 0.2 if dtype is torch.bfloat16 else 1e-4
    torch.testing.assert_close(net(x), dense.to(dtype)(x), rtol=close, atol=close)
    if not count:
        assert all(torch.equal(before[name], p) for name, p in net.named_parameters())


def test_merged_tensors_are_those_of_a_model_without_factors() -> None:
    model, plain = tiny_model.low_rank().eval(), tiny_model.tiny().eval()
    batch = families.batch(model, THREE)
    expected = model.logits(batch)
    plain.visual.load_state_dict(model.visual.state_dict())
    plain.text.load_state_dict(lora.merged(model.text, model.factors))
    torch.testing.assert_close(plain.logits(batch), expected)
