"""A job whose shell or Snakemake is gone writes nothing any more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from continual_vqa.files.orphans import VARIABLE, orphaned

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="parents are told by /proc, which is not here"
)

NODE = os.uname().nodename
# As in workflow/rules/common.smk. The job names its shell, waits for a line, then writes.
JOB = (
    f'trap : TERM; export {VARIABLE}="$$ $PPID $(uname -n)"; '
    f"{sys.executable} -c 'import os, sys\n"
    "from continual_vqa.files.atomic import write_text\n"
    "from continual_vqa.errors import UserError\n"
    f'print(os.environ["{VARIABLE}"].split()[0], flush=True)\n'
    "sys.stdin.readline()\n"
    'try:\n    write_text("out", "x")\n'
    "except UserError as error:\n    print(error, file=sys.stderr)\n' <&3; true"
)
SNAKEMAKE = "import subprocess, sys\nsubprocess.run(['bash', '-c', sys.argv[1]], pass_fds=(3,))"


def test_by_hand_there_is_no_workflow_to_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert not orphaned()


def test_a_parent_that_lives_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"{os.getpid()} {os.getppid()} {NODE}")
    assert not orphaned()
    monkeypatch.setenv(VARIABLE, f"{os.getpid()} 1234567890 {NODE}")
    assert orphaned()
    monkeypatch.setenv(VARIABLE, f"1234567890 1 {NODE}")
    assert orphaned()
    # A process of the same job on another node has no such shell to look for.
    monkeypatch.setenv(VARIABLE, "1234567890 1 another-node")
    assert not orphaned()


def test_a_shell_that_has_ended_but_still_has_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    monkeypatch.setenv(VARIABLE, f"{child.pid} {os.getpid()} {NODE}")
    assert orphaned()
    child.wait()


@pytest.mark.parametrize("killed", ["nothing", "the shell", "Snakemake"])
def test_a_job_writes_only_for_a_workflow_that_lives(tmp_path: Path, killed: str) -> None:
    reading, writing = os.pipe()
    script = f"import os\nos.dup2({reading}, 3)\n{SNAKEMAKE}"
    process = subprocess.Popen(
        [sys.executable, "-c", script, JOB],
        cwd=tmp_path,
        pass_fds=(reading,),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    shell = int(process.stdout.readline())
    if killed == "the shell":
        os.kill(shell, signal.SIGKILL)
    elif killed == "Snakemake":
        process.kill()
        process.wait()
    os.write(writing, b"\n")
    # Its ends are open until the job itself, which may be an orphan, has ended.
    said = process.communicate()[1]
    os.close(reading)
    os.close(writing)
    assert (tmp_path / "out").exists() == (killed == "nothing")
    assert ("has ended -> start the workflow again" in said) == (killed != "nothing"), said
