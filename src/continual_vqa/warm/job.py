"""The job's side: has the warm process do a verb, and ends as the verb did."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType

from continual_vqa.warm.request import PASSED_ON, VARIABLE, Request


def ask(arguments: Sequence[str]) -> int | None:
    """Have a verb done by the warm process; its exit code, or None where it is to be done here.

    Ends this process by the signal that ended the verb, if one did. Why it is not done there is
    told on stderr.
    """
    place = os.environ.get(VARIABLE)
    if not place:
        return None
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(place)
            Request(list(arguments)).send(line)
        except OSError as error:
            return _cold(f"no warm process at {place}: {error.strerror}")

        def pass_on(number: int, _frame: FrameType | None) -> None:
            with suppress(OSError):  # a warm process that is gone is told of below
                line.send(bytes([number]))

        before = {number: signal.signal(number, pass_on) for number in PASSED_ON}
        try:
            answer = _answer(line)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    if not answer:
        print("error: the warm process ended before this job did", file=sys.stderr)
        return 1
    if "refused" in answer:
        return _cold(answer["refused"])
    if "signal" in answer:
        if answer["signal"] != signal.SIGKILL:  # which nobody can handle
            signal.signal(answer["signal"], signal.SIG_DFL)
        os.kill(os.getpid(), answer["signal"])
    return answer.get("code", 1)


def _answer(line: socket.socket) -> dict:
    text = bytearray()
    try:
        while piece := line.recv(4096):
            text += piece
    except ConnectionError:
        return {}
    return json.loads(text) if text else {}


def _cold(why: str) -> None:
    print(f"started cold: {why}", file=sys.stderr)
