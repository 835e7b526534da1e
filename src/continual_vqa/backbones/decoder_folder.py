"""Local Hugging Face folders of networks that are transformers' own: read and written.

One safetensors file, or several with an index.

Only names, sizes and numbers are read; nothing of the folder is run, nothing is downloaded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from torch import Tensor
from torch.nn import Module, Parameter

from continual_vqa.backbones import lora
from continual_vqa.backbones.claims import check_claims
from continual_vqa.backbones.tensor_file import load_into, read_tensors, write_tensors
from continual_vqa.backbones.tokens import Words
from continual_vqa.errors import UserError
from continual_vqa.files.jsons import read_json
from continual_vqa.files.tensors import read_header

Net = TypeVar("Net", bound=Module)
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
# Where transformers' releases have kept one and the same tensor; the first rule that fits acts.
_LAYOUTS = (
    (r"^language_model\.lm_head\.", "lm_head."),
    (r"^language_model\.model\.", "model.language_model."),
    (r"^(?:model\.)?vision_tower\.(?:vision_model\.)?", "model.vision_tower."),
    (r"^(?:model\.)?multi_modal_projector\.", "model.multi_modal_projector."),
)
_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*\.safetensors")
# A buffer of old files: the numbers 0, 1, 2, ...
_COUNTED = "model.vision_tower.embeddings.position_ids"


@runtime_checkable
class Stock(Protocol):
    """A model around a network of transformers' class `architecture`."""

    architecture: str
    net: Any
    words: Words
    factors: lora.Factors | None

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """The model's parameters; those of `net` begin with its name."""
        ...

    def describe_net(self) -> dict[str, Any]:
        """transformers' `config.json` of the model."""
        ...

    def processor(self) -> dict[str, object]:
        """The `preprocessor_config.json` with which transformers scales images alike."""
        ...


def canonical(name: str) -> str:
    """The name of a tensor in the network, whichever release wrote it."""
    for pattern, new in _LAYOUTS:
        renamed, count = re.subn(pattern, new, name)
        if count:
            return renamed
    return name


def read_config(folder: Path, kind: str) -> dict[str, Any]:
    """The content of the folder's `config.json`.

    Raises
    ------
    UserError : of another model type than `kind`, or quantised
    """
    path = folder / "config.json"
    content = read_json(path)
    if not isinstance(content, dict) or content.get("model_type") != kind:
        found = content.get("model_type") if isinstance(content, dict) else type(content).__name__
        raise UserError(f"model_type is {found!r}", where=path, expected=kind)
    if "quantization_config" in content:
        raise UserError("the weights are quantised", where=path, expected="plain weights")
    return content


def claimed(folder: Path, content: Mapping[str, Any], build: Callable[[], Net]) -> Net:
    """The network that `build` makes of the folder's `config.json`, whose `content` this is.

    Raises
    ------
    UserError : see `claims.check_claims`, and `load_weights`
    """
    tensors = {name: i for path in _files(folder) for name, i in read_header(path)[1].items()}
    check_claims(content, tensors, build, folder / "config.json")
    return build()


def load_weights(folder: Path, net: Any) -> None:
    """Fill `net` from the folder; every tensor of both must have its counterpart.

    Raises
    ------
    UserError : no safetensors, damaged files, or names or shapes that differ
    """
    skipped = {_COUNTED, *(("lm_head.weight",) if net.config.tie_word_embeddings else ())}
    places = tensor_places(folder, canonical)
    used = {name: path for name, path in places.items() if name not in skipped}
    fill(dict(net.named_parameters()), used, folder, canonical)


def tensor_places(folder: Path, named: Callable[[str], str]) -> dict[str, Path]:
    """The file of every tensor in the folder, by its name in the network, which `named` tells.

    Raises
    ------
    UserError : no safetensors, a damaged file, or a tensor that two files hold
    """
    places: dict[str, Path] = {}
    for path in _files(folder):
        for name in map(named, read_header(path)[1]):
            if name in places:
                raise UserError(f"{name} is also in {places[name].name}", where=path)
            places[name] = path
    return places


def fill(
    targets: Mapping[str, Tensor],
    places: Mapping[str, Path],
    folder: Path,
    named: Callable[[str], str],
) -> None:
    """Copy the tensors in `places` (see `tensor_places`) into `targets`, file by file.

    Raises
    ------
    UserError : names or shapes that differ
    """
    for path in sorted(set(places.values())) or [folder / WEIGHTS]:
        tensors = {named(name): tensor for name, tensor in read_tensors(path)[1].items()}
        here = {name: tensor for name, tensor in tensors.items() if name in places}
        # What no file holds is missing from the first one.
        elsewhere = {name for name, place in places.items() if place != path}
        wanted = {name: each for name, each in targets.items() if name not in elsewhere}
        load_into(wanted, here, path)


def _files(folder: Path) -> list[Path]:
    if (folder / WEIGHTS).exists():
        return [folder / WEIGHTS]
    if (folder / INDEX).exists():
        index = read_json(folder / INDEX)
        places = index.get("weight_map") if isinstance(index, dict) else None
        if not isinstance(places, dict) or not all(
            isinstance(name, str) and _FILE.fullmatch(name) for name in places.values()
        ):
            raise UserError(
                "no usable weight_map",
                where=folder / INDEX,
                expected="tensor -> .safetensors file beside it",
            )
        return [folder / name for name in sorted(set(places.values()))]
    others = sorted(path.name for path in folder.glob("*.bin"))
    raise UserError(
        f"has no {WEIGHTS} and no {INDEX}" + (f" but {', '.join(others)}" if others else ""),
        where=folder,
        expected="safetensors; pickled .bin files are never read",
        do="save the model again with save_pretrained",
    )


def read_scaling(folder: Path, mean: Sequence[float], std: Sequence[float]) -> tuple[Any, Any]:
    """Mean and deviation of pixels in the folder's processor files, or those given."""
    for name, inner in (
        ("preprocessor_config.json", ""),
        ("processor_config.json", "image_processor"),
    ):
        if not (folder / name).is_file():
            continue
        content = read_json(folder / name)
        content = content.get(inner) if inner and isinstance(content, dict) else content
        if isinstance(content, dict) and "image_mean" in content and "image_std" in content:
            return tuple(
                _three(folder / name, key, content[key]) for key in ("image_mean", "image_std")
            )  # pyright: ignore[reportReturnType]
    return tuple(mean), tuple(std)


def _three(path: Path, key: str, value: object) -> tuple[float, ...]:
    if isinstance(value, list) and len(value) == 3:
        numbers = [each for each in value if isinstance(each, int | float)]
        if len(numbers) == 3 and (key == "image_mean" or all(each > 0 for each in numbers)):
            return tuple(float(each) for each in numbers)
    raise UserError(f"{key} is {value!r}", where=path, expected="three numbers")


def write(folder: Path, model: Stock) -> list[str]:
    """Write the whole model, its factors merged into the weights, as transformers reads it.

    Returns the names of the parameters beside `model.net`, for which that has no place.
    """
    tensors = lora.merged(model.net, model.factors)
    config = {"architectures": [model.architecture], **model.describe_net()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("config.json", config), ("preprocessor_config.json", model.processor())):
        (folder / name).write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
    (folder / "tokenizer.json").write_text(model.words.content, encoding="utf-8")
    write_tensors(folder / WEIGHTS, tensors, {"format": "pt"})
    return [name for name, _ in model.named_parameters() if not name.startswith("net.")]
