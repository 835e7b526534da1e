"""Environments for other installers and for containers, made from the pins of the virtual one."""

from __future__ import annotations

from continual_vqa.config.places import REPOSITORY
from continual_vqa.files.hashing import sha256_file

LOCK = REPOSITORY / "envs" / "requirements.lock"
PYTHON = "3.11"

_CONDA = """\
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
    return _CONDA.format(python=PYTHON) + "".join(f"      - {pin}\n" for pin in pins)


_APPTAINER = """\
# Made by `make generated`. From the repository's root, where building is allowed:
#   apptainer build envs/continual-vqa.sif envs/apptainer.def
# and then `snakemake --sdm apptainer`; with GPUs also `--apptainer-args --nv`.
Bootstrap: docker
From: python:{python}-slim-bookworm

%labels
    requirements.lock.sha256 {digest}

%files
    envs/requirements.lock /opt/requirements.lock

%post
    python -m pip install --no-cache-dir -r /opt/requirements.lock

%environment
    export LC_ALL=C.UTF-8
"""


def apptainer_def() -> str:
    """envs/apptainer.def: an image with Python and every package as pinned, without the code."""
    return _APPTAINER.format(python=PYTHON, digest=sha256_file(LOCK))
