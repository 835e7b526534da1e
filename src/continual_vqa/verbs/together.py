"""Several processes of one verb: torchrun on every node, started by `srun` where there are several.

The verb's own process becomes torchrun, which starts the same command `--processes` times and hands
signals on to all. With `--nodes` it first becomes `srun`, which starts it once on each node of the
Slurm job; the nodes find each other at a port of the one where the job began (torchrun's c10d
rendezvous).
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from continual_vqa.errors import EXIT_CODE as MISTAKE
from continual_vqa.errors import UserError

# Host and port of the rendezvous, given to the processes on all nodes.
MEETING = "CONTINUAL_VQA_MEETING"
JOB = "SLURM_JOB_ID"
# After a signal torchrun ends its processes by force, unless they end by themselves within so many
# seconds: enough to write the largest state. Slurm's own limit is the one that counts.
PATIENCE = 3600


def add_processes(parser: argparse.ArgumentParser) -> None:
    """Declare --processes and --nodes."""
    parser.add_argument(
        "--processes", type=_count, default=1, help="that share the work on a node (default 1)"
    )
    parser.add_argument(
        "--nodes", type=_count, default=1, help="of the Slurm job this runs in (default 1)"
    )


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)


def threads_each(args: argparse.Namespace) -> int:
    """The threads of one process: --threads are those of all on a node."""
    return max(1, args.threads // args.processes)


def start_together(args: argparse.Namespace) -> None:
    """Return where the verb is to be done; else start the processes and end as they do.

    Ends with 0, with 2 after a user's mistake, with 75 when the work is to be resumed, else 1.

    Raises
    ------
    UserError : several nodes, and no Slurm job to run on them
    """
    if "TORCHELASTIC_RUN_ID" in os.environ or args.processes == args.nodes == 1:
        return
    if args.nodes > 1 and MEETING not in os.environ:
        _become_srun(args)
    _be_torchrun(torchrun_options(args, os.environ))


def torchrun_options(args: argparse.Namespace, environment: Mapping[str, str]) -> list[str]:
    """The options of torchrun, of which one runs on each node."""
    meeting = ["--standalone"]
    if args.nodes > 1:
        meeting = ["--nnodes", str(args.nodes), "--rdzv-backend", "c10d"]
        meeting += ["--rdzv-endpoint", environment[MEETING], "--rdzv-id", environment[JOB]]
    return [
        *meeting,
        *("--nproc-per-node", str(args.processes), "--shutdown-timeout", str(PATIENCE)),
        *("--signals-to-handle", "SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1"),
    ]


def srun_options(args: argparse.Namespace) -> list[str]:
    """The options of srun: the verb once on each node, with all that the job has there."""
    return [
        *(f"--nodes={args.nodes}", f"--ntasks={args.nodes}", "--ntasks-per-node=1"),
        # Without it a step has one CPU a task; and where one node fails, the others end too.
        *(f"--cpus-per-task={args.threads}", "--kill-on-bad-exit=1"),
        # Inside another step (`srun --pty`) it would else wait for that one's share.
        *("--overlap", "--export=ALL"),
    ]


def _become_srun(args: argparse.Namespace) -> NoReturn:
    if JOB not in os.environ or not shutil.which("srun"):
        raise UserError(
            f"{args.nodes} nodes outside of a Slurm job",
            where="--nodes",
            expected=f"to be run in a job of {args.nodes} nodes",
            do="set nodes in profiles/slurm/site.yaml, or submit it with sbatch --nodes",
        )
    with socket.create_server(("", 0)) as free:
        port = free.getsockname()[1]
    os.environ[MEETING] = f"{socket.gethostname()}:{port}"
    command = ["srun", *srun_options(args), sys.executable, "-m", "continual_vqa", *sys.argv[1:]]
    os.execvp("srun", command)


def _be_torchrun(options: Sequence[str]) -> NoReturn:
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    from continual_vqa.training.inflight import EXIT_CODE as RESUME

    # What it would say of failures is said below, in a line for each process.
    logging.getLogger("torch.distributed").setLevel(logging.CRITICAL)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # each process sets its own; unset is a warning
    try:
        # After -- torchrun takes no option of the verb's for one of its own.
        run.main([*options, "-m", "--", "continual_vqa", *sys.argv[1:]])
    except SignalException:
        raise SystemExit(RESUME) from None
    except ChildFailedError as failed:
        codes = {rank: failure.exitcode for rank, failure in failed.failures.items()}
        for expected in (MISTAKE, RESUME):
            if expected in codes.values():
                raise SystemExit(expected) from None
        for rank, code in sorted(codes.items()):
            print(f"process {rank} ended with code {code}", file=sys.stderr)
        raise SystemExit(1) from None
    raise SystemExit(0)
