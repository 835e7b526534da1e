from __future__ import annotations

import gc
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import webdataset

from continual_vqa.cli import main
from continual_vqa.data.tables import read_questions
from continual_vqa.shards.decode import pixel_decoder
from continual_vqa.shards.loader import load
from continual_vqa.shards.order import batches
from continual_vqa.shards.reader import open_cells
from continual_vqa.shards.verify import verify_cell

CELL = ("split", "skill", "group")


@pytest.fixture(scope="module")
def cells(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[pa.Table, list[Path]]:
    """The 427 questions of val2014 that have their images: indexed, and every cell written."""
    folder, source = tmp_path_factory.mktemp("real"), real_data / "vqav2/with_images"
    words = {
        "--dataset": "vqav2",
        "--questions": source / "v2_OpenEnded_mscoco_val2014_questions.json",
        "--annotations": source / "v2_mscoco_val2014_annotations.json",
        "--images": source / "images",
        "--concept-map": real_data / "vqacl/ImgId_cate_map.json",
        "--taxonomy": "vqacl-contiguous",
        "--on-bad-record": "skip",
        "--out": folder / "questions.parquet",
    }
    assert main(["index", *(str(word) for pair in words.items() for word in pair)]) == 0
    questions = read_questions(folder / "questions.parquet")
    questions = questions.filter(pc.not_equal(questions["group"], ""))
    columns = zip(*(questions[name].to_pylist() for name in CELL), strict=True)
    folders = []
    for name in sorted({"/".join(parts) for parts in columns}):
        folders.append(folder / "cells" / name)
        options = ["--questions", str(folder / "questions.parquet"), "--cell", name]
        images = ["--images", str(source / "images"), "--out", str(folders[-1])]
        assert main(["shard", *options, *images]) == 0
    return questions, folders


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_stock_webdataset_reads_every_real_question_once(
    cells: tuple[pa.Table, list[Path]],
) -> None:
    questions, folders = cells
    shards = [str(path) for folder in folders for path in sorted(folder.glob("*.tar"))]
    seen = [
        question["question_id"]
        for sample in webdataset.WebDataset(shards, shardshuffle=False)
        for question in json.loads(sample["json"])["questions"]
    ]
    gc.collect()
    assert sorted(seen) == sorted(questions["question_id"].to_pylist())


def test_every_real_image_is_whole_and_decodes(cells: tuple[pa.Table, list[Path]]) -> None:
    questions, folders = cells
    assert sum(verify_cell(folder).questions for folder in folders) == questions.num_rows
    opened = open_cells(folders, verify="read")
    seen: list[str] = []
    for batch in load(opened, batches(len(opened), 32, 0, 0), 2, pixel_decoder(64)):
        assert batch.arrays.shape == (len(batch.samples), 64, 64, 3)
        assert np.ptp(batch.arrays, axis=(1, 2, 3)).min() > 20
        seen += [sample.question_id for sample in batch.samples]
    assert sorted(seen) == sorted(questions["question_id"].to_pylist())
