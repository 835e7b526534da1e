"""Run a command whose jobs need not import torch each: they are forked from one process that has.

A miniature study is thousands of jobs of a few seconds, of which importing takes the larger part.
While the command runs, every `python -m continual_vqa` in it that needs torch is done by a copy of
the warm process, with the code, folder and environment of its own; results are the same, byte for
byte. Jobs on other machines, and those of a Slurm job that this is not part of, start cold and say
so. A benchmark file of Snakemake tells the seconds of a warm job, but not its memory and its CPU
time. Linux only.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from continual_vqa.errors import UserError
from continual_vqa.warm.request import VARIABLE

# Bytes in the path of a socket, on Linux; one more ends it.
LONGEST = 107

EXAMPLE = "continual-vqa warm -- snakemake --cores 2 --configfile config/benchmark.yaml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("command", nargs="+", help="what to run, after --")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Start the warm process, run the command and end both."""
    if not hasattr(os, "pidfd_open"):
        raise UserError(
            f"there is no warm process on {sys.platform}",
            where="warm",
            expected="Linux",
            do=f"run it alone: {' '.join(args.command)}",
        )
    with tempfile.TemporaryDirectory(prefix="continual-vqa-") as folder:
        place = str(Path(folder, "warm"))
        if len(os.fsencode(place)) > LONGEST:
            raise UserError(
                f"{tempfile.gettempdir()} is too long a path for a socket",
                where="TMPDIR",
                expected=f"at most {LONGEST - len(place) + len(tempfile.gettempdir())} characters",
            )
        process = subprocess.Popen(
            [sys.executable, "-m", "continual_vqa.warm.process", place],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # A terminal's Ctrl-C is for the command, which ends its jobs as it sees fit.
            start_new_session=True,
        )
        with process:
            assert process.stdin is not None and process.stdout is not None
            if process.stdout.readline() != b"warm\n":
                raise UserError(
                    "the warm process did not start",
                    where="warm",
                    do=f"see above, or run it alone: {' '.join(args.command)}",
                )
            code = _run(args.command, {**os.environ, VARIABLE: place})
            process.stdin.close()
            return {"code": code, "jobs": int(process.stdout.read())}


def _run(words: list[str], environment: dict[str, str]) -> int:
    try:
        command = subprocess.Popen(words, env=environment)
    except OSError as error:
        raise UserError(
            f"cannot be run: {error.strerror}", where=words[0], expected="a command"
        ) from None
    signal.signal(signal.SIGTERM, lambda number, _: command.send_signal(number))
    # A terminal tells the command of Ctrl-C, too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return command.wait()


def describe(summary: dict[str, object]) -> str:
    """A line after what the command has said."""
    return f"{summary['jobs']:,} jobs were started warm"


def exit_code(summary: dict[str, object]) -> int:
    """The command's own, as a shell gives it."""
    code = summary["code"]
    assert isinstance(code, int)
    return code if code >= 0 else 128 - code
