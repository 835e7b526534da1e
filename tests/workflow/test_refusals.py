"""Snakemake refuses a bad configuration before it starts anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Checkout, copy_repository


@pytest.fixture(scope="module")
def fresh(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    root = tmp_path_factory.mktemp("fresh")
    copy_repository(repository, root)
    return Checkout(root, root / "config" / "mine.yaml")


def refusal(fresh: Checkout, text: str) -> str:
    fresh.config.write_text(text)
    done = fresh.snakemake(check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr + done.stdout
    assert not fresh.results().parent.exists(), "nothing may have started"
    return done.stderr + done.stdout


def test_all_mistakes_are_listed_at_once(fresh: Checkout) -> None:
    said = refusal(
        fresh,
        "sedes: [1]\ntraining: {epoch: 3, lr: fast}\nrecipes: [sequentail]\n",
    )
    assert "the configuration has 3 mistakes; nothing was started" in said
    assert "sedes: unknown key; did you mean seeds?" in said
    assert "training.epoch: unknown key; did you mean training.epochs?" in said
    assert "training.lr: is 'fast'; expected a number" in said


def test_impossible_combinations_and_missing_paths(fresh: Checkout) -> None:
    said = refusal(
        fresh,
        "data: {dataset: vqav2, root: nowhere}\nstream: {skills: [colour], held_out: [G9]}\n",
    )
    assert "data.root: nowhere is no folder" in said
    assert "did you mean color?" in said
    assert "stream.held_out[0]" in said


def test_yaml_that_does_not_parse(fresh: Checkout) -> None:
    fresh.config.write_text("seeds: [1, 2\nname: x")
    done = fresh.snakemake(check=False)
    assert done.returncode != 0
    assert "not valid JSON or YAML" in done.stderr + done.stdout
    assert not fresh.results().parent.exists()


def test_yaml_tags_are_never_run(fresh: Checkout) -> None:
    fresh.config.write_text("name: !!python/object/apply:os.system ['touch run']\n")
    done = fresh.snakemake(check=False)
    assert done.returncode != 0
    assert not (fresh.root / "run").exists()
