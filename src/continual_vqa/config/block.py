"""The base of every config block: unknown keys refused, values frozen, every field described."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Block(BaseModel):
    """A part of the configuration.

    Subclasses give every field a type, a default and a `description`; the commented default
    YAML, the JSON schema and config/README.md are generated from these.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )
