"""Every reader reads its valid files and refuses, or reads, what fuzzing once broke it with."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from continual_vqa.errors import UserError
from fuzz.mutation import mutated
from fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
KEPT = sorted(path for path in CORPUS.glob("*/*"))
# Valid, but for people of other folders or settings: what is refused must be said.
REFUSED = {"image", "vqav2_questions", "vqav2_annotations", "adapter_config", "site"}


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_valid_files_are_read(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]
    refused = []
    for number, seed in enumerate(target.seeds()):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / target.file).write_bytes(seed)
        try:
            target.read(folder / target.file)
        except UserError as error:
            refused.append(str(error))
    assert bool(refused) == (name in REFUSED), refused


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_was_found_is_refused_or_read(path: Path, tmp_path: Path) -> None:
    TARGETS[path.parent.name].take(path.read_bytes(), tmp_path)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_few_mutations_raise_nothing_else(name: str, tmp_path: Path) -> None:
    target, rng = TARGETS[name], random.Random(name)
    seeds = list(target.seeds())
    for number in range(8):
        folder = tmp_path / str(number)
        folder.mkdir()
        target.take(mutated(rng.choice(seeds), seeds, rng), folder)
