"""Every environment holds the pins of the lock, all of them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import yaml

from continual_vqa.config import environments


def test_conda_installs_what_is_pinned(repository: Path) -> None:
    lock = (repository / "envs" / "requirements.lock").read_text().splitlines()
    document = yaml.safe_load(environments.conda_yaml())
    (pip,) = [each for each in document["dependencies"] if isinstance(each, dict)]
    assert pip["pip"] == [line for line in lock if line and not line.startswith("#")]
    assert any(pin.startswith("torch==") for pin in pip["pip"])


def test_the_container_installs_the_lock_that_it_names(repository: Path) -> None:
    lock = repository / "envs" / "requirements.lock"
    text = environments.apptainer_def()
    assert f"requirements.lock.sha256 {hashlib.sha256(lock.read_bytes()).hexdigest()}" in text
    assert "envs/requirements.lock /opt/requirements.lock" in text
    assert "-r /opt/requirements.lock" in text
