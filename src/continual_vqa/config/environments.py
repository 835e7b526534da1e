"""Environment files for other installers, made from the same pins as the virtual environment."""

from __future__ import annotations

from continual_vqa.config.places import REPOSITORY

LOCK = REPOSITORY / "envs" / "requirements.lock"
PYTHON = "3.11"

_HEAD = """\
# Made by `make generated` from requirements.lock; used with `snakemake --sdm conda`.
channels: [conda-forge]
dependencies:
  - python={python}
  - pip
  - pip:
"""


def conda_yaml() -> str:
    """envs/conda.yaml: Python from conda-forge, every package as pinned."""
    pins = [line for line in LOCK.read_text().splitlines() if line and not line.startswith("#")]
    return _HEAD.format(python=PYTHON) + "".join(f"      - {pin}\n" for pin in pins)
