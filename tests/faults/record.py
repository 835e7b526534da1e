"""The fault table: what was injected, and what became of it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

# Set by `make test-faults`: where the table is written.
FILE = os.environ.get("FAULT_TABLE", "")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
BEGIN, END = "<!-- table: make test-faults -->", "<!-- end of the table -->"


@dataclass
class Row:
    """One kind of fault.

    Attributes
    ----------
    injected, survived : faults, and those after which everything was as if undisturbed
    lost : results that were not there again, byte for byte, after the re-run
    accepted : outputs that were made of something damaged, or not refused
    detail : further counts, in words
    """

    kind: str
    injected: int = 0
    survived: int = 0
    lost: int = 0
    accepted: int = 0
    detail: dict[str, int] = field(default_factory=dict)

    def count(self, name: str, by: int = 1) -> None:
        self.detail[name] = self.detail.get(name, 0) + by

    @contextmanager
    def fault(self, count: int = 1) -> Iterator[None]:
        """`count` faults are injected within; they are survived if nothing is raised."""
        self.injected += count
        yield
        self.survived += count

    def check(self, *, lost: list[str] | None = None, accepted: list[str] | None = None) -> None:
        """Note results that are lost, damage that was accepted; none may be."""
        self.lost += len(lost or [])
        self.accepted += len(accepted or [])
        assert not lost, f"lost: {lost}"
        assert not accepted, f"accepted: {accepted}"


class Table:
    """All rows of a run of the suite."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}

    def row(self, kind: str) -> Row:
        return self.rows.setdefault(kind, Row(kind))

    def write(self) -> str:
        """Put the rows into the file (beside those of other tests) and give the whole table."""
        rows = {kind: asdict(row) for kind, row in self.rows.items() if row.injected}
        if FILE and rows:
            path = Path(FILE)
            before = json.loads(path.read_text()) if path.exists() else {}
            rows = before | rows
            path.write_text(json.dumps(rows, indent=1) + "\n")
        return markdown(rows)


def markdown(rows: dict[str, dict]) -> str:
    lines = [
        "| fault | injected | survived | results lost | corrupt outputs accepted | of these |",
        "|---|---:|---:|---:|---:|---|",
    ]
    total = [0, 0, 0, 0]
    for row in rows.values():
        numbers = [row[k] for k in ("injected", "survived", "lost", "accepted")]
        total = [a + b for a, b in zip(total, numbers, strict=True)]
        detail = ", ".join(f"{name} {n}" for name, n in sorted(row["detail"].items()))
        lines.append(f"| {row['kind']} | {' | '.join(map(str, numbers))} | {detail} |")
    lines.append(f"| **all** | {' | '.join(f'**{n}**' for n in total)} | |")
    return "\n".join(lines)


def put_into_page(table: str) -> None:
    """Put the table of a whole run into docs/faults.md."""
    text = PAGE.read_text()
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    assert pattern.search(text)
    PAGE.write_text(pattern.sub(lambda _: f"{BEGIN}\n{table}\n{END}", text))


if __name__ == "__main__":
    put_into_page(markdown(json.loads(Path(FILE).read_text())))
