"""All figures and tables of a study as one static page, for a browser, a phone and a printer.

The page is built as a tree and written by the standard library, which escapes every text: nothing
that a file says can become markup. Links are relative to the page, so that it can be moved with the
results beside it.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from continual_vqa.analysis.captions import plain_caption
from continual_vqa.analysis.gallery_style import CSS
from continual_vqa.analysis.pipe_table import PipeTable, read_pipe_table
from continual_vqa.analysis.study_results import Results
from continual_vqa.config.block import Block
from continual_vqa.errors import UserError
from continual_vqa.files.reading import ordinary_size, read_file
from continual_vqa.plan.reporting import ACROSS
from continual_vqa.plan.streams import STANDARD

_PNG = b"\x89PNG\r\n\x1a\n"
MAX_PNG = 1 << 30


class Drawing(Block):
    """One figure; `recipe` is "" where it shows all of them."""

    stream: str
    recipe: str
    png: str
    pdf: str


class Figures(Block):
    """The figures of one kind, which share a caption."""

    category: str
    caption: str
    drawings: tuple[Drawing, ...]


class TableFiles(Block):
    """One table."""

    category: str
    caption: str
    csv: str
    md: str
    tex: str


class Contents(Block):
    """What the gallery shows, in this order within each category."""

    figures: tuple[Figures, ...]
    tables: tuple[TableFiles, ...]


def gallery_page(contents: Contents, results: Results, folder: str | Path) -> str:
    """The page as HTML: the same text for the same files, wherever they lie.

    Parameters
    ----------
    folder : where the page will lie

    Raises
    ------
    UserError : a file of `contents` is missing, or is not what its name says
    """
    study = str(results.metrics["study"][0].as_py())
    categories = list(dict.fromkeys(row.category for row in (*contents.figures, *contents.tables)))
    page = Element("html", lang="en")
    _head(page, study)
    body = SubElement(page, "body")
    _add(body, "h1", f"Study {study}")
    _what_was_run(body, results)
    _links(SubElement(body, "nav"), {name: f"#{_anchor(name)}" for name in categories})
    for category in categories:
        section = SubElement(body, "section", id=_anchor(category))
        _add(section, "h2", category)
        for kind in (row for row in contents.figures if row.category == category):
            _figures(section, kind, results, folder)
        for table in (row for row in contents.tables if row.category == category):
            _table(section, table, folder)
    ElementTree.indent(page, "")
    return f"<!DOCTYPE html>\n{ElementTree.tostring(page, encoding='unicode', method='html')}\n"


def _head(page: Element, study: str) -> None:
    head = SubElement(page, "head")
    SubElement(head, "meta", charset="utf-8")
    SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    _add(head, "title", f"{study}: figures and tables")
    _add(head, "style", CSS)


def _what_was_run(body: Element, results: Results) -> None:
    """Recipes, seeds and streams, as the metrics tell them."""
    facts = {
        "recipes": ", ".join(results.titles.values()),
        "seeds": ", ".join(map(str, sorted(results.metrics["seed"].unique().to_pylist()))),
    }
    listed = SubElement(body, "dl")
    for name, value in facts.items():
        _add(listed, "dt", name)
        _add(listed, "dd", value)
    rows = [
        (stream, "–" if group == STANDARD else group, ", ".join(results.tasks(stream)))
        for stream, group in results.held_out.items()
    ]
    _cells(body, ("stream", "held out", "tasks, in the order of learning"), rows)


def _figures(section: Element, kind: Figures, results: Results, folder: str | Path) -> None:
    heading = _introduction(section, kind.caption)
    shown = SubElement(section, "div", {"class": "figures"})
    for drawing in kind.drawings:
        recipe = results.titles.get(drawing.recipe, drawing.recipe)
        stream = ACROSS.get(drawing.stream, f"stream {drawing.stream}")
        of = f"{recipe}, {stream}" if recipe else stream
        width, height = _size(drawing.png)
        figure = SubElement(shown, "figure")
        SubElement(
            figure,
            "img",
            src=_link(drawing.png, folder),
            alt=f"{heading}: {of}" if heading else of,
            width=str(width),
            height=str(height),
            loading="lazy",
        )
        _links(_add(figure, "figcaption", f"{of} "), {"PDF": _link(drawing.pdf, folder)})


def _table(section: Element, files: TableFiles, folder: str | Path) -> None:
    _introduction(section, files.caption)
    table: PipeTable = read_pipe_table(files.md)
    _cells(section, table.headings, table.rows, table.numeric)
    if not table.rows:
        _add(section, "p", "The study has nothing to show here.")
    _add(section, "p", table.note, {"class": "note"})
    paths = {"CSV": files.csv, "Markdown": files.md, "LaTeX": files.tex}
    links = {name: _link(path, folder) for name, path in paths.items()}
    _links(SubElement(section, "p"), links)


def _introduction(section: Element, caption: str) -> str:
    """Heading and text of a caption; returns the heading."""
    heading, text = plain_caption(caption)
    if heading:
        _add(section, "h3", heading)
    _add(section, "p", text)
    return heading


def _cells(
    parent: Element,
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    numeric: Sequence[bool] = (),
) -> None:
    """A table in a box of its own, which scrolls where the screen is narrow."""
    table = SubElement(SubElement(parent, "div", {"class": "wide"}), "table")
    looks = [{"class": "number"} if right else {} for right in numeric] or [{}] * len(headings)
    line = SubElement(SubElement(table, "thead"), "tr")
    for heading, look in zip(headings, looks, strict=True):
        _add(line, "th", heading, {"scope": "col", **look})
    body = SubElement(table, "tbody")
    for row in rows:
        line = SubElement(body, "tr")
        for cell, look in zip(row, looks, strict=True):
            _add(line, "td", cell, look)


def _links(parent: Element, links: dict[str, str]) -> None:
    for name, link in links.items():
        _add(parent, "a", name, {"href": link})


def _add(parent: Element, tag: str, text: str, attributes: dict[str, str] | None = None) -> Element:
    child = SubElement(parent, tag, attributes or {})
    child.text = text
    return child


def _link(path: str, folder: str | Path) -> str:
    """From the page to a file that is there."""
    ordinary_size(path)
    # The colon too: before the first slash it would end the name of a protocol.
    return quote(Path(os.path.relpath(path, folder)).as_posix())


def _anchor(category: str) -> str:
    return quote(category.lower().replace(" ", "-"))


def _size(png: str) -> tuple[int, int]:
    """Width and height in pixels: with them, nothing on the page moves when a figure comes in."""
    start = read_file(png, MAX_PNG)[:24]
    if len(start) < 24 or not start.startswith(_PNG):
        raise UserError("is no PNG file", where=png, do="draw the figure again")
    width, height = struct.unpack(">II", start[16:24])
    return width, height
