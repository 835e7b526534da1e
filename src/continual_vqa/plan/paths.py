"""Where every file of a study lies. Nothing else in the project spells a path of the results."""

from __future__ import annotations

from dataclasses import dataclass

from continual_vqa.config.places import TAXONOMIES

__all__ = ["TAXONOMIES", "Paths"]


@dataclass(frozen=True)
class Paths:
    """Paths below `results/<study>/`, as patterns where a part is named by a job."""

    root: str

    def __getattr__(self, name: str) -> str:
        try:
            return f"{self.root}/{_PATTERNS[name]}"
        except KeyError:
            raise AttributeError(name) from None


_PATTERNS = {
    "miniature": "miniature/{size}",
    "questions": "data/questions.parquet",
    "data_report": "data/report.json",
    "content": "data/content.json",
    "vocabulary": "data/vocabulary.json",
    "cell_index": "cells/{cell}/index.parquet",
    "cell": "cells/{cell}",
    "skill_manifest": "cells/{skill}/manifest.parquet",
    "manifest": "data/manifest.parquet",
    "base": "base",
    "base_model": "base/model.safetensors",
    "scratch": "scratch/{stage}",
    "model": "stages/{stage}/model.safetensors",
    "curve": "stages/{stage}/curve.parquet",
    "importance": "consolidation/{stage}/importance-{digest}.safetensors",
    "mask": "consolidation/{stage}/mask-{digest}.safetensors",
    "logits": "consolidation/{stage}/logits-{digest}.safetensors",
    "memory": "memory/{memory}.parquet",
    "herd": "memory/herding/{cell}.parquet",
    "words": "words/{words}.parquet",
    "routes": "routes/{answers}.parquet",
    "bank_use": "stages/{stage}/adapters.parquet",
    "alignment": "stages/{stage}/alignment.parquet",
    "merged": "merges/{merge}/model.safetensors",
    "merge_report": "merges/{merge}/report.json",
    "drift": "merges/{merge}/drift.json",
    "predictions": "predictions/{answers}.parquet",
    "scores": "scores/{answers}.parquet",
    "probe_predictions": "probes/{probe}/predictions.parquet",
    "probe_scores": "probes/{probe}/scores.parquet",
    "metrics": "metrics/metrics.parquet",
    "summary": "metrics/summary.parquet",
    "study_table": "metrics/{table}.parquet",
    "figures": "figures",
    "tables": "tables",
    "gallery": "gallery.html",
    "logs": "logs",
    "starts": "logs/starts.jsonl",
    "benchmarks": "benchmarks",
    "train_cost": "benchmarks/train/{stage}.tsv",
    "predict_cost": "benchmarks/predict/{answers}.tsv",
}
