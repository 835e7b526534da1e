"""Versions against the lock, and GPUs against what a training job needs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from continual_vqa.preflight.finding import Finding, size
from continual_vqa.preflight.machine import ask, check_gpu, check_versions


def test_the_locks_own_versions_are_good(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text(f"numpy=={np.__version__}\n")
    (found,) = check_versions(lock)
    assert found.level == "good" and "1 packages" in found.what


def test_other_and_missing_packages_are_named(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("numpy==0.1\nno-such-package==1.0\n")
    missing, other = check_versions(lock)
    assert missing.level == "bad" and "no-such-package" in missing.what
    assert other.level == "note" and f"numpy {np.__version__} (0.1)" in other.what
    (absent,) = check_versions(tmp_path / "nowhere")
    assert absent.level == "note"


def gpu(gpus: int, trained: int, listed: str | None) -> Finding:
    (found,) = check_gpu(gpus, trained, lambda command: listed)
    return found


def test_gpus_are_counted_and_their_memory_compared() -> None:
    two = "NVIDIA H200, 143771\nNVIDIA H200, 143771\n"
    assert gpu(0, 10**12, None).level == "good"
    assert gpu(1, 0, None).level == "bad"
    assert gpu(4, 0, two).level == "bad" and "2 here" in gpu(4, 0, two).what
    fits = gpu(2, 7 * 10**9, two)
    assert fits.level == "good" and "2 x NVIDIA H200, 151 GB each" in fits.what
    assert "need 112 GB" in fits.what
    large = gpu(1, 13 * 10**9, two)
    assert large.level == "bad" and "tune: lora" in large.do
    (shared,) = check_gpu(2, 13 * 10**9, lambda command: two, sharing=8)
    assert shared.level == "good" and "need 117 GB" in shared.what


def test_a_program_that_is_not_there_or_fails_answers_nothing() -> None:
    assert ask(["no-such-program"]) is None
    assert ask(["false"]) is None
    assert ask(["echo", "yes"]) == "yes\n"


def test_sizes_and_lines() -> None:
    assert [size(n) for n in (12, 3_400, 2e9, 3e13)] == ["12 bytes", "3 kB", "2 GB", "30.0 TB"]
    line = Finding("bad", "GPU", "none", "use another").line(6)
    assert line == "BAD  GPU     none -> use another"
