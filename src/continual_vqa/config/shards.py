"""The `shards` block: how cells of questions and images are stored, checked and decoded."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from continual_vqa.config.block import Block


class ShardsConfig(Block):
    """Writing and reading the webdataset shards. The images' own bytes are kept as they are."""

    max_mb: Annotated[
        int,
        Field(ge=1, le=1_000_000, description="Upper size of one shard in MB (10^6 bytes)."),
    ] = 256
    checksums: Annotated[
        bool,
        Field(
            description="Store the SHA-256 of every image and JSON member. Costs one core about "
            "0.6 s per GB while writing, mostly beside the copying."
        ),
    ] = True
    verify: Annotated[
        Literal["never", "read", "open"],
        Field(
            description="When images are compared with their SHA-256. read: each time one is read "
            "(about 25 µs per 40 KB, 1-3 % of decoding it). open: all of a cell when a job opens "
            "it (about 0.6 s per GB). never: damage is only found where decoding fails."
        ),
    ] = "read"
    draft: Annotated[
        bool,
        Field(
            description="Let the JPEG decoder scale down by 2, 4 or 8 while decoding. Faster for "
            "large images, pixels differ slightly; used in training and evaluation alike."
        ),
    ] = False
    max_megapixels: Annotated[
        float,
        Field(
            gt=0,
            le=80,
            description="Images that claim more pixels (in millions) are refused, not decoded: "
            "a small file can claim a huge image.",
        ),
    ] = 50.0

    @model_validator(mode="after")
    def _verify_needs_checksums(self) -> Self:
        if self.verify != "never" and not self.checksums:
            raise ValueError(f"verify: {self.verify} needs checksums: true (or set verify: never)")
        return self
