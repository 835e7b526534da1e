"""The damage probe: a part of a model gets back earlier weights, task by task (own choice).

AIM (arXiv 2604.14779) claims that the small visual part takes local damage: what each part's drift
costs is the accuracy that comes back with the part.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from continual_vqa.backbones.base import Backbone
from continual_vqa.backbones.tensor_file import load_into
from continual_vqa.config.tasks import belongs
from continual_vqa.errors import UserError
from continual_vqa.evaluation.predict import PredictSettings, predict
from continual_vqa.evaluation.tables import PREDICTIONS
from continual_vqa.files.jsons import parse_text
from continual_vqa.training.checkpoint import read_checkpoint


def probe(
    model: Backbone,
    header: Mapping[str, str],
    base_sha256: str,
    part: str,
    earlier: Mapping[str, Path],
    cells: Mapping[str, Path],
    settings: PredictSettings,
    *,
    workers: int = 0,
) -> tuple[pa.Table, dict[str, object]]:
    """Answers to each earlier task with `part` as it was right after that task; and a summary.

    Parameters
    ----------
    model : the last model of the run; its part ends up with the weights of the last task probed
    header : that of the model's checkpoint: which tensors were trained, and their parts
    earlier : task -> checkpoint right after it
    cells : name "split/task/group" -> folder; only those of a task are asked after its weights

    Returns
    -------
    PREDICTIONS, the tasks in the order of `earlier`; `step` is the last model's

    Raises
    ------
    UserError : a checkpoint of another base or other tensors, or a task without cells
    """
    own = dict(model.named_parameters())
    trained = parse_text(header.get("parts", "{}"), "the model")
    targets = {name: own[name] for name, its_part in trained.items() if its_part == part}
    tables = [PREDICTIONS.empty_table()]
    for task, path in earlier.items():
        asked = {name: folder for name, folder in cells.items() if belongs(name, task)}
        if not asked:
            raise UserError(f"no cells of task {task!r}", where="--cells", expected="some of each")
        then, tensors = read_checkpoint(path, base_sha256)
        parts = parse_text(then["parts"], path)
        load_into(targets, {n: t for n, t in tensors.items() if parts[n] == part}, path)
        tables.append(predict(model, asked, settings, workers=workers)[0])
    table = pa.concat_tables(tables).combine_chunks()
    return table, {"questions": table.num_rows, "tasks": len(earlier), "tensors": len(targets)}
