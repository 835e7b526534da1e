"""Draw one figure of a finished study as PDF and PNG.

matrix: accuracy on every task after every step, for one recipe; ap_over_steps: average accuracy on
the tasks so far; baselines: AP and AF of all recipes; ranks: by accuracy in every skill;
differences: of comparable recipes, over questions and seeds; forgetting: per skill; damage: what
each part's drift costs; composition: novel and seen skill-concept pairs; importance: its
distribution; mask_shares: what is protected after each step; mask_overlap: what pairs of tasks
would protect, for one recipe; ablation: AP and AF over a setting of the masks; orders: AP and BWT
in every order of the tasks; many_tasks: average accuracy over the number of tasks; sign_conflicts:
signs that turned while training; transfer: downstream tasks; alignment_sweep: what the aligned
share does to stability and plasticity; merge_cost: time, memory and bytes of a merge; bank_weights,
bank_redundancy: how a bank's adapters are weighted and how alike they are; bank_growth: its
parameters; stage_cost: time and memory of every step; published: published numbers (--published)
beside the study's, and whether they compare, by the study's config (--study). The tables of
`survey`, `damage`, `transfer`, `merges` and `banks` are only read by the figures about them.
"""

from __future__ import annotations

import argparse

from pydantic import ValidationError

from continual_vqa.config.figures import FiguresConfig
from continual_vqa.errors import UserError
from continual_vqa.files.jsons import parse_json
from continual_vqa.verbs.study_tables import add_tables, read_tables

FURTHER = (
    "masks",
    "overlap",
    "importance",
    "damage",
    "transfer",
    "differences",
    "merges",
    "alignment",
    "adapters",
    "growth",
    "costs",
)
EXAMPLE = (
    "continual-vqa figure --name matrix --recipe sequential --metrics metrics.parquet"
    " --summary summary.parquet --out-pdf matrix.pdf --out-png matrix.png"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", required=True, help="which figure, see above")
    add_tables(parser, FURTHER)
    parser.add_argument("--stream", default="", help="which stream; default: the first that suits")
    parser.add_argument("--recipe", default="", help="which recipe, for figures of a single one")
    parser.add_argument("--settings", default="{}", metavar="JSON", help='{"figures": {...}}')
    parser.add_argument("--out-pdf", required=True)
    parser.add_argument("--out-png", required=True)


def run(args: argparse.Namespace) -> dict:
    from continual_vqa.analysis.figures.registry import draw
    from continual_vqa.analysis.figures.style import Style, save

    style = Style(_settings(args.settings))
    results = read_tables(args, FURTHER)
    figure = draw(args.name, results, style, args.stream, args.recipe)
    save(figure, style, args.out_pdf, args.out_png)
    return {"figure": args.name, "written": [args.out_pdf, args.out_png]}


def _settings(text: str) -> FiguresConfig:
    content = parse_json(text.encode(), "--settings")
    blocks = content if isinstance(content, dict) else {}
    try:
        return FiguresConfig.model_validate(blocks.get("figures", {}))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, ("figures", *first["loc"])))
        raise UserError(f"{place}: {first['msg']}", where="--settings") from error
