"""Results of runs that were made apart, as those of one study: other seeds, or other recipes."""

from __future__ import annotations

from collections.abc import Sequence

# pyarrow makes the functions of `compute` when imported, out of a type checker's sight.
# pyright: reportAttributeAccessIssue=false
import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.errors import UserError

Run = tuple[str, str, int]


def join(paths: Sequence[str], tables: Sequence[pa.Table], study: str, stream: str) -> pa.Table:
    """The rows of all `tables` (METRICS or SUMMARY) in their order, under one study's name.

    Parameters
    ----------
    paths : where the tables were read, for errors
    stream : only the rows about this stream; "": all

    Raises
    ------
    UserError : two tables have the same run, another recipe of the same name, or other tasks
    """
    chosen = [each.filter(pc.field("stream") == stream) if stream else each for each in tables]
    for path, table in zip(paths, chosen, strict=True):
        if not table.num_rows:
            raise UserError(f"has no rows about stream {stream!r}", where=path)
    _refuse_a_run_twice(paths, chosen)
    _refuse_what_differs(paths, chosen, "slots", ("recipe",), "another recipe of this name")
    _refuse_what_differs(paths, chosen, "position", ("stream", "task"), "another order of tasks")
    whole = pa.concat_tables(chosen)
    names = pa.array([study] * whole.num_rows, pa.string())
    return whole.set_column(whole.column_names.index("study"), whole.schema.field("study"), names)


def _refuse_a_run_twice(paths: Sequence[str], tables: Sequence[pa.Table]) -> None:
    found: dict[Run, str] = {}
    for path, table in zip(paths, tables, strict=True):
        columns = (table[name].to_pylist() for name in ("stream", "recipe", "seed"))
        for run in dict.fromkeys(zip(*columns, strict=True)):
            if run in found:
                stream, recipe, seed = run
                raise UserError(
                    f"has {recipe} on {stream} with seed {seed}, as {found[run]} has",
                    where=path,
                    expected="every run once",
                )
            found[run] = path


def _refuse_what_differs(
    paths: Sequence[str], tables: Sequence[pa.Table], value: str, key: tuple[str, ...], what: str
) -> None:
    """Refuse tables in which the same `key` has another `value`; tables without it pass."""
    found: dict[tuple, tuple[object, str]] = {}
    for path, table in zip(paths, tables, strict=True):
        if value not in table.column_names:
            continue
        for *names, own in zip(*(table[name].to_pylist() for name in (*key, value)), strict=True):
            known, where = found.setdefault(tuple(names), (own, path))
            if known != own:
                shown = " ".join(names)
                raise UserError(
                    f"{shown} is not that of {where}: {what}", where=path, expected="one study"
                )
