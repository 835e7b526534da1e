"""What a check found, as one line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# good: nothing to do. note: goes on, but should be known. bad: the study would fail.
Level = Literal["good", "note", "bad"]
MARKS: dict[Level, str] = {"good": "ok  ", "note": "note", "bad": "BAD "}


@dataclass(frozen=True, slots=True)
class Finding:
    """`about` is what was looked at, `do` what mends it."""

    level: Level
    about: str
    what: str
    do: str = ""

    def line(self, width: int) -> str:
        """One line, with `about` filled up to `width`."""
        advice = f" -> {self.do}" if self.do else ""
        return f"{MARKS[self.level]} {self.about:<{width}}  {self.what}{advice}"


def size(count: float) -> str:
    """Bytes for reading, in decimal units."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"
