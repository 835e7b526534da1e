"""Tables as CSV (all digits, separate bounds), Markdown and LaTeX (booktabs)."""

from __future__ import annotations

import csv
import io
import math

from continual_vqa.analysis.table_parts import UNDEFINED, Table, cell_text

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": r"$-$",
    "–": "--",
}


def as_csv(table: Table) -> str:
    """One line a row; each estimate as mean, low, high, count; empty where not defined."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    headings = [
        f"{c.heading} {part}" for c in table.columns for part in ("mean", "low", "high", c.counted)
    ]
    writer.writerow([*table.labels, *headings])
    for labels, estimates in table.rows:
        cells: list[object] = [*labels]
        for e in estimates:
            bounds = (e.mean, e.low, e.high)
            cells += ["" if math.isnan(v) else f"{v:.6f}" for v in bounds]
            cells.append(e.count)
        writer.writerow(cells)
    return out.getvalue()


def as_markdown(table: Table) -> str:
    """A pipe table with the note below."""
    headings = [*table.labels, *(c.heading for c in table.columns)]
    rule = ["---"] * len(table.labels) + ["---:"] * len(table.columns)
    lines = [_pipe(headings), _pipe(rule), *map(_pipe, _texts(table, "±"))]
    return "\n".join([*lines, "", table.note, ""])


def as_latex(table: Table) -> str:
    """A booktabs tabular with the note as a comment; every text is escaped."""
    headings = [*table.labels, *(c.heading for c in table.columns)]
    aligned = "l" * len(table.labels) + "r" * len(table.columns)
    lines = [
        f"% {table.note}",
        f"\\begin{{tabular}}{{{aligned}}}",
        "\\toprule",
        _ampersand(map(escape, headings)),
        "\\midrule",
    ]
    for cells in _texts(table, "±"):
        lines.append(_ampersand(escape(cell).replace("±", r"$\pm$") for cell in cells))
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def as_text(table: Table) -> str:
    """Aligned columns for a terminal, with the note below."""
    headings = [*table.labels, *(c.heading for c in table.columns)]
    rows = [headings, *_texts(table, "±")]
    widths = [max(len(row[i]) for row in rows) for i in range(len(headings))]
    left = len(table.labels)
    lines = [
        "  ".join(
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "─" * len(lines[0]), *lines[1:], table.note])


def escape(text: str) -> str:
    """`text` with every character that LaTeX would interpret written out."""
    return "".join(_LATEX.get(character, character) for character in text)


def _texts(table: Table, plus_minus: str) -> list[list[str]]:
    return [
        [
            *labels,
            *(
                cell_text(e, c.digits, plus_minus) or UNDEFINED
                for e, c in zip(estimates, table.columns, strict=True)
            ),
        ]
        for labels, estimates in table.rows
    ]


def _pipe(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _ampersand(cells) -> str:
    return " & ".join(cells) + r" \\"
