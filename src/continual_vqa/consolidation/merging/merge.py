"""Merging stage checkpoints into one, tensor by tensor and block by block.

Memory holds a few windows of each file, whatever the size of a tensor or a model, except that in
space `updates` it holds the factors of one module (of the kinds that are no linear combination: its
dense updates).
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from continual_vqa.consolidation.merging.ahead import ahead
from continual_vqa.consolidation.merging.base_hash import check_base
from continual_vqa.consolidation.merging.job import MergeJob
from continual_vqa.consolidation.merging.methods import METHODS
from continual_vqa.consolidation.merging.models import Model, open_models
from continual_vqa.consolidation.merging.report import peak_bytes
from continual_vqa.consolidation.merging.stream import Merging
from continual_vqa.files.tensors import check_file, write_stream


def merge_files(job: MergeJob, out: str | Path) -> dict[str, Any]:
    """Write the merged checkpoint atomically, with reproducible bytes; returns the report.

    The file is a stage checkpoint as training writes it, with `merge` in its header: the
    configuration, the number of tasks, and stage, step and SHA-256 of the models.

    Raises
    ------
    UserError : files that are damaged or do not belong together (see `open_models`); a base that is
        not what its header says, where the kind of merge needs it; entries that are not finite
    """
    started = time.perf_counter()
    job.check()
    base, models = open_models(job.base, job.models)
    if METHODS[job.config.kind].needs_base:
        check_base(base)
    elif job.full:
        merged = models[0].infos
        check_file(base.path, {n: info for n, info in base.infos.items() if n in merged})
    inputs = [
        {
            **{key: model.metadata.get(key, "") for key in ("stage", "task", "step")},
            "sha256": check_file(model.path, model.infos, sha256=job.checksums),
        }
        for model in models
    ]
    merging = Merging(job, base, models)
    kinds = {name: (info.dtype, info.shape) for name, info in models[0].infos.items()}
    write_stream(out, kinds, _header(job, models, inputs), ahead(merging.pieces()))
    return {
        "kind": job.config.kind,
        "config": job.described(),
        "tasks": job.tasks,
        "level": "full" if job.full else "brief",
        "inputs": [{"path": str(m.path), **row} for m, row in zip(models, inputs, strict=True)],
        "seconds": time.perf_counter() - started,
        "peak_bytes": peak_bytes(),
        "bytes_read": merging.bytes_read,
        "bytes_written": Path(out).stat().st_size,
        **merging.report(),
    }


def _header(job: MergeJob, models: list[Model], inputs: list[dict[str, Any]]) -> dict[str, str]:
    last = models[-1].metadata
    merge = {"config": job.described(), "tasks": job.tasks, "inputs": inputs}
    kept = ("format", "base_sha256", "recipe", "stage", "task", "step")
    return {
        **{key: last[key] for key in kept if key in last},
        **job.labels,
        "parts": json.dumps(models[0].parts),
        "merge": json.dumps(merge, sort_keys=True),
    }
