"""Bad records: counted and listed by kind, and fatal unless the user chose to skip them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from continual_vqa.errors import UserError

LISTED = 20  # ids listed for each kind and place in the report
NAMED = 5  # ids named in an error

# kind -> (one, several), as in "3 questions without an annotation".
KINDS: dict[str, tuple[str, str]] = {
    "damaged_files": ("damaged file", "damaged files"),
    "malformed_records": ("malformed record", "malformed records"),
    "duplicate_questions": ("duplicate question id", "duplicate question ids"),
    "duplicate_annotations": ("duplicate annotation", "duplicate annotations"),
    "missing_annotations": ("question without an annotation", "questions without an annotation"),
    "orphan_annotations": ("annotation without a question", "annotations without a question"),
    "image_mismatches": (
        "question whose annotation names another image",
        "questions whose annotations name another image",
    ),
    "unknown_question_types": (
        "question of an unknown type",
        "questions of an unknown type",
    ),
    "unknown_images": ("unknown image id", "unknown image ids"),
    "missing_images": ("missing image", "missing images"),
    "broken_images": ("broken image", "broken images"),
}


class BadRecords(UserError):
    """Bad records that the user did not choose to skip; `problems` has all of them."""

    def __init__(self, problems: Problems, what: str, *, do: str) -> None:
        self.problems = problems
        super().__init__(what, do=do)


@dataclass
class Problems:
    """What is wrong with the input. `skip`: go on without the bad records."""

    skip: bool = False
    found: dict[str, dict[str, tuple[int, list[str]]]] = field(default_factory=dict)

    def add(self, kind: str, where: str | Path, items: Iterable[object], count: int = -1) -> None:
        """Note bad records of one kind in one file.

        Parameters
        ----------
        kind : a key of `KINDS`
        where : the file or folder at fault
        items : ids, with a reason where one helps; the first `LISTED` are kept
        count : how many there are, when `items` are only the first of them
        """
        kept = [str(item) for item in items]
        total = len(kept) if count < 0 else count
        if total:
            before, listed = self.found.setdefault(kind, {}).get(str(where), (0, []))
            self.found[kind][str(where)] = (before + total, (listed + kept)[:LISTED])

    def count(self, kind: str) -> int:
        """How many records of this kind were found."""
        return sum(total for total, _ in self.found.get(kind, {}).values())

    def check(self) -> None:
        """Raise one error that names every file, count and the first ids, unless skipping.

        Raises
        ------
        BadRecords : something was found, and the user did not choose to skip
        """
        if self.skip or not self.found:
            return
        raise BadRecords(
            self,
            "; ".join(
                f"{place}: {_amount(kind, total)} ({_first(listed, total)})"
                for kind in KINDS
                for place, (total, listed) in self.found.get(kind, {}).items()
            ),
            do="mend the files, or set data.on_bad_record: skip (--on-bad-record skip) to go on "
            "without these records",
        )

    def as_json(self) -> dict[str, Mapping[str, object]]:
        """Every kind, found or not: its count, and per place the count and the first items."""
        return {
            kind: {
                "count": self.count(kind),
                "places": {
                    place: {"count": total, "first": listed}
                    for place, (total, listed) in self.found.get(kind, {}).items()
                },
            }
            for kind in KINDS
        }

    def lines(self) -> list[str]:
        """One line per kind that was found, for a person."""
        return [
            f"{_amount(kind, self.count(kind))}: {_first(listed, total)}"
            for kind in KINDS
            for total, listed in list(self.found.get(kind, {}).values())[:1]
        ]


def _amount(kind: str, count: int) -> str:
    return f"{count:,} {KINDS[kind][count != 1]}"


def _first(listed: list[str], total: int) -> str:
    return ", ".join(listed[:NAMED]) + (", ..." if total > NAMED else "")
