"""The page of all figures and tables, as a part of the workflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Checkout, copy_repository


@pytest.fixture(scope="module")
def unstarted(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    root = tmp_path_factory.mktemp("unstarted")
    copy_repository(repository, root)
    return Checkout(root, root / "config" / "tiny.yaml")


@pytest.mark.parametrize("target", ["all", "figures"])
def test_the_gallery_is_made_with_the_figures(unstarted: Checkout, target: str) -> None:
    jobs = unstarted.pending(target)
    (gallery,) = [job for job in jobs if job.rule == "gallery"]
    assert gallery.outputs == ("results/tiny/gallery.html",)
    shown = {o for job in jobs if job.rule.startswith(("figure_", "table_")) for o in job.outputs}
    assert shown and shown < set(gallery.inputs)


def test_a_finished_study_gets_its_gallery_without_any_other_job(checkout: Checkout) -> None:
    page = checkout.results() / "gallery.html"
    whole = page.read_bytes()
    page.unlink()
    assert checkout.pending_rules("figures") == {"gallery": 1}
    checkout.snakemake("figures")
    assert page.read_bytes() == whole


def test_a_caption_re_makes_the_page_alone(checkout: Checkout) -> None:
    checkout.edit("workflow/report/table_main.rst", "**Main table.**", "**All methods.**")
    assert checkout.pending_rules() == {"gallery": 1}
