"""Official question files -> questions.parquet, with a report of what they hold.

Files may be plain, gzipped, or inside the official .zip ("x.zip!/member.json", or simply the .zip
when it holds one JSON file). Images may lie in a folder or stay in their .zip. Duplicates, unknown
or missing images, missing annotations and broken JPEGs stop the run, unless --on-bad-record skip.

Several --source in place of one --dataset become one table, a task each: JSON with name, format,
questions, annotations, images and limit, as in data.sources (config/README.md).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from continual_vqa.config.data import DataConfig
from continual_vqa.config.source import SourceFiles
from continual_vqa.data.index import READERS, IndexRequest, index
from continual_vqa.data.mix import index_mix
from continual_vqa.data.part import Indexed
from continual_vqa.data.problems import BadRecords
from continual_vqa.data.report import report_text
from continual_vqa.data.tables import write_questions
from continual_vqa.errors import UserError
from continual_vqa.files.atomic import write_text

EXAMPLE = (
    "continual-vqa index --dataset vqav2"
    " --questions v2_OpenEnded_mscoco_val2014_questions.json"
    " --annotations v2_mscoco_val2014_annotations.json --images val2014.zip"
    " --taxonomy vqacl-contiguous --out questions.parquet"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    options = DataConfig.model_fields
    parser.add_argument(
        "--dataset", choices=sorted(READERS), default="", help="format of the files"
    )
    parser.add_argument("--questions", nargs="+", default=[], metavar="F", help="question files")
    parser.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="JSON",
        help="a source of several, in place of the files of one",
    )
    parser.add_argument(
        "--annotations", nargs="+", default=[], metavar="F", help="annotation files (VQA v2)"
    )
    parser.add_argument(
        "--instances", nargs="+", default=[], metavar="F", help="COCO instances, for concepts"
    )
    parser.add_argument(
        "--scene-graphs", nargs="+", default=[], metavar="F", help="GQA scene graphs, for concepts"
    )
    parser.add_argument("--images", default="", metavar="DIR", help="image folder or .zip")
    parser.add_argument(
        "--features", default="", metavar="F", help="region features (.tsv) in place of images"
    )
    parser.add_argument(
        "--taxonomy", default="", help="name in config/taxonomies/, or a .yaml file"
    )
    parser.add_argument("--concept-map", default="", metavar="F", help="image name -> COCO id")
    for name in ("splits", "on_bad_record", "check_images"):
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            choices=get_args(options[name].annotation),
            default=options[name].default,
            help=f"{options[name].description} (default: %(default)s)",
        )
    parser.add_argument(
        "--relabelings",
        type=int,
        default=0,
        metavar="N",
        help="copies of all questions with their skills' answers exchanged (default: %(default)s)",
    )
    parser.add_argument("--karpathy", default="", metavar="F", help="dataset_coco.json")
    parser.add_argument("--out", type=Path, required=True, help="questions.parquet to write")
    parser.add_argument("--report", type=Path, metavar="F", help="data report to write (JSON)")
    parser.add_argument(
        "--cells", type=Path, metavar="F", help="cells' content hashes to write (JSON)"
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Index, write, and return the data report with the path of the table."""
    try:
        indexed = _indexed(args)
    except BadRecords as error:
        # Beside the report, not over it: an earlier one stays valid for the table that is there.
        if args.report:
            _write_json(
                args.report.with_suffix(".rejected.json"), {"problems": error.problems.as_json()}
            )
        raise
    write_questions(args.out, indexed.questions, note=_note(indexed))
    if args.cells:
        _write_json(args.cells, indexed.content)
    if args.report:
        _write_json(args.report, indexed.report)
    return {"out": str(args.out), **indexed.report}


def describe(summary: dict[str, Any]) -> str:
    """The summary for a person."""
    return f"{report_text(summary)}\n\nwritten: {summary['out']}"


def _indexed(args: argparse.Namespace) -> Indexed:
    if args.relabelings < 0:
        raise UserError(f"--relabelings is {args.relabelings}", expected="0 or more")
    one = {name: getattr(args, name) for name in ("dataset", "questions", "taxonomy")}
    if not args.source:
        if lacking := [f"--{name}" for name, value in one.items() if not value]:
            raise UserError(f"no {' and no '.join(lacking)}", expected="these, or --source")
        return index(_request(args))
    if given := [f"--{name}" for name, value in one.items() if value]:
        raise UserError(f"--source and {given[0]} are both given", expected="one of them")
    return index_mix(
        [_source(text) for text in args.source],
        on_bad_record=args.on_bad_record,
        check_images=args.check_images,
        relabelings=args.relabelings,
    )


def _source(text: str) -> SourceFiles:
    try:
        return SourceFiles.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the JSON"
        raise UserError(f"--source: {place}: {first['msg']}", expected="see --help") from None


def _request(args: argparse.Namespace) -> IndexRequest:
    if args.images and args.features:
        raise UserError("--images and --features are both given", expected="one of them")
    kind = "features" if args.features else "images"
    return IndexRequest(
        dataset=args.dataset,
        questions=tuple(args.questions),
        annotations=tuple(args.annotations),
        instances=tuple(args.instances),
        scene_graphs=tuple(args.scene_graphs),
        payload={"kind": kind, "path": getattr(args, kind)},
        taxonomy=args.taxonomy,
        concept_map=args.concept_map,
        splits=args.splits,
        karpathy_file=args.karpathy,
        on_bad_record=args.on_bad_record,
        check_images=args.check_images,
        relabelings=args.relabelings,
    )


def _note(indexed: Indexed) -> dict[str, str]:
    return {"made_by": "index", "taxonomy": str(indexed.report["sources"]["taxonomy"])}  # type: ignore[index]


def _write_json(path: Path, content: object) -> None:
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
