"""The in-flight state of a training job, and the signals that ask to save it.

One safetensors file, replaced atomically: weights, optimiser moments, and in its header the cursor
as JSON. It counts only for the very same work (its key), else it is ignored.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NoReturn

from torch import Tensor

from continual_vqa.backbones.tensor_file import read_tensors, write_tensors
from continual_vqa.errors import UserError
from continual_vqa.files.atomic import sweep
from continual_vqa.files.jsons import parse_text

FILE = "inflight.safetensors"
FORMAT = "continual-vqa in-flight 1"
EXIT_CODE = 75  # EX_TEMPFAIL: try again
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class Interrupted(Exception):
    """The job was asked to stop; its state is saved and the next call continues."""


@dataclass(slots=True)
class Request:
    """Set by a signal: the name of it, or empty."""

    signal: str = ""


@contextmanager
def listening() -> Iterator[Request]:
    """Within, SIGTERM and SIGUSR1 set the request instead of ending the process."""
    request = Request()

    def note(number: int, frame: FrameType | None) -> None:
        request.signal = signal.Signals(number).name

    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass
class InFlight:
    """Saves and finds the state of one job in its scratch folder.

    Attributes
    ----------
    folder : the job's own scratch folder
    key : identifies the work: a saved state with another key is not used
    every_minutes : a state is saved at least this often
    request : the signal that was received
    stop_after : for tests: behave as if a signal came after this many steps (0: never)
    rank : of several processes that each save a state of their own; 0 where one saves for all
    """

    folder: Path
    key: str
    every_minutes: float
    request: Request
    stop_after: int = 0
    rank: int = 0
    _last: float = field(default_factory=time.monotonic)

    @property
    def path(self) -> Path:
        """The file of the state."""
        return self.folder / (f"rank-{self.rank}-{FILE}" if self.rank else FILE)

    def find(self) -> tuple[dict, dict[str, Tensor]] | None:
        """Cursor and tensors of the saved state of the same work, if there is one."""
        path = self.path
        if not path.exists():
            return None
        try:
            header, tensors = read_tensors(path)
            cursor = parse_text(header.get("cursor", "{}"), path)
        except UserError as error:
            # Scratch may be cut short by a full disk; the work itself can be done anew.
            print(f"in-flight state not used: {error}", file=sys.stderr)
            return None
        if header.get("format") != FORMAT or header.get("key") != self.key:
            print(f"in-flight state not used: {path} belongs to other work", file=sys.stderr)
            return None
        return cursor, tensors

    def asked(self, steps: int) -> bool:
        """Whether the job has to stop now, `steps` being done."""
        return bool(self.request.signal) or (self.stop_after > 0 and steps >= self.stop_after)

    def late(self) -> bool:
        """Whether the state was not saved for long."""
        return time.monotonic() - self._last > 60 * self.every_minutes

    def save(self, cursor: dict, tensors: dict[str, Tensor]) -> None:
        """Save the state."""
        header = {"format": FORMAT, "key": self.key, "cursor": json.dumps(cursor)}
        write_tensors(self.path, tensors, header)
        self._last = time.monotonic()

    def stop(self, steps: int) -> NoReturn:
        """End the job after `steps` steps, the state being saved.

        Raises
        ------
        Interrupted
        """
        reason = self.request.signal or "stop"
        raise Interrupted(f"resume me: {reason} after {steps} steps, state saved in {self.path}")

    def clear(self) -> None:
        """The work is done: remove the states of all ranks, and the folder if nothing is left."""
        for path in self.folder.glob(f"*{FILE}"):
            path.unlink(missing_ok=True)
            sweep(path)
        sweep(self.folder / FILE)
        with suppress(OSError):
            self.folder.rmdir()
