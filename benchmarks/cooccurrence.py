"""How often one image is asked about by several cells, and what each way of storing images costs.

python -m benchmarks.cooccurrence questions.parquet [...] [--image-kb 160] [--json FILE]

Copies of an image that are stored: one per question; one per image and cell (what `shards` writes);
one for all cells (an image store with an index per cell, which stock webdataset could not read cell
by cell). A sample of questions hides co-occurrence, so the copies are also given by the number of
questions that an image has in the sample: VQA v2 has 5.4 per image, GQA (balanced) about 13.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import polars as pl

CELL = ("split", "skill", "group")


def copies(questions: pl.DataFrame) -> dict[str, Any]:
    """Copies per image, overall and by the number of questions an image has.

    `questions` has the columns split, skill, group and image_id.
    """
    images = questions.group_by("image_id").agg(
        pl.len().alias("questions"),
        pl.struct(CELL).n_unique().alias("cells"),
        pl.col("skill").n_unique().alias("skills"),
    )
    by_count = (
        images.group_by("questions")
        .agg(pl.len().alias("images"), pl.col("cells").mean(), pl.col("skills").mean())
        .sort("questions")
    )
    return {
        "questions": questions.height,
        "images": images.height,
        "per_question": questions.height / images.height,
        "per_image_and_cell": float(images["cells"].sum()) / images.height,
        "skills_per_image": float(images["skills"].sum()) / images.height,
        "by_questions_of_image": by_count.to_dicts(),
    }


def describe(name: str, found: dict[str, Any], image_kb: float, fewest: int) -> str:
    """The figures as text; rows of fewer than `fewest` images are left out."""
    cells, question = found["per_image_and_cell"], found["per_question"]
    lines = [
        f"{name}: {found['questions']:,} questions, {found['images']:,} images",
        f"  one per question        {question:5.2f} copies  {question * image_kb:6.0f} KB an image",
        f"  one per image and cell  {cells:5.2f} copies  {cells * image_kb:6.0f} KB"
        f"  ({1 - cells / question:.0%} less)",
        f"  one for all cells        1.00 copies  {image_kb:6.0f} KB"
        f"  ({1 - 1 / cells:.0%} less again)",
        "  questions of an image   images   copies: per question   per image and cell   saved",
    ]
    lines += [
        f"  {row['questions']:21}  {row['images']:7,}   {row['questions']:20.2f}"
        f"   {row['cells']:18.2f}   {1 - row['cells'] / row['questions']:5.0%}"
        for row in found["by_questions_of_image"]
        if row["images"] >= fewest
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("questions", nargs="+", type=Path, help="questions.parquet files")
    parser.add_argument("--image-kb", type=float, default=160, help="mean size of a COCO JPEG")
    parser.add_argument("--fewest", type=int, default=5, help="images that a row must have")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    args = parser.parse_args()
    found = {}
    for path in args.questions:
        table = pl.read_parquet(path, columns=[*CELL, "image_id"])
        found[str(path)] = copies(table)
        print(describe(path.name, found[str(path)], args.image_kb, args.fewest))
    if args.json:
        args.json.write_text(json.dumps({"benchmark": "cooccurrence", "files": found}, indent=1))


if __name__ == "__main__":
    main()
