"""One mistake in a configuration, as a person reads it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mistake:
    """Where it is (config path), what is wrong, what was expected, the nearest valid name."""

    path: str
    what: str
    expected: str = ""
    near: str = ""

    def __str__(self) -> str:
        text = f"{self.path}: {self.what}"
        if self.expected:
            text += f"; expected {self.expected}"
        if self.near:
            text += f"; did you mean {self.near}?"
        return text
