"""T5 weights and tokenizer from a local Hugging Face folder."""

from __future__ import annotations

from pathlib import Path

from continual_vqa.backbones.t5 import T5
from continual_vqa.backbones.t5_layers import T5Shape
from continual_vqa.backbones.tensor_file import load_into, read_tensors
from continual_vqa.backbones.tokens import Words
from continual_vqa.errors import UserError
from continual_vqa.files.jsons import read_json
from continual_vqa.files.tensors import read_header

WEIGHTS = "model.safetensors"
# Copies of `shared.weight` that files may or may not repeat.
TIED = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
# Present in old T5 files, used by no T5 model.
UNUSED = ("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",)
FEED_FORWARDS = ("relu", "gated-gelu")


def read_shape(folder: Path, words: Words) -> T5Shape:
    """The sizes in the folder's `config.json`.

    Raises
    ------
    UserError : no T5, a value that is not supported, or fewer embeddings than tokens
    """
    path = folder / "config.json"
    config = read_json(path)
    if not isinstance(config, dict) or config.get("model_type") != "t5":
        found = config.get("model_type") if isinstance(config, dict) else type(config).__name__
        raise UserError(f"model_type is {found!r}", where=path, expected="t5")
    feed_forward = config.get("feed_forward_proj", "relu")
    if feed_forward not in FEED_FORWARDS:
        raise UserError(
            f"feed_forward_proj is {feed_forward!r}",
            where=path,
            expected=" or ".join(FEED_FORWARDS),
        )
    if config.get("decoder_start_token_id", words.pad) != words.pad:
        raise UserError("the decoder does not start with <pad>", where=path, expected="a T5 model")
    metadata_head = "lm_head.weight" in _weights(folder)
    tied = config.get("tie_word_embeddings", True)
    try:
        shape = T5Shape(
            vocabulary=int(config["vocab_size"]),
            d_model=int(config["d_model"]),
            d_kv=int(config["d_kv"]),
            heads=int(config["num_heads"]),
            d_ff=int(config["d_ff"]),
            encoder_layers=int(config["num_layers"]),
            decoder_layers=int(config.get("num_decoder_layers") or config["num_layers"]),
            feed_forward=feed_forward,
            tied_head=bool(tied) or not metadata_head,
            scaled_head=bool(config.get("scale_decoder_outputs", tied is not False)),
            buckets=int(config.get("relative_attention_num_buckets", 32)),
            farthest=int(config.get("relative_attention_max_distance", 128)),
            epsilon=float(config.get("layer_norm_epsilon", 1e-6)),
            dropout=float(config.get("dropout_rate", 0.1)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"missing or wrong value: {error}", where=path) from error
    if words.size > shape.vocabulary:
        raise UserError(
            f"{shape.vocabulary} embeddings for {words.size} tokens",
            where=folder,
            do="use the tokenizer.json that belongs to the model",
        )
    return shape


def load_t5(folder: Path, model: T5) -> None:
    """Load the folder's weights; tied copies are checked to be such, all other names must match."""
    _weights(folder)
    _, tensors = read_tensors(folder / WEIGHTS)
    for name in (*TIED, *(("lm_head.weight",) if model.shape.tied_head else ())):
        copy = tensors.pop(name, None)
        if copy is not None and "shared.weight" not in tensors:
            tensors["shared.weight"] = copy
        elif copy is not None and not copy.equal(tensors["shared.weight"]):
            raise UserError(
                f"{name} differs from shared.weight",
                where=folder / WEIGHTS,
                expected="tied weights",
            )
    for name in UNUSED:
        tensors.pop(name, None)
    load_into(dict(model.named_parameters()), tensors, folder / WEIGHTS)


def _weights(folder: Path) -> set[str]:
    """Names of the tensors in the folder, which must hold one safetensors file."""
    path = folder / WEIGHTS
    if path.exists():
        return set(read_header(path)[1])
    others = sorted(p.name for p in folder.glob("*.bin")) + sorted(
        p.name for p in folder.glob("*.safetensors*")
    )
    raise UserError(
        f"has no {WEIGHTS}" + (f" but {', '.join(others)}" if others else ""),
        where=folder,
        expected="one file of safetensors; pickled .bin files are never read",
        do="save the model again with save_pretrained(..., max_shard_size='100GB')",
    )
