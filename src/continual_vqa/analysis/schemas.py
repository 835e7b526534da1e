"""The tables of a study's results: accuracies, metrics, masks, importances, damage, merges, banks.

METRICS and SUMMARY are there for every study; the tables of FURTHER where a recipe has what they
are about.
"""

from __future__ import annotations

import pyarrow as pa

from continual_vqa.evaluation.bank_table import BANK_USE

_RUN = [
    pa.field("study", pa.string()),
    pa.field("stream", pa.string()),
    pa.field("order", pa.string()),
    pa.field("held_out", pa.string()),  # the held-out concept group, or "none"
    pa.field("recipe", pa.string()),
    pa.field("title", pa.string()),
    pa.field("seed", pa.int64()),
]

# One row per run, step, task and concept group; group "" holds all the task's questions.
METRICS = pa.schema(
    [
        *_RUN,
        pa.field("schedule", pa.string()),
        pa.field("step", pa.int32()),  # after this step of the stream; joint: the last
        pa.field("task", pa.string()),
        pa.field("position", pa.int32()),  # step at which the task is learned, from 1
        pa.field("group", pa.string()),
        pa.field("novel", pa.bool_()),  # skill and concept were never trained together
        pa.field("n", pa.int64()),  # questions
        pa.field("accuracy", pa.float64()),  # percent
    ]
)

# One row per run, metric and task; task "" is the metric over all tasks.
SUMMARY = pa.schema(
    [
        *_RUN,
        pa.field("slots", pa.string()),  # the recipe without its name, as JSON
        pa.field("metric", pa.string()),
        pa.field("task", pa.string()),
        pa.field("value", pa.float64()),  # percent or points; NaN: not defined
        pa.field("low", pa.float64()),  # 95 % bootstrap over questions; NaN: not computed
        pa.field("high", pa.float64()),
    ]
)

_GUARD = [
    pa.field("stream", pa.string()),
    pa.field("recipe", pa.string()),
    pa.field("seed", pa.int64()),
    pa.field("guard", pa.int32()),  # place of the guard among those of the recipe, from 0
]

# One row per mask and part.
MASKS = pa.schema(
    [
        *_GUARD,
        pa.field("scope", pa.string()),  # per_part or global
        pa.field("step", pa.int32()),  # the mask was made after this step
        pa.field("task", pa.string()),
        pa.field("part", pa.string()),
        pa.field("entries", pa.int64()),
        pa.field("protected", pa.int64()),
        pa.field("share", pa.float64()),  # protected / entries
        pa.field("threshold", pa.float64()),  # smallest protected importance; null: none
        pa.field("budget", pa.float64()),  # share of the part that the budget allows
    ]
)

# One row per pair of tasks (a no later than b) and part: the entries that matter most to each task,
# as many as the guard's budget allows within its scope.
OVERLAP = pa.schema(
    [
        *_GUARD,
        pa.field("task_a", pa.string()),
        pa.field("task_b", pa.string()),
        pa.field("part", pa.string()),
        pa.field("both", pa.float64()),  # share of the part's entries in both sets
        pa.field("either", pa.float64()),  # share in at least one of them
        pa.field("jaccard", pa.float64()),  # both / either; NaN: both sets are empty
    ]
)

# One row per importance, part and bin of log10 of the mean importance; zeros lie in [-inf, -inf).
IMPORTANCE = pa.schema(
    [
        *_GUARD,
        pa.field("step", pa.int32()),
        pa.field("task", pa.string()),
        pa.field("part", pa.string()),
        pa.field("low", pa.float64()),
        pa.field("high", pa.float64()),
        pa.field("count", pa.int64()),  # entries
    ]
)

# One row per probed run, earlier task and what was restored.
DAMAGE = pa.schema(
    [
        pa.field("stream", pa.string()),
        pa.field("recipe", pa.string()),
        pa.field("seed", pa.int64()),
        pa.field("task", pa.string()),
        pa.field("restored", pa.string()),  # none, a part, or both: the model right after the task
        pa.field("accuracy", pa.float64()),  # percent
    ]
)

# One row per run and downstream task.
TRANSFER = pa.schema(
    [
        pa.field("stream", pa.string()),
        pa.field("recipe", pa.string()),
        pa.field("title", pa.string()),
        pa.field("seed", pa.int64()),
        pa.field("task", pa.string()),
        pa.field("after", pa.float64()),  # accuracy in percent, learned after the stream
        pa.field("single", pa.float64()),  # the same, learned alone from the base
        pa.field("chance", pa.float64()),  # accuracy of guessing, in percent
        pa.field("relative", pa.float64()),  # CLiMB: 100 (after - single) / (single - chance)
    ]
)

# One row per run, task and later step of the stream.
FORGETTING = pa.schema(
    [
        pa.field("stream", pa.string()),
        pa.field("recipe", pa.string()),
        pa.field("title", pa.string()),
        pa.field("seed", pa.int64()),
        pa.field("task", pa.string()),
        pa.field("position", pa.int32()),  # step at which the task was learned
        pa.field("step", pa.int32()),  # after this later step
        pa.field("learned", pa.float64()),  # accuracy in percent right after learning
        pa.field("later", pa.float64()),  # the same after the step
        pa.field("chance", pa.float64()),  # accuracy of guessing, in percent
        pa.field("relative", pa.float64()),  # CLiMB: 100 (learned - later) / (learned - chance)
    ]
)

# One row per stream, pair of comparable recipes and metric (AP, AF, novel_AP).
DIFFERENCES = pa.schema(
    [
        pa.field("stream", pa.string()),
        pa.field("differ_in", pa.string()),  # what the pair differs in: method or replay
        pa.field("reference", pa.string()),
        pa.field("other", pa.string()),
        pa.field("reference_title", pa.string()),
        pa.field("other_title", pa.string()),
        pa.field("metric", pa.string()),
        pa.field("seeds", pa.int64()),  # that both have
        pa.field("difference", pa.float64()),  # reference minus other, mean over seeds, in points
        pa.field("low", pa.float64()),  # 95 % bootstrap over questions and seeds; NaN: not defined
        pa.field("high", pa.float64()),
        pa.field("p", pa.float64()),  # two-sided, of the same draws
        pa.field("p_holm", pa.float64()),  # corrected for all pairs of the stream and metric
    ]
)

_STAGE = [
    pa.field("stream", pa.string()),
    pa.field("recipe", pa.string()),
    pa.field("seed", pa.int64()),
    pa.field("step", pa.int32()),  # step of the stream, from 1
    pa.field("task", pa.string()),
]

# One row per merge and part of the model; part "" is the whole merge, which alone was timed.
MERGES = pa.schema(
    [
        *_STAGE,
        pa.field("kind", pa.string()),  # kind of the merge, as in the config
        pa.field("of", pa.string()),  # pair or all
        pa.field("space", pa.string()),  # tensors or updates
        pa.field("inputs", pa.int32()),  # files merged
        pa.field("part", pa.string()),
        pa.field("entries", pa.int64()),
        pa.field("conflicts", pa.int64()),  # differences of opposite signs; null: not counted
        pa.field("seconds", pa.float64()),  # null for a part, as are the next three
        pa.field("peak_mb", pa.float64()),  # 10^6 bytes of resident memory at its highest
        pa.field("bytes_read", pa.int64()),
        pa.field("bytes_written", pa.int64()),
        pa.field("refactor_error", pa.float64()),  # largest of all tensors; null: none refactored
    ]
)

# One row per stage with an align guard, comparison of its signs, and part.
ALIGNMENT = pa.schema(
    [
        *_STAGE,
        pa.field("update", pa.int64()),  # optimiser step of the stage after which it was compared
        pa.field("part", pa.string()),
        pa.field("entries", pa.int64()),  # compared: the largest starting weights
        pa.field("conflicts", pa.int64()),  # of these, with another sign now, before any reset
        pa.field("share", pa.float64()),  # conflicts / entries; NaN: none compared
        pa.field("conflicts_all", pa.int64()),  # entries of another sign among all of the part
        pa.field("reset", pa.bool_()),  # whether the conflicts were taken back
    ]
)

# One row per step of a run whose questions are answered by the model of an inferred task, and task.
ROUTING = pa.schema(
    [
        pa.field("stream", pa.string()),
        pa.field("recipe", pa.string()),
        pa.field("seed", pa.int64()),
        pa.field("step", pa.int32()),  # among the tasks of so many steps
        pa.field("task", pa.string()),
        pa.field("n", pa.int64()),  # questions
        pa.field("correct", pa.int64()),  # of these, with their own task inferred
    ]
)

# One row per branch and adapter of a task's bank, where `other` is null, and per branch and pair.
ADAPTERS = pa.schema([*_STAGE, *BANK_USE])

# One row per step of a run.
GROWTH = pa.schema(
    [
        *_STAGE,
        pa.field("own_entries", pa.int64()),  # of all tensors in the stage's own checkpoint
        pa.field("own_bytes", pa.int64()),
        pa.field("adapter_entries", pa.int64()),  # of these, those of adapters: no keys, queries
        pa.field("adapter_bytes", pa.int64()),
        pa.field("kept_entries", pa.int64()),  # of all checkpoints that answer the tasks so far
        pa.field("kept_bytes", pa.int64()),
        pa.field("base_entries", pa.int64()),  # of the base model
        pa.field("base_bytes", pa.int64()),
    ]
)

# One row per training job and per answering job of a step, as Snakemake measured the process.
COSTS = pa.schema(
    [
        *_STAGE,
        pa.field("work", pa.string()),  # train or predict
        pa.field("phase", pa.string()),  # of a bank of adapters; else ""
        pa.field("seconds", pa.float64()),
        pa.field("peak_mb", pa.float64()),  # resident memory at its highest; null: not measured
        pa.field("questions", pa.int64()),  # answered; null for train
    ]
)

FURTHER: dict[str, pa.Schema] = {
    "masks": MASKS,
    "overlap": OVERLAP,
    "importance": IMPORTANCE,
    "damage": DAMAGE,
    "transfer": TRANSFER,
    "forgetting": FORGETTING,
    "differences": DIFFERENCES,
    "merges": MERGES,
    "alignment": ALIGNMENT,
    "routing": ROUTING,
    "adapters": ADAPTERS,
    "growth": GROWTH,
    "costs": COSTS,
}
