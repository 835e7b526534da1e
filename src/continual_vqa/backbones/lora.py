"""Low-rank factors on chosen linear layers: W x becomes W x + alpha / rank · B A x, by peft.

Source: Hu et al., ICLR 2022. A is drawn, B starts at zero: fresh factors change nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from continual_vqa.config.backbone import LoraConfig
from continual_vqa.errors import UserError

LANGUAGE, TOWER = "model.language_model.layers.", "model.vision_tower."
# The name that peft gives to a model's first adapter.
NAME = "default"


@dataclass(frozen=True, slots=True)
class Factors:
    """The factors of a model; `modules` are the full names of the layers that have some."""

    rank: int
    alpha: float
    dropout: float
    modules: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """JSON-able; `Factors.read` makes it a `Factors` again."""
        return {**asdict(self), "modules": list(self.modules)}

    @staticmethod
    def read(content: dict) -> Factors:
        """The factors that `as_dict` described."""
        return Factors(**{**content, "modules": tuple(content["modules"])})


def chosen(net: nn.Module, config: LoraConfig) -> Factors:
    """The factors that the config asks for on the layers of `net`.

    Raises
    ------
    UserError : a target that no linear layer of the language model has
    """
    linear = [name for name, module in net.named_modules() if isinstance(module, nn.Linear)]
    language = [name for name in linear if name.startswith(LANGUAGE)]
    for target in config.targets:
        if not any(name.endswith(f".{target}") for name in language):
            raise UserError(
                f"no linear layer of the language model is named {target!r}",
                where="backbone.lora.targets",
                expected=", ".join(sorted({name.rpartition(".")[2] for name in language})),
            )
    picked = [name for name in language if name.rpartition(".")[2] in config.targets]
    if config.vision_tower:
        picked += [name for name in linear if name.startswith(TOWER)]
    return Factors(config.rank, config.alpha, config.dropout, tuple(sorted(picked)))


def add(net: nn.Module, factors: Factors) -> None:
    """Put uninitialised factors into `net`; its own weights keep their values."""
    from peft import LoraConfig as PeftConfig
    from peft import inject_adapter_in_model

    inject_adapter_in_model(
        PeftConfig(
            r=factors.rank,
            # An int where it is one: peft's own files hold ints.
            lora_alpha=factors.alpha,  # pyright: ignore[reportArgumentType]
            lora_dropout=factors.dropout,
            target_modules=list(factors.modules),
        ),
        net,
    )


def is_factor(name: str) -> bool:
    """Whether the parameter `name` is one of the factors."""
    return ".lora_A." in name or ".lora_B." in name


def initialise(net: nn.Module, seed: int) -> None:
    """A uniform within 1 / sqrt(fan-in) as in peft, B zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in sorted(net.named_parameters()):
            if ".lora_B." in name:
                tensor.zero_()
            elif ".lora_A." in name:
                bound = tensor.shape[1] ** -0.5
                drawn = torch.empty(tensor.shape).uniform_(-bound, bound, generator=generator)
                tensor.copy_(drawn)


@torch.no_grad()
def merged(net: nn.Module, factors: Factors | None) -> dict[str, Tensor]:
    """The tensors of `net` without factors: these are added to the layers they belong to."""
    own: dict[str, Tensor] = dict(net.named_parameters())
    tensors = {n.replace(".base_layer.", "."): t for n, t in own.items() if not is_factor(n)}
    for module in factors.modules if factors else ():
        a, b = (own[f"{module}.lora_{factor}.{NAME}.weight"] for factor in "AB")
        assert factors is not None
        weight = tensors[f"{module}.weight"]
        update = b.float() @ a.float() * (factors.alpha / factors.rank)
        tensors[f"{module}.weight"] = (weight.float() + update).to(weight.dtype)
    return tensors
