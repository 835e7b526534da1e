"""Progress of long work on stderr: a bar on a terminal, a line every ten seconds in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

T = TypeVar("T")

LOG_SECONDS = 10.0
TERMINAL_SECONDS = 0.2


class Progress:
    """Counts to `total` (None: unknown) and reports at most every few seconds, unless `quiet`."""

    def __init__(
        self, total: int | None, label: str, stream: TextIO | None = None, *, quiet: bool = False
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._terminal = self._stream.isatty()
        self._total = total
        self._label, self._quiet = label, quiet
        self._done = 0
        self._start = self._last = time.monotonic()
        self._said = False

    def advance(self, count: int = 1, detail: str = "") -> None:
        """Note that `count` more are done; `detail` is shown beside them (a loss, a rate)."""
        self._done += count
        now = time.monotonic()
        if not self._quiet and now - self._last >= (
            TERMINAL_SECONDS if self._terminal else LOG_SECONDS
        ):
            self._last = now
            self._say(now, detail)

    def close(self, detail: str = "") -> None:
        """Say the end, if anything was said before."""
        if self._said:
            self._say(time.monotonic(), detail)
            if self._terminal:
                self._stream.write("\n")
                self._stream.flush()

    def _say(self, now: float, detail: str) -> None:
        elapsed = now - self._start
        text = f"{self._label}: {self._done:,}"
        if self._total:
            text += f"/{self._total:,} ({100 * self._done / self._total:.0f} %)"
            if self._done:
                left = elapsed * (self._total - self._done) / self._done
                text += f", {clock(left)} left"
        else:
            text += f", {clock(elapsed)}"
        text += f", {detail}" if detail else ""
        self._stream.write(f"\r\x1b[2K{text}" if self._terminal else f"{text}\n")
        self._stream.flush()
        self._said = True


def track(iterable: Iterable[T], total: int | None, label: str) -> Iterator[T]:
    """Iterate over `iterable`, reporting progress towards `total`."""
    progress = Progress(total, label)
    for item in iterable:
        yield item
        progress.advance()
    progress.close()


def clock(seconds: float) -> str:
    """Seconds as "1:02:03", or as "2:03" below an hour."""
    minutes, seconds = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
