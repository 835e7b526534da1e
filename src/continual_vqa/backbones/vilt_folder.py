"""Local Hugging Face folders of a ViLT: which tensors are read, and the list of answers.

Only names, sizes and numbers are read; nothing of the folder is run, nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from continual_vqa.backbones.classes import Classes
from continual_vqa.backbones.decoder_folder import fill, tensor_places
from continual_vqa.backbones.vilt_net import HEAD
from continual_vqa.errors import UserError

# Where a `config.json` keeps the answers, and how many there are.
LISTS = ("id2label", "label2id", "num_labels")
# The head of pretraining by masked words and matched captions; a buffer of old files.
_UNUSED = ("mlm_score.", "itm_score.", "vilt.embeddings.text_embeddings.position_ids")
_LAST = f"{HEAD}3.bias"


def canonical(name: str) -> str:
    """The name of a tensor in the network; a bare ViLT is saved without the front."""
    front = ("embeddings.", "encoder.", "layernorm.", "pooler.")
    return f"vilt.{name}" if name.startswith(front) else name


def read_answers(folder: Path, content: Mapping[str, Any]) -> Classes | None:
    """The answers in a folder whose tensors hold a head for VQA; None for another one.

    Raises
    ------
    UserError : no safetensors, or a list that does not name the classes 0, 1, 2, ...
    """
    if _LAST not in tensor_places(folder, canonical):
        return None
    path, found = folder / "config.json", content.get("id2label")
    texts = found if isinstance(found, dict) else {}
    numbers = [str(number) for number in range(len(texts))]
    if not texts or sorted(texts) != sorted(numbers):
        raise UserError(
            "id2label does not name the answers", where=path, expected="0, 1, 2, ... -> answer"
        )
    return Classes([str(texts[number]) for number in numbers], path)


def lists(classes: Classes) -> dict[str, Any]:
    """The answers as a `config.json` has them."""
    return {
        "id2label": {str(number): text for number, text in enumerate(classes.texts)},
        "label2id": {text: number for number, text in enumerate(classes.texts)},
    }


def load_weights(folder: Path, net: Any, *, head: bool) -> None:
    """Fill `net` from the folder; every tensor of both must have its counterpart.

    Parameters
    ----------
    head : whether the folder holds the head; else it keeps its values

    Raises
    ------
    UserError : damaged files, or names or shapes that differ
    """
    targets = {
        name: tensor for name, tensor in net.named_parameters() if head or not name.startswith(HEAD)
    }
    places = tensor_places(folder, canonical)
    used = {name: path for name, path in places.items() if not name.startswith(_UNUSED)}
    fill(targets, used, folder, canonical)
