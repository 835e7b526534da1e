"""The `backbone` and `pretraining` blocks: the model and how the miniature's base is trained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from continual_vqa.config.block import Block


class VisionConfig(Block):
    """What the visual embedding turns into tokens: image patches, or features of regions."""

    kind: Annotated[
        Literal["patches", "regions"],
        Field(
            description="patches: square pieces of the image. regions: bottom-up features with "
            "boxes, one row per region (VL-T5, VQACL)."
        ),
    ] = "patches"
    image_size: Annotated[
        int,
        Field(ge=4, le=2048, description="Side in pixels to which images are scaled (patches)."),
    ] = 48
    patch_size: Annotated[
        int, Field(ge=1, le=512, description="Side of a patch in pixels; divides image_size.")
    ] = 16
    regions: Annotated[int, Field(ge=1, le=1000, description="Regions per image (regions).")] = 36
    feature_size: Annotated[
        int, Field(ge=1, le=65536, description="Width of a region's feature vector (regions).")
    ] = 2048


class DecoderConfig(Block):
    """What the decoders with visual tokens share: sizes, how weights are stored and trained."""

    hidden_size: Annotated[int, Field(ge=4, description="Width of the language model.")] = 96
    layers: Annotated[int, Field(ge=1, description="Layers of the language model.")] = 3
    heads: Annotated[int, Field(ge=1, description="Attention heads; they divide hidden_size.")] = 4
    intermediate_size: Annotated[
        int, Field(ge=1, description="Width of the gated feed-forward layers.")
    ] = 256
    vision_hidden_size: Annotated[int, Field(ge=4, description="Width of the tower.")] = 96
    vision_layers: Annotated[int, Field(ge=1, description="Layers of the tower.")] = 1
    vision_heads: Annotated[
        int, Field(ge=1, description="Attention heads; they divide vision_hidden_size.")
    ] = 4
    vision_intermediate_size: Annotated[
        int, Field(ge=1, description="Width of the tower's feed-forward layers.")
    ] = 192
    dtype: Annotated[
        Literal["fp32", "bf16"],
        Field(description="How frozen weights are stored; what tune: lora trains: fp32."),
    ] = "fp32"
    checkpointing: Annotated[
        bool,
        Field(
            description="Compute each layer again in the backward pass instead of keeping its "
            "states: same gradients, less memory."
        ),
    ] = False


class LlavaConfig(DecoderConfig):
    """Sizes of a LLaVA: a CLIP tower, a projector of two layers, a Llama (family llava).

    The defaults are the miniature's 0.6 million parameters. With backbone.folder the sizes are the
    folder's; with a base folder of this project the template is the base's too. image_size and
    patch_size of backbone.vision are those of the tower.
    """

    kv_heads: Annotated[
        int, Field(ge=1, description="Heads of keys and values; they divide heads.")
    ] = 4
    feature_layer: Annotated[
        int,
        Field(
            le=-1,
            description="The tower's states that the projector sees, counted from its last layer: "
            "-1 is the last one, -2 the one before (LLaVA 1.5).",
        ),
    ] = -1
    template: Annotated[
        str,
        Field(
            description="The prompt. <image> stands for the visual tokens, {question} for the "
            "question; both exactly once. Default: LLaVA 1.5."
        ),
    ] = "USER: <image>\n{question}\nAnswer the question using a single word or phrase. ASSISTANT:"


class PaliGemmaConfig(DecoderConfig):
    """Sizes of a PaliGemma: a SigLIP tower, a linear projector, a Gemma (family paligemma).

    The defaults are the miniature's 0.5 million parameters. With backbone.folder the sizes are the
    folder's; with a base folder of this project the template is the base's too. image_size and
    patch_size of backbone.vision are those of the tower. Prompt tokens all see each other; the
    tokens of an answer see those before them.
    """

    kv_heads: Annotated[
        int, Field(ge=1, description="Heads of keys and values; they divide heads (Gemma 2B: 1).")
    ] = 1
    template: Annotated[
        str,
        Field(
            description="The prompt. <image> stands for the visual tokens, <bos> for the mark of "
            "a beginning, {question} for the question; the first and the last exactly once. "
            "Default: PaliGemma's for questions in English."
        ),
    ] = "<image><bos>answer en {question}\n"


class ViltConfig(Block):
    """Sizes of a ViLT: one transformer for words and patches, answers as classes (family vilt).

    The defaults are the miniature's. With backbone.folder the sizes are the folder's, and so are
    the answers of a folder with a head for VQA; image_size and patch_size of backbone.vision are
    those of the patches. Images are scaled to squares. evaluation.beam and
    evaluation.max_answer_tokens change nothing: an answer is chosen from a list, or among the
    choices of its question where the training questions of the study have some. Its parts: vision
    is what pixels become tokens by (patches, positions, the modality table); the one transformer
    for both, the words and the head are language, as all of T5 is in t5_vision.
    """

    hidden_size: Annotated[int, Field(ge=4, description="Width of the transformer.")] = 96
    layers: Annotated[int, Field(ge=1, description="Layers of the transformer.")] = 3
    heads: Annotated[int, Field(ge=1, description="Attention heads; they divide hidden_size.")] = 4
    intermediate_size: Annotated[
        int, Field(ge=1, description="Width of the feed-forward layers.")
    ] = 256
    question_tokens: Annotated[
        int, Field(ge=3, description="Tokens of a question, with its marks; what is beyond is cut.")
    ] = 40
    dropout: Annotated[
        float, Field(ge=0, lt=1, description="Dropout while training, of states and attention.")
    ] = 0.0
    answers: Annotated[
        int,
        Field(
            ge=1,
            description="At most so many answers are classes: the most frequent of the training "
            "questions without choices, and as many of the base's own questions. VQA v2: 3129.",
        ),
    ] = 3129
    answer_count: Annotated[
        int,
        Field(
            ge=1,
            description="An answer that fewer training questions have (fewer scene graphs, for the "
            "base's own questions) is no class.",
        ),
    ] = 2


# Rank of the low-rank factors where the config names none.
DEFAULT_RANK = {"t5_vision": 0, "llava": 32, "paligemma": 32, "vilt": 0}
# The families whose answers are classes: the training questions name them, whatever the base.
CHOOSING = frozenset({"vilt"})


class LoraConfig(Block):
    """Low-rank factors on frozen linear layers (Hu et al., ICLR 2022).

    The defaults are CL-MoE's. What trains them is a recipe's tune: lora (the default of llava and
    paligemma), together with what stands between the pictures and the language model (the
    projector, or the visual embedding), or with the head over the answers (vilt).
    """

    rank: Annotated[
        int | None,
        Field(
            ge=0,
            description="Rank of the factors; 0: none. null: 32, but 0 for t5_vision and vilt.",
        ),
    ] = None
    alpha: Annotated[
        float, Field(gt=0, description="The update is alpha / rank times the factors' product.")
    ] = 64.0
    dropout: Annotated[
        float, Field(ge=0, lt=1, description="Dropout of the factors' input while training.")
    ] = 0.0
    targets: Annotated[
        tuple[str, ...] | None,
        Field(
            min_length=1,
            description="Linear layers of the language model that get factors, by the last part "
            "of their name: q_proj, ... for llava; q, k, v, o, wi, wo for t5_vision; query, key, "
            "value, dense for vilt. null: all in its blocks.",
        ),
    ] = None
    vision_tower: Annotated[
        bool, Field(description="Factors on all linear layers of the vision tower too.")
    ] = False
    projector: Annotated[
        bool,
        Field(
            description="tune: lora trains the projector too (CL-MoE); false: nothing but the "
            "factors (PAM). Families llava and paligemma."
        ),
    ] = True


class BackboneConfig(Block):
    """The model: visual tokens before the question, then a text model.

    family t5_vision: a T5-class encoder-decoder (VL-T5 class). The defaults are the miniature's 0.5
    million parameters; VL-T5's own size is d_model 768, d_kv 64, heads 12, d_ff 3072, 12 + 12
    layers, regions. With `folder` the sizes of the text model are the folder's, and only `family`
    and `vision` of this block count.
    family llava: the sizes are those of the blocks `llava` and `vision`.
    family paligemma: the sizes are those of the blocks `paligemma` and `vision`.
    family vilt: the sizes are those of the blocks `vilt` and `vision`.
    """

    family: Annotated[
        Literal["t5_vision", "llava", "paligemma", "vilt"],
        Field(description="Model family; a row of backbones/families.py."),
    ] = "t5_vision"
    folder: Annotated[
        str,
        Field(
            description="Base model to start from: a local Hugging Face folder of a T5, LLaVA, "
            "PaliGemma or ViLT (config.json, model.safetensors, tokenizer.json), or a base folder "
            "of this project. Empty: the model of the sizes below, pretrained by a rule. The "
            "default is the miniature's, made by `make base`."
        ),
    ] = "config/bases/miniature"
    adapter: Annotated[
        str,
        Field(
            description="Folder of a peft LoRA adapter (adapter_config.json, "
            "adapter_model.safetensors) that the base starts with; rank, alpha and targets are "
            "then the adapter's. Families llava and paligemma. Empty: fresh factors, see lora."
        ),
    ] = ""
    d_model: Annotated[int, Field(ge=4, description="Width of the hidden states.")] = 96
    d_kv: Annotated[int, Field(ge=1, description="Width of one attention head.")] = 24
    heads: Annotated[int, Field(ge=1, description="Attention heads.")] = 4
    d_ff: Annotated[int, Field(ge=1, description="Width of the feed-forward layers.")] = 256
    encoder_layers: Annotated[int, Field(ge=1, description="Encoder layers.")] = 3
    decoder_layers: Annotated[int, Field(ge=1, description="Decoder layers.")] = 1
    feed_forward: Annotated[
        Literal["relu", "gated-gelu"],
        Field(description="Feed-forward layer: relu (T5) or gated-gelu (T5 1.1, Flan-T5)."),
    ] = "relu"
    dropout: Annotated[
        float, Field(ge=0, lt=1, description="Dropout while training (T5: 0.1).")
    ] = 0.0
    vision: Annotated[VisionConfig, Field(description="The visual embedding.")] = VisionConfig()
    llava: Annotated[LlavaConfig, Field(description="Sizes of the family llava.")] = LlavaConfig()
    paligemma: Annotated[PaliGemmaConfig, Field(description="Sizes of the family paligemma.")] = (
        PaliGemmaConfig()
    )
    vilt: Annotated[ViltConfig, Field(description="Sizes of the family vilt.")] = ViltConfig()
    lora: Annotated[LoraConfig, Field(description="Low-rank factors.")] = LoraConfig()

    @property
    def rank(self) -> int:
        """Rank of the low-rank factors: the config's, or the family's own."""
        return DEFAULT_RANK[self.family] if self.lora.rank is None else self.lora.rank

    @property
    def chooses(self) -> bool:
        """Whether answers are chosen from a list that the training questions make."""
        return self.family in CHOOSING


class PretrainingConfig(Block):
    """Training of the base model on question-answer pairs read off scene graphs."""

    scene_graphs: Annotated[
        str,
        Field(
            description="Official GQA scene graphs of images that the study does not use. Empty: "
            "the miniature world's base split."
        ),
    ] = ""
    images: Annotated[
        str, Field(description="Folder, or official .zip, of the scene graphs' images.")
    ] = ""
    seed: Annotated[
        int, Field(ge=0, description="Seed of the base model; all seeds of a study share it.")
    ] = 0

    steps: Annotated[
        int, Field(ge=0, description="Optimiser steps; 0: the base model as it is built or read.")
    ] = 0
    batch_size: Annotated[int, Field(ge=1, description="Pairs per step.")] = 96
    lr: Annotated[float, Field(gt=0, description="Peak learning rate.")] = 1.5e-3
    beta2: Annotated[float, Field(ge=0, lt=1, description="AdamW's second decay rate.")] = 0.98
    warmup: Annotated[float, Field(ge=0, le=1, description="Share of steps of warm-up.")] = 0.05
    weight_decay: Annotated[float, Field(ge=0, description="Decoupled weight decay.")] = 0.01
    clip: Annotated[float, Field(ge=0, description="Gradient norm is clipped to this; 0: off.")] = (
        1.0
    )
    precision: Annotated[
        Literal["fp32", "bf16"], Field(description="fp32, or bf16 autocast with fp32 weights.")
    ] = "fp32"
    memory_mb: Annotated[
        int,
        Field(
            ge=0,
            description="Decoded images are kept in memory up to this size; beyond it they are "
            "decoded each time.",
        ),
    ] = 1000
    save_every_minutes: Annotated[
        float, Field(gt=0, description="Minutes between saves of the in-flight state.")
    ] = 5.0
