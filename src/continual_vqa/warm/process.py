"""The warm process: has imported what takes long, and forks itself for every verb it is asked for.

It holds no code of this project but its own: what it forks imports the rest, as it is by then.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from continual_vqa.warm.request import PASSED_ON, VARIABLE, Request, receive

# What takes long to import and starts no threads of its own, which a fork would lose. (Those of
# polars and pyarrow start with the import; OpenBLAS's, which numpy has, start again by themselves.)
MODULES = ("torch", "numpy", "safetensors.torch", "tokenizers", "PIL.Image", "pydantic", "yaml")
# A job that has connected sends its request at once.
_PATIENCE = 10


@dataclass
class WarmProcess:
    """Serves a socket until the process that started it is gone, whose end is that of `stdin`."""

    door: socket.socket
    parent: int
    _places: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _jobs: dict[int, socket.socket] = field(default_factory=dict)
    _ends: set[int] = field(default_factory=set)
    done: int = 0

    def serve(self) -> Request | None:
        """Returns a request in each process that it forks, and None in its own, at the end."""
        self._watch(self.door, self._admit)
        self._watch(self.parent, lambda: self._end_all())
        while self._places.get_map():
            for key, _ in self._places.select():
                # What one event ends may have had another at the same time.
                if self._places.get_map().get(key.fd) is key:
                    request = key.data()
                    if request is not None:
                        return request
        return None

    def _watch(self, place: socket.socket | int, react: Callable[[], Request | None]) -> None:
        self._places.register(place, selectors.EVENT_READ, react)

    def _admit(self) -> Request | None:
        line, _ = self.door.accept()
        line.settimeout(_PATIENCE)
        try:
            request, streams = receive(line)
        except OSError:
            line.close()
            return None
        refusal, child = request.refusal(), None
        if not refusal:
            try:
                child = os.fork()
            except OSError as error:
                refusal = f"the warm process cannot fork: {error.strerror}"
        if child == 0:
            self._become(streams, line)
            return request
        for stream in streams:
            os.close(stream)
        if child is None:
            self._answer(line, {"refused": refusal or ""})
            return None
        ended = os.pidfd_open(child)
        self._ends.add(ended)
        self._jobs[child] = line
        self._watch(line, lambda: self._signal(child))
        self._watch(ended, lambda: self._report(child, ended))
        return None

    def _become(self, streams: list[int], line: socket.socket) -> None:
        """Leave what belongs to the warm process, and take the job's streams."""
        self._places.close()
        for place in (self.door, line, *self._jobs.values()):
            place.close()
        for ended in self._ends:
            os.close(ended)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)

    def _signal(self, child: int) -> None:
        try:
            numbers = self._jobs[child].recv(64)
        except OSError:
            numbers = b""
        if not numbers:
            # The job was killed: what does its work goes with it.
            self._places.unregister(self._jobs[child])
            os.kill(child, signal.SIGKILL)
        for number in set(PASSED_ON).intersection(numbers):
            os.kill(child, number)

    def _report(self, child: int, ended: int) -> None:
        self._places.unregister(ended)
        self._ends.remove(ended)
        os.close(ended)
        self.done += 1
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        line = self._jobs.pop(child)
        if line in self._places.get_map():
            self._places.unregister(line)
        self._answer(line, {"signal": -code} if code < 0 else {"code": code})

    def _answer(self, line: socket.socket, answer: dict[str, int | str]) -> None:
        with line, suppress(OSError):  # where nobody waits for it any more
            line.sendall(json.dumps(answer).encode())

    def _end_all(self) -> None:
        """Without the process that started this one nobody waits for its jobs either."""
        for child in self._jobs:
            os.kill(child, signal.SIGKILL)
        for place in (self.door, self.parent):
            self._places.unregister(place)


def take_on(request: Request) -> None:
    """Make this process what one would be that had been started for the request."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "continual_vqa"]:
        del sys.modules[name]
    os.environ.clear()
    os.environ.update(request.environment)
    os.environ.pop(VARIABLE, None)  # what this job starts is its own
    os.chdir(request.folder)
    sys.path[:] = request.path
    sys.argv[1:] = request.arguments


def main(place: str) -> int:
    """Serve at `place` until stdin ends; the exit code, in a fork that of the verb."""
    for name in MODULES:
        importlib.import_module(name)
    gc.freeze()  # no fork's collector touches, and so copies, what all share
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(place)
        door.listen(128)
        print("warm", flush=True)
        process = WarmProcess(door, sys.stdin.fileno())
        request = process.serve()
    if request is None:
        print(process.done)
        return 0
    take_on(request)
    return importlib.import_module("continual_vqa.cli").main(request.arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
