"""Which figures and tables a study has: one row each; the drawing code is found by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from continual_vqa.plan.streams import STANDARD, Stream


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One kind of figure; `analysis/figures/<its name>.py` draws it.

    Attributes
    ----------
    category : heading in the report
    novel : whether it is drawn for streams with a held-out group, or for the standard ones
    per_recipe : whether there is one for every continual recipe that has what it needs
    needs : what a recipe must have (a row of `plan.comparisons.NEEDS`, or "probe") for the figure
        to be drawn at all
    reads : the study's tables that it shows beside metrics and summary
    over_orders : whether one figure shows all orders, of which there must be two at least, and
        lies in the folder ALL_ORDERS
    fewest_tasks : how many tasks a stream must have for the figure to be drawn
    downstream : whether it is about tasks that are learned after the stream
    published : whether it is about published numbers that the config names; one figure shows all
        streams then, and lies in the folder ALL_STREAMS
    """

    category: str
    novel: bool = False
    per_recipe: bool = False
    needs: str = ""
    reads: tuple[str, ...] = ()
    over_orders: bool = False
    fewest_tasks: int = 1
    downstream: bool = False
    published: bool = False

    @property
    def for_all(self) -> bool:
        """Whether it is drawn whatever the recipes, orders and tasks."""
        chosen = self.needs or self.over_orders or self.downstream or self.published
        return not (chosen or self.fewest_tasks > 1)

    def streams(self, streams: Sequence[Stream]) -> list[str]:
        """The names under which it is drawn, given the streams of a study."""
        if self.over_orders:
            return [ALL_ORDERS] if several_orders(streams) else []
        if self.published:
            return [ALL_STREAMS]
        return [
            stream.name
            for stream in streams
            if (stream.held_out != STANDARD) == self.novel
            and len(stream.tasks) >= self.fewest_tasks
            and (stream.downstream or not self.downstream)
        ]


@dataclass(frozen=True, slots=True)
class TableRow:
    """One table: its category in the report, and what a recipe must have (as of a figure).

    `over_orders`: it compares orders, of which there must be two at least; `downstream`: it is
    about tasks that are learned after the stream; `reads`: the study's tables that it shows beside
    metrics and summary; `published`: it is about published numbers that the config names.
    """

    category: str
    needs: str = ""
    reads: tuple[str, ...] = ()
    over_orders: bool = False
    downstream: bool = False
    published: bool = False

    @property
    def for_all(self) -> bool:
        """Whether every study has it, whatever its recipes, orders and tasks."""
        return not (self.needs or self.over_orders or self.downstream or self.published)

    def fits(self, streams: Sequence[Stream]) -> bool:
        """Whether the streams of a study are enough for it."""
        later = not self.downstream or any(stream.downstream for stream in streams)
        return later and (not self.over_orders or several_orders(streams))


def several_orders(streams: Sequence[Stream]) -> bool:
    """Whether the standard setting is learned in two orders or more."""
    return len({s.order for s in streams if s.held_out == STANDARD}) > 1


# The folders of figures over all orders and all streams, where that of others is named by a stream.
ALL_ORDERS = "all-orders"
ALL_STREAMS = "all-streams"
ACROSS = {ALL_ORDERS: "all orders", ALL_STREAMS: "all streams"}
# From this many tasks on accuracy is drawn over their number, not over their names.
MANY_TASKS = 20

# The tables that `survey` writes, and those of `merges` and of `banks`.
SURVEYED = ("masks", "overlap", "importance")
MERGED = ("merges", "alignment")
BANKED = ("adapters", "growth", "costs")

FIGURES: dict[str, FigureRow] = {
    "matrix": FigureRow("Accuracy", per_recipe=True),
    "ap_over_steps": FigureRow("Accuracy"),
    "baselines": FigureRow("Accuracy", needs="rival"),
    "ranks": FigureRow("Accuracy", needs="ranked"),
    "differences": FigureRow("Accuracy", needs="pair", reads=("differences",)),
    "many_tasks": FigureRow("Accuracy", fewest_tasks=MANY_TASKS),
    "orders": FigureRow("Orders", over_orders=True),
    "forgetting": FigureRow("Forgetting"),
    "damage": FigureRow("Forgetting", needs="probe", reads=("damage",)),
    "transfer": FigureRow("Transfer", reads=("transfer",), downstream=True),
    "composition": FigureRow("Novel compositions", novel=True),
    "importance": FigureRow("Masks", needs="importance", reads=("importance", "masks")),
    "mask_shares": FigureRow("Masks", needs="mask", reads=("masks",)),
    "mask_overlap": FigureRow("Masks", per_recipe=True, needs="part_mask", reads=("overlap",)),
    "sign_conflicts": FigureRow("Merging", needs="align", reads=("alignment",)),
    "alignment_sweep": FigureRow("Merging", needs="align_sweep"),
    "merge_cost": FigureRow("Merging", needs="merge", reads=("merges",), fewest_tasks=2),
    "bank_weights": FigureRow("Adapters", per_recipe=True, needs="bank", reads=("adapters",)),
    "bank_redundancy": FigureRow(
        "Adapters", per_recipe=True, needs="bank", reads=("adapters",), fewest_tasks=2
    ),
    "bank_growth": FigureRow("Adapters", needs="bank", reads=("growth",), fewest_tasks=2),
    "stage_cost": FigureRow("Adapters", needs="bank", reads=("costs",), fewest_tasks=2),
    "ablation": FigureRow("Settings", needs="variants"),
    "published": FigureRow("Published numbers", published=True),
}

TABLES: dict[str, TableRow] = {
    "main": TableRow("Accuracy"),
    "skills": TableRow("Forgetting"),
    "novel": TableRow("Novel compositions"),
    "paired": TableRow("Accuracy", needs="comparison"),
    "differences": TableRow("Accuracy", needs="pair", reads=("differences",)),
    "ranks": TableRow("Accuracy", needs="ranked"),
    "orders": TableRow("Orders", over_orders=True),
    "routing": TableRow("Accuracy", needs="inferred", reads=("routing",)),
    "upstream": TableRow("Transfer", reads=("forgetting",), downstream=True),
    "transfer": TableRow("Transfer", reads=("transfer",), downstream=True),
    "transfer_paired": TableRow("Transfer", reads=("transfer",), downstream=True),
    "published": TableRow("Published numbers", published=True),
}
