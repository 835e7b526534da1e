"""What a waiting job and the warm process say to each other, over a socket of this machine.

The job sends one request with its standard streams; the answer is one line, either why the verb is
not done here, or how it ended. In between the job passes on its signals, a byte each.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from dataclasses import asdict, dataclass, field

# The socket of the warm process; a job that finds none set starts cold.
VARIABLE = "CONTINUAL_VQA_WARM"
# What Slurm, Snakemake and a terminal send to a job that is to stop.
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
# The environment of a job of Slurm, whose limits hold for its own processes alone.
_SLURM = "SLURM_JOB_ID"
_LENGTH = 8
_MOST = 2**26


@dataclass(frozen=True, slots=True)
class Request:
    """A verb to be done: its arguments, and all that a process of its own would have."""

    arguments: list[str]
    folder: str = field(default_factory=os.getcwd)
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    path: list[str] = field(default_factory=lambda: list(sys.path))
    python: str = field(default_factory=lambda: f"{sys.prefix} {sys.version}")

    def refusal(self) -> str | None:
        """Why this process cannot do it, or None."""
        if self.python != f"{sys.prefix} {sys.version}":
            return f"the warm process runs another Python, {sys.prefix}"
        if self.environment.get(_SLURM) != os.environ.get(_SLURM):
            return "the warm process is outside of this job of Slurm"
        return None

    def send(self, to: socket.socket) -> None:
        """Send it, with the standard streams of this process."""
        text = json.dumps(asdict(self)).encode()
        socket.send_fds(to, [len(text).to_bytes(_LENGTH, "big")], [0, 1, 2])
        to.sendall(text)


def receive(sender: socket.socket) -> tuple[Request, list[int]]:
    """A request and the streams that came with it.

    Raises
    ------
    ConnectionError : the sender left or fell silent before the end, or sends no request
    """
    head, streams, _, _ = socket.recv_fds(sender, _LENGTH, 3)
    try:
        length = int.from_bytes(head, "big")
        if len(head) != _LENGTH or len(streams) != 3 or length > _MOST:
            raise ConnectionError("no request")
        text = bytearray()
        while len(text) < length:
            piece = sender.recv(length - len(text))
            if not piece:
                raise ConnectionError("half a request")
            text += piece
        return Request(**json.loads(text)), streams
    except (OSError, TypeError, ValueError) as error:
        for stream in streams:
            os.close(stream)
        raise ConnectionError(str(error)) from None
