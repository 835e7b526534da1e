"""Jobs of a warm process: as if each had been started alone."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from continual_vqa.warm.request import VARIABLE, Request

pytestmark = pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="processes are forked warm on Linux alone"
)
# Stands for the package in a job: what a test wants to see of one.
JOB = """
import json, os, signal, sys, time
TORCH = frozenset(["tell", "read", "end", "fail", "wait"])
def main(words):
    match words:
        case ["tell"]:
            print(json.dumps({"argv": sys.argv[1:], "folder": os.getcwd(), "path": sys.path,
                "torch": "torch" in sys.modules, "environment": dict(os.environ)}))
            print("told", file=sys.stderr)
        case ["read"]: print(sys.stdin.read().upper())
        case ["end", code]: raise SystemExit(int(code))
        case ["fail"]: raise ValueError("what a defect looks like")
        case ["wait", file]:
            signal.signal(signal.SIGUSR1, lambda *_: sys.exit(75))
            open(file, "w").write(str(os.getpid()))
            time.sleep(60)
    return 0
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The socket of a warm process."""
    path = str(tmp_path_factory.mktemp("warm") / "w")
    command = [sys.executable, "-m", "continual_vqa.warm.process", path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        assert process.stdout.readline() == b"warm\n"
        yield path
        process.stdin.close()
        assert int(process.stdout.read()) > 0
    assert process.returncode == 0


@pytest.fixture
def environment(place: str, tmp_path: Path) -> dict[str, str]:
    """That of a job whose `continual_vqa.cli` is JOB."""
    package = tmp_path / "code" / "continual_vqa"
    package.mkdir(parents=True)
    source = Path(__file__).resolve().parents[2] / "src" / "continual_vqa"
    for name in ("__init__.py", "__main__.py", "warm"):
        (package / name).symlink_to(source / name)
    (package / "cli.py").write_text(JOB)
    return {**os.environ, VARIABLE: place, "PYTHONPATH": str(package.parent)}


def start(environment: dict[str, str], *words: str, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "continual_vqa", *words]
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(command, env=environment, text=True, **{**streams, **options})


def eventually(happened: Callable[[], object]) -> bool:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if happened():
            return True
        time.sleep(0.02)
    return False


def running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def waiting(environment: dict[str, str], file: Path) -> tuple[subprocess.Popen[str], int]:
    """A job that waits, and the process that does its work."""
    job = start(environment, "wait", str(file))
    assert eventually(lambda: file.exists() and file.read_text())
    return job, int(file.read_text())


def test_a_job_has_its_own_folder_environment_code_and_streams(
    environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "ünder"
    folder.mkdir()
    job = start({**environment, "OWN": "ä \udcff"}, "tell", cwd=folder)
    out, errors = job.communicate()
    told = json.loads(out)
    assert (job.returncode, errors) == (0, "told\n")
    assert told["torch"]
    assert told["folder"] == str(folder)
    assert told["argv"] == ["tell"]
    assert str(tmp_path / "code") in told["path"]
    assert told["environment"]["OWN"] == "ä \udcff"
    # What a job starts is no job of this kind.
    assert VARIABLE not in told["environment"]
    job = start(environment, "read")
    assert job.communicate("words\n")[0] == "WORDS\n\n"


@pytest.mark.parametrize(("words", "code"), [(("end", "75"), 75), (("fail",), 1), (("tell",), 0)])
def test_a_job_ends_as_its_work_did(
    environment: dict[str, str], words: tuple[str, ...], code: int
) -> None:
    job = start(environment, *words)
    errors = job.communicate()[1]
    assert job.returncode == code
    assert ("what a defect looks like" in errors) == (words == ("fail",))


@pytest.mark.parametrize(
    ("sent", "code"),
    [(signal.SIGUSR1, 75), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGHUP, -signal.SIGHUP)],
)
def test_signals_reach_the_work(
    environment: dict[str, str], tmp_path: Path, sent: signal.Signals, code: int
) -> None:
    job, worker = waiting(environment, tmp_path / "worker")
    job.send_signal(sent)
    job.communicate()
    assert job.returncode == code
    assert not running(worker)


def test_a_job_that_is_killed_takes_its_work_with_it(
    environment: dict[str, str], tmp_path: Path
) -> None:
    job, worker = waiting(environment, tmp_path / "worker")
    job.kill()
    job.communicate()
    assert eventually(lambda: not running(worker))


def test_work_that_is_killed_ends_the_job_by_the_same_signal(
    environment: dict[str, str], tmp_path: Path
) -> None:
    job, worker = waiting(environment, tmp_path / "worker")
    os.kill(worker, signal.SIGKILL)
    job.communicate()
    assert job.returncode == -signal.SIGKILL


def test_many_jobs_at_once_end_each_with_its_own(environment: dict[str, str]) -> None:
    jobs = [start(environment, "end", str(code)) for code in range(3, 15)]
    for code, job in enumerate(jobs, start=3):
        job.communicate()
        assert job.returncode == code


def test_without_a_warm_process_a_job_starts_cold_and_says_so(
    environment: dict[str, str], tmp_path: Path
) -> None:
    job = start({**environment, VARIABLE: str(tmp_path / "none")}, "tell")
    out, errors = job.communicate()
    assert job.returncode == 0
    assert not json.loads(out)["torch"]
    assert f"started cold: no warm process at {tmp_path / 'none'}" in errors


def test_a_job_of_slurm_is_not_done_outside_of_it(environment: dict[str, str]) -> None:
    job = start({**environment, "SLURM_JOB_ID": "17"}, "tell")
    out, errors = job.communicate()
    assert not json.loads(out)["torch"]
    assert "started cold: the warm process is outside of this job of Slurm" in errors


def test_another_python_is_refused(place: str) -> None:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(place)
        Request(["tell"], python="elsewhere 3.9").send(line)
        assert "another Python" in json.loads(line.recv(4096))["refused"]


@pytest.mark.parametrize("junk", [b"", b"\0" * 8, b"\xff" * 8, b"GET / HTTP/1.1\r\n"])
def test_who_sends_no_request_is_left_alone(
    place: str, environment: dict[str, str], junk: bytes
) -> None:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(place)
        line.sendall(junk)
        line.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            assert line.recv(1) == b""
    job = start(environment, "end", "9")
    job.communicate()
    assert job.returncode == 9


def test_only_signals_that_stop_a_job_are_passed_on(
    place: str, environment: dict[str, str], tmp_path: Path
) -> None:
    path = [environment["PYTHONPATH"], *sys.path]
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(place)
        Request(["wait", str(tmp_path / "worker")], path=path).send(line)
        assert eventually((tmp_path / "worker").exists)
        line.sendall(bytes([255, 0, signal.SIGKILL, signal.SIGSTOP, signal.SIGUSR1]))
        assert json.loads(line.recv(4096)) == {"code": 75}


def test_the_end_of_the_process_that_started_it_ends_all(tmp_path: Path) -> None:
    path = str(tmp_path / "w")
    command = [sys.executable, "-m", "continual_vqa.warm.process", path]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin and process.stdout
    assert process.stdout.readline() == b"warm\n"
    package = tmp_path / "code" / "continual_vqa"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "cli.py").write_text(JOB)
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
        Request(["wait", str(tmp_path / "worker")], path=[str(package.parent), *sys.path]).send(
            line
        )
        assert eventually((tmp_path / "worker").exists)
        process.stdin.close()
        assert json.loads(line.recv(4096)) == {"signal": signal.SIGKILL}
    assert process.wait(30) == 0
    process.stdout.close()
