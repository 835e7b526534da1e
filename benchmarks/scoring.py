"""Scoring VQA v2 answers: ours against straight Python implementations of the official rule.

python -m benchmarks.scoring [--questions 214354] [--repeats 5] [--json FILE]

All cases read a results file and the ground truth, and give every accuracy; these are compared, and
one mismatch fails the run. "from Parquet" finds the annotators' answers as the cells' indexes keep
them instead of in the official JSON.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import importlib
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pyarrow as pa

from benchmarks import harness
from continual_vqa.data.arrays import read_arrays
from continual_vqa.data.problems import Problems
from continual_vqa.data.vqav2 import ANNOTATION
from continual_vqa.evaluation.results import read_results
from continual_vqa.evaluation.vqa_accuracy import GroundTruth
from continual_vqa.files.parquet import read_table, write_table

sys.path.insert(0, str(harness.ROOT / "tests"))
official_vqa = importlib.import_module("oracles.official_vqa")

OFFICIAL_QUESTIONS = 214_354  # VQA v2 val2014
_SYLLABLES = "ta ble dog man um bre la train plate horse win dow kite bot tle sofa truck gi".split()
_COMMON = "yes no 1 2 two white Red blue black none left right brown wood man kite tennis".split()
_SMALL = "a the on in with one dont man's U.S. 7:30 1,000 and".split()
_JOINTS = [*[" "] * 25, ", ", "/", "-"]
TRUTH = pa.schema([("question_id", pa.string()), ("answers", pa.list_(pa.string()))])


def make(folder: Path, questions: int, seed: int = 0) -> None:
    """Write annotations.json, results.json and truth.parquet, as varied as the real answers.

    The shares are near those of 60,000 real training questions that they were compared with: the
    annotators agree on a third of the questions; 5 % of 600,000 answers are distinct; 8 % of the
    answers have several words; one distinct answer in twelve has a punctuation mark.
    """
    rng = random.Random(seed)
    words = ["".join(rng.choices(_SYLLABLES, k=rng.choice([1, 2, 2, 3]))) for _ in range(9000)]
    texts: list[list[str]] = []
    for _ in range(questions):
        majority = rng.choice(_COMMON) if rng.random() < 0.9 else _rare(rng, words)
        doubt = 0.0 if rng.random() < 0.33 else rng.random()
        texts.append([_answer(rng, majority, doubt, words) for _ in range(10)])
    annotations = [
        {
            "question_id": number,
            "image_id": number // 5,
            "question_type": "what is the",
            "answer_type": "other",
            "multiple_choice_answer": answers[0],
            "answers": [
                {"answer": answer, "answer_confidence": "yes", "answer_id": place}
                for place, answer in enumerate(answers, 1)
            ],
        }
        for number, answers in enumerate(texts)
    ]
    results = [
        {"question_id": number, "answer": rng.choice([answers[0], answers[5], rng.choice(_COMMON)])}
        for number, answers in enumerate(texts)
    ]
    rng.shuffle(results)
    content = {"data_subtype": "val2014", "annotations": annotations}
    (folder / "annotations.json").write_text(json.dumps(content))
    (folder / "results.json").write_text(json.dumps(results))
    ids = pa.array([str(number) for number in range(questions)])
    table = pa.table([ids, pa.array(texts, TRUTH.field("answers").type)], schema=TRUTH)
    write_table(folder / "truth.parquet", table, TRUTH)


def _answer(rng: random.Random, majority: str, doubt: float, words: list[str]) -> str:
    if rng.random() >= doubt:
        return majority
    return rng.choice(_COMMON) if rng.random() < 0.7 else _rare(rng, words)


def _rare(rng: random.Random, words: list[str]) -> str:
    # The power makes a few words frequent and most of them rare.
    chosen = [
        words[int(len(words) * rng.random() ** 3)] for _ in range(rng.choice([1, 1, 2, 2, 3]))
    ]
    if rng.random() < 0.3:
        chosen.insert(rng.randrange(len(chosen) + 1), rng.choice(_SMALL))
    return rng.choice(_JOINTS).join(chosen)


def ours_from_json(folder: str) -> dict[str, object]:
    """Everything from the official files, nothing prepared."""
    path = Path(folder) / "annotations.json"
    records = read_arrays(path, {"annotations": ANNOTATION}, Problems()).records["annotations"]
    lists = records.field("answers")
    answers = pa.ListArray.from_arrays(lists.offsets, lists.values.field("answer"))
    truth = GroundTruth.prepare(records.field("question_id").cast(pa.string()), answers)
    return _score(truth, folder)


def ours_from_parquet(folder: str) -> dict[str, object]:
    """The ground truth as a table; also the seconds of scoring once more with all prepared."""
    table = read_table(Path(folder) / "truth.parquet", TRUTH).combine_chunks()
    ids, answers = (table[name].combine_chunks() for name in TRUTH.names)
    return _score(GroundTruth.prepare(ids, answers), folder)


def _score(truth: GroundTruth, folder: str) -> dict[str, object]:
    table = read_results(Path(folder) / "results.json", "question_id", "answer")
    ids, answers = (table[name].combine_chunks() for name in table.column_names)
    start = time.perf_counter()
    accuracy = truth.accuracy(ids, answers)
    seconds = time.perf_counter() - start
    return {
        "digest": _digest(zip(ids.to_pylist(), accuracy.tolist(), strict=True)),
        "rule": seconds,
    }


def straight(folder: str, cached: bool) -> dict[str, object]:
    """`json.load` and the rule question by question; `cached`: each text is normalised once."""
    normalise = functools.cache(
        lambda text: official_vqa.numbers_and_articles(official_vqa.punctuation(text))
    )
    with (Path(folder) / "annotations.json").open() as handle:
        records = json.load(handle)["annotations"]
    truth = {record["question_id"]: record["answers"] for record in records}
    with (Path(folder) / "results.json").open() as handle:
        results = {r["question_id"]: r["answer"] for r in json.load(handle)}
    chosen = normalise if cached else None
    scores = [
        (str(question), official_vqa.accuracy(answer, truth[question], chosen))
        for question, answer in results.items()
    ]
    return {"digest": _digest(scores)}


def _digest(scores: Iterable[tuple[str, float]]) -> str:
    """Of every question's percentage with two digits, as the official evaluation gives it."""
    lines = (f"{question} {round(100 * accuracy, 2)}\n" for question, accuracy in scores)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def run(questions: int, repeats: int, folder: Path) -> dict:
    """Make the material, time the cases, print the table, return it as plain data."""
    make(folder, questions)
    name = str(folder)
    cases = {
        "ours, from JSON": partial(ours_from_json, name),
        "ours, from Parquet": partial(ours_from_parquet, name),
        "official rule": partial(straight, name, False),
        "cached normalisation": partial(straight, name, True),
    }
    timings = harness.measure(cases, repeats)
    digests = {case: timing.value["digest"] for case, timing in timings.items()}
    if len(set(digests.values())) != 1:
        raise SystemExit(f"the cases give different accuracies: {digests}")
    cold = harness.ratio(timings, "official rule", "ours, from JSON")
    warm = harness.ratio(timings, "official rule", "ours, from Parquet")
    goals = [
        harness.goal("x official rule, from JSON", cold, 8),
        harness.goal("x official rule, ground truth prepared", warm, 25),
    ]
    print(harness.report(f"scoring: {questions:,} answers", timings, reference="official rule"))
    print(harness.goals_text(goals))
    rule = timings["ours, from Parquet"].value["rule"]
    print(f"0 mismatches; the rule alone, all in memory: {rule:.2f} s")
    return harness.as_json("scoring", timings, goals)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=OFFICIAL_QUESTIONS)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scoring-", dir=args.folder) as name:
        result = run(args.questions, args.repeats, Path(name))
    if args.json:
        args.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
