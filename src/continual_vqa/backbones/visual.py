"""Visual embeddings: image patches or region features become tokens of the text model's width.

Shapes: B images, P patches, R regions, F feature width, D model width.
Every parameter here belongs to the part `vision`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from continual_vqa.backbones.pixels import BOX
from continual_vqa.config.backbone import VisionConfig


class PatchEmbedding(nn.Module):
    """Square patches: linear map, learned position, layer norm (choice of this project)."""

    def __init__(self, vision: VisionConfig, d_model: int) -> None:
        super().__init__()
        self.side = vision.image_size // vision.patch_size
        self.patch = vision.patch_size
        self.tokens = self.side**2
        self.pixels = nn.Linear(3 * self.patch**2, d_model)
        self.position = nn.Embedding(self.tokens, d_model)
        self.norm = nn.LayerNorm(d_model)

    def forward(self, images: Tensor) -> Tensor:
        """Tokens (B, P, D) of `images`, uint8 (B, height, width, 3)."""
        size = images.shape[0]
        cut = images.view(size, self.side, self.patch, self.side, self.patch, 3)
        cut = cut.transpose(2, 3).reshape(size, self.tokens, -1)
        scaled = cut.to(self.position.weight.dtype) / 127.5 - 1.0
        return self.norm(self.pixels(scaled) + self.position.weight)


class RegionEmbedding(nn.Module):
    """VL-T5's visual embedding: feature, box with area, and order of the region (Cho et al., 2021).

    The order has its own table (VL-T5 borrows rows of the token table; choice of this project, so
    that no tensor belongs to both parts). One image a question, hence no image order.
    """

    def __init__(self, vision: VisionConfig, d_model: int) -> None:
        super().__init__()
        self.features = vision.feature_size
        self.tokens = vision.regions
        self.feature = nn.Sequential(nn.Linear(self.features, d_model), nn.LayerNorm(d_model))
        self.box = nn.Sequential(nn.Linear(BOX + 1, d_model), nn.LayerNorm(d_model))
        self.order = nn.Embedding(self.tokens, d_model)

    def forward(self, regions: Tensor) -> Tensor:
        """Tokens (B, R, D) of `regions`, float (B, R, F + 4): features, then x1, y1, x2, y2."""
        feature, box = regions.split([self.features, BOX], -1)
        area = (box[..., 2] - box[..., 0]) * (box[..., 3] - box[..., 1])
        box = torch.cat([box, area[..., None]], -1)
        return self.feature(feature) + self.box(box) + self.order.weight


EMBEDDINGS: dict[str, type[PatchEmbedding] | type[RegionEmbedding]] = {
    "patches": PatchEmbedding,
    "regions": RegionEmbedding,
}


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Normal weights scaled by fan-in, positions N(0, 0.7^2), biases 0, norms 1.

    Positions as large as the projected pixels: with the usual 0.02 the layer norm hides them, and
    a small model takes several times longer to learn what is where (choice of this project).
    """
    with torch.no_grad():
        for name, tensor in sorted(module.named_parameters()):
            if name.endswith("bias"):
                tensor.zero_()
            elif tensor.dim() == 1:
                tensor.fill_(1.0)
            else:
                table = name.startswith(("position", "order"))
                scale = 0.7 if table else tensor.shape[1] ** -0.5
                tensor.normal_(0.0, scale, generator=generator)
