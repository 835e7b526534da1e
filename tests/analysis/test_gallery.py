"""The page of all figures and tables."""

from __future__ import annotations

import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from analysis.gallery_files import HOSTILE, contents
from analysis.studies import RECIPES, write_study
from continual_vqa.analysis.aggregate import aggregate
from continual_vqa.analysis.gallery import Contents, gallery_page
from continual_vqa.analysis.runs import parse_runs
from continual_vqa.analysis.study_results import Results
from continual_vqa.errors import UserError
from continual_vqa.plan.reporting import ACROSS
from continual_vqa.plan.streams import STANDARD

VOID = {"meta", "img"}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    titles = {**RECIPES, "ewc": (HOSTILE, *RECIPES["ewc"][1:])}
    content = write_study(tmp_path_factory.mktemp("study"), (0, 3), 4, titles)
    return Results(*aggregate(parse_runs(content, "runs.json")))


def page(folder: Path, results: Results) -> str:
    return gallery_page(Contents.model_validate(contents(folder)), results, folder)


class Reader(HTMLParser):
    """Elements, links and text of a page; elements that are not closed in order fail."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.links += [value for name, value in attrs if name in ("href", "src")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_every_file_is_linked_once_from_where_the_page_lies(tmp_path, results):
    found = Reader(page(tmp_path, results))
    files = [link for link in found.links if not link.startswith("#")]
    assert not any(urlsplit(link).scheme or urlsplit(link).netloc for link in files)
    linked = sorted(tmp_path / unquote(urlsplit(link).path) for link in files)
    assert linked == sorted(path for path in tmp_path.rglob("*") if path.is_file())
    inside = {link for link in found.links if link.startswith("#")}
    assert inside == {f"#{value}" for name, value in found.attributes if name == "id"}
    assert len(inside) == 3


def test_nothing_in_a_file_becomes_markup(tmp_path, results):
    found = Reader(page(tmp_path, results))
    assert not {"script", "b", "link", "iframe"} & set(found.tags)
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    # A recipe, and in it the mark of a figure; heading and text of a caption; rows; a category.
    assert found.text.count(HOSTILE) == 2 + 2 + 2 + 2
    alts = [value for name, value in found.attributes if name == "alt"]
    assert f"Accuracy matrix: {HOSTILE}, stream published" in alts


def test_it_says_what_was_run(tmp_path, results):
    text = Reader(page(tmp_path, results)).text
    assert "made-up" in text and "Sequential" in text and "0, 3" in text
    assert "published-novel-G3" in text and "recognition, location, count" in text
    assert STANDARD not in text.split()


def test_a_browser_knows_the_size_of_a_figure_before_it_loads_it(tmp_path, results):
    attributes = Reader(page(tmp_path, results)).attributes
    assert attributes.count(("width", "33")) == attributes.count(("height", "22")) == 3
    assert attributes.count(("loading", "lazy")) == 3


def test_the_page_is_the_same_wherever_the_results_lie(tmp_path, results):
    first, second = tmp_path / "first", tmp_path / "elsewhere" / "second"
    assert page(first, results) == page(first, results) == page(second, results)
    assert str(tmp_path) not in page(first, results)


@pytest.mark.parametrize("kind", ["png", "pdf", "csv", "md", "tex"])
def test_a_missing_file_is_named(kind, tmp_path, results):
    listed = Contents.model_validate(contents(tmp_path))
    gone = next(tmp_path.rglob(f"*.{kind}"))
    gone.unlink()
    with pytest.raises(UserError, match="No such file") as error:
        gallery_page(listed, results, tmp_path)
    assert error.value.where == str(gone)


def test_a_figure_that_is_no_picture_is_named(tmp_path, results):
    listed = Contents.model_validate(contents(tmp_path))
    shutil.copy(listed.figures[0].drawings[0].pdf, listed.figures[0].drawings[0].png)
    with pytest.raises(UserError, match=r"matrix-sequential\.png: is no PNG file"):
        gallery_page(listed, results, tmp_path)


def test_a_table_without_rows_says_so(tmp_path, results):
    listed = Contents.model_validate(contents(tmp_path))
    Path(listed.tables[0].md).write_text("| recipe |\n| --- |\n\nNote.\n")
    text = gallery_page(listed, results, tmp_path)
    assert text.count("nothing to show here") == 1


@pytest.mark.parametrize(("stream", "words"), ACROSS.items())
def test_a_figure_over_several_streams_is_told_as_that(stream, words, tmp_path, results):
    listed = contents(tmp_path)
    listed["figures"][0]["drawings"][0] |= {"stream": stream, "recipe": ""}
    shown = Reader(gallery_page(Contents.model_validate(listed), results, tmp_path)).text
    assert words in shown and stream not in shown
