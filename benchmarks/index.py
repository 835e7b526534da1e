"""Indexing VQA-v2-sized JSON against json, orjson, plain pyarrow and a Parquet reload.

Importing a library is no part of the figures: it costs the same for one question.

`python -m benchmarks.index [--questions 443757] [--repeats 5] [--json OUT]`
"""

from __future__ import annotations

import argparse
import functools
import json
import tempfile
from pathlib import Path

from benchmarks.harness import as_json, goal, goals_text, importing, measure, ratio, report
from benchmarks.vqa_files import OFFICIAL_QUESTIONS, write_pair

RECORDS = ("questions", "annotations")


def floor(*paths: str) -> int:
    """Reading the bytes, and nothing else."""
    return sum(len(Path(path).read_bytes()) for path in paths)


def json_parse(*paths: str) -> int:
    """json.load of both files."""
    return sum(len(document[key]) for key, document in _json(paths).items())


def json_loop(*paths: str) -> int:
    """json.load, and the straight Python loop that joins questions with annotations."""
    documents = _json(paths)
    annotations = {a["question_id"]: a for a in documents["annotations"]["annotations"]}
    rows = []
    for question in documents["questions"]["questions"]:
        annotation = annotations[question["question_id"]]
        rows.append(
            (
                str(question["question_id"]),
                str(question["image_id"]),
                f"COCO_train2014_{question['image_id']:012d}",
                question["question"],
                [answer["answer"] for answer in annotation["answers"]],
                annotation["multiple_choice_answer"],
                annotation["question_type"],
                annotation["answer_type"],
            )
        )
    return len(rows)


@importing("orjson")
def orjson_parse(*paths: str) -> int:
    """orjson.loads of both files."""
    import orjson

    documents = [orjson.loads(Path(path).read_bytes()) for path in paths]
    return sum(len(d[key]) for key, d in zip(RECORDS, documents, strict=True))


@importing("pyarrow.json")
def pyarrow_plain(*paths: str) -> int:
    """pyarrow.json with its types inferred; one block, since a record is the whole file."""
    import pyarrow as pa
    import pyarrow.json as paj

    rows = 0
    for path, key in zip(paths, RECORDS, strict=True):
        content = Path(path).read_bytes()
        options = paj.ReadOptions(block_size=len(content) + 1)
        table = paj.read_json(pa.BufferReader(content), read_options=options)
        rows += len(table[key].chunk(0).flatten())
    return rows


@importing("continual_vqa.data.vqav2")
def ours_parse(*paths: str) -> int:
    """Our parse: the fields that are used, checked for nulls and for valid text."""
    from continual_vqa.data.arrays import read_arrays
    from continual_vqa.data.problems import Problems
    from continual_vqa.data.vqav2 import ANNOTATION, QUESTION

    rows = 0
    for path, key, record in zip(paths, RECORDS, (QUESTION, ANNOTATION), strict=True):
        rows += len(read_arrays(path, {key: record}, Problems()).records[key])
    return rows


@importing("continual_vqa.data.index")
def ours_index(*paths: str) -> int:
    """The whole of `index`: joined, checked, with skills, groups, splits, sorted; and the cells."""
    from continual_vqa.data.index import IndexRequest, index

    request = IndexRequest(
        dataset="vqav2",
        questions=(paths[0],),
        annotations=(paths[1],),
        taxonomy="vqacl-contiguous",
    )
    return index(request).questions.num_rows


@importing("continual_vqa.data.tables")
def ours_reload(table: str) -> int:
    """Reading questions.parquet back."""
    from continual_vqa.data.tables import read_questions

    return read_questions(table).num_rows


def main() -> None:
    """Write the files, time every case, print the table and the goals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=OFFICIAL_QUESTIONS)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="OUT")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(path) for path in write_pair(Path(folder), args.questions)]
        table = _indexed(paths, Path(folder))
        size = floor(*paths) / 1e6
        cases = (floor, json_parse, json_loop, orjson_parse, pyarrow_plain, ours_parse, ours_index)
        timings = measure(
            {case.__name__: functools.partial(case, *paths) for case in cases}
            | {"ours_reload": functools.partial(ours_reload, table)},
            args.repeats,
        )
    title = f"index: {args.questions:,} questions and annotations, {size:.0f} MB of JSON"
    print(report(title, timings, reference="json_parse"))
    goals = [
        goal("bare parse, x json", ratio(timings, "json_parse", "ours_parse"), 3.0),
        goal("bare parse, peak MiB", timings["ours_parse"].rss, 1e9 / 2**20, at_most=True),
        goal("Parquet reload, x json", ratio(timings, "json_parse", "ours_reload"), 20.0),
        goal("whole index, x json and a loop", ratio(timings, "json_loop", "ours_index"), 1.0),
        goal("bare parse, x pyarrow", ratio(timings, "pyarrow_plain", "ours_parse"), 1.0),
        goal("bare parse, x orjson", ratio(timings, "orjson_parse", "ours_parse"), 1.0),
    ]
    print(goals_text(goals))
    if args.json:
        args.json.write_text(json.dumps(as_json("index", timings, goals), indent=1) + "\n")


def _json(paths: tuple[str, ...]) -> dict[str, dict]:
    documents = {}
    for key, path in zip(RECORDS, paths, strict=True):
        with open(path, encoding="utf-8") as handle:
            documents[key] = json.load(handle)
    return documents


def _indexed(paths: list[str], folder: Path) -> str:
    from continual_vqa.data.index import IndexRequest, index
    from continual_vqa.data.tables import write_questions

    request = IndexRequest(
        dataset="vqav2",
        questions=(paths[0],),
        annotations=(paths[1],),
        taxonomy="vqacl-contiguous",
    )
    table = folder / "questions.parquet"
    write_questions(table, index(request).questions)
    return str(table)


if __name__ == "__main__":
    main()
