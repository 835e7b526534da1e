"""What all rules share: the checked config, the plan, code fingerprints and standard resources."""

import json
import re
import sys
from functools import lru_cache
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.settings.types import DeploymentMethod
from snakemake_interface_executor_plugins.settings import ExecMode

sys.path.insert(0, str(Path(workflow.basedir) / "src"))

from continual_vqa.config.load import load_study
from continual_vqa.config.site import CHAINED, SLOTS, SLOTTED
from continual_vqa.errors import UserError
from continual_vqa.files.orphans import VARIABLE
from continual_vqa.files.yamls import read_yaml
from continual_vqa.plan.consolidation import memory_of
from continual_vqa.plan.gallery import figure_stem, gallery_contents
from continual_vqa.plan.ledger import NOTES, remember, remember_code, remember_runs
from continual_vqa.plan.reporting import BANKED, FIGURES, MERGED, SURVEYED
from continual_vqa.plan.study_plan import Plan
from continual_vqa.preflight.provenance import note_start, start

# Jobs run `python -m continual_vqa` with the code beside this Snakefile and the Python that runs
# Snakemake; with --sdm that of the conda environment or container made from the same pins.
BIN = Path(sys.executable).parent
SOFTWARE = workflow.deployment_settings.deployment_method
PYTHON = "" if SOFTWARE else f'PATH="{BIN}:$PATH" '
SOURCE = Path(workflow.basedir) / "src"
# Snakemake's own prefix, which another one replaces.
STRICT = "set -euo pipefail; "
# Slurm's SIGTERM (time limit, preemption, scancel) reaches every process of a job. Training saves its
# state on it; so the shell has to wait, and what reads the messages to stay. (Braces are doubled:
# Snakemake formats the prefix.)
SURVIVE = "trap : TERM; tee() {{ trap '' TERM; command tee \"$@\"; }}; "
# A job whose Snakemake was killed runs on; it is told its parents, so that it writes nothing then.
PARENTS = f'export {VARIABLE}="$$ $PPID $(uname -n)"; '
shell.prefix(f'{STRICT}{SURVIVE}{PARENTS}export {PYTHON}PYTHONPATH="{SOURCE}"; ')
ENVIRONMENT = f"{workflow.basedir}/envs/conda.yaml"
IMAGE = Path(workflow.basedir, "envs", "continual-vqa.sif")

if DeploymentMethod.APPTAINER in SOFTWARE:
    if not IMAGE.exists():
        raise WorkflowError(
            f"{IMAGE}: no such image -> apptainer build {IMAGE} envs/apptainer.def"
        )

    container: str(IMAGE)


try:
    study = load_study(config)
except UserError as error:
    raise WorkflowError(str(error)) from None

plan = Plan(study)
paths = plan.paths


onstart:
    # Jobs that run as a Snakemake of their own are part of this start.
    if workflow.exec_mode == ExecMode.DEFAULT:
        executor = "local" if workflow.local_exec else workflow.executor_plugin.name
        cores = workflow.resource_settings.cores or 0
        try:
            note_start(
                Path(paths.starts), start(Path(workflow.basedir), executor, cores)
            )
        except UserError as error:
            raise WorkflowError(str(error)) from None


# Which jobs a profile runs as one job of the cluster (`grouping` in profiles/slurm/site.yaml); local
# runs know no groups.
requested = workflow.resource_settings.default_resources or {}
if SLOTTED in requested and workflow.remote_exec:
    # Snakemake hands the limits of a run on to its scheduler, but not to those inside of jobs.
    workflow.register_resource(SLOTTED, SLOTS)


wildcard_constraints:
    cell=r"(train|val|test)/[^/]+/[^/]+",
    skill=r"(train|val|test)/[^/]+",
    stage=r"seed-\d+/[^/]+",
    memory=r"seed-\d+/[^/]+",
    merge=r"seed-\d+/[^/]+",
    words=r"[^/]+",
    answers=r"seed-\d+/[^/]+",
    probe=r"seed-\d+/[^/]+",
    digest=r"[0-9a-f]{8}",


@lru_cache
def code(*entries):
    """Fingerprint of the code that `entries` reach, e.g. "verbs.score"."""
    return remember_code(NOTES, *entries)


def settings(**blocks):
    """The config values that a job uses, as one JSON argument; nothing else may re-run it."""
    return json.dumps(
        {
            k: b.model_dump(mode="json") if hasattr(b, "model_dump") else b
            for k, b in blocks.items()
        },
        sort_keys=True,
    )


def grown(base):
    """A request that doubles on each retry."""
    return lambda wildcards, attempt: base * 2 ** (attempt - 1)


def light_group(name):
    """The group of light jobs called `name`, where such jobs are grouped."""
    return name if SLOTTED in requested else None


def stage_group(weights_of):
    """The group of all that is done after one stage, where it is done by one job.

    `weights_of` gives the stage of a job, or what was made of it, by the job's wildcards.
    """

    def group(wildcards):
        if CHAINED not in requested:
            return None
        stage = weights_of(wildcards).stage
        return f"stage-{stage.seed}-{Path(stage.id).name}"

    return group


def cell_content(wildcards):
    """The content of one cell as the last index saw it; a change re-runs that cell alone."""
    return plan.content_hash(wildcards.cell)


def stage_of(wildcards):
    return plan.stages[wildcards.stage]


def importance_of(wildcards):
    return plan.importances[paths.importance.format(**wildcards)]


def logits_of(wildcards):
    return plan.logits[paths.logits.format(**wildcards)]


def mask_of(wildcards):
    return plan.masks[paths.mask.format(**wildcards)]


def merge_of(wildcards):
    return plan.merges[wildcards.merge]


def start_model(wildcards):
    """The weights that a stage starts from."""
    start = stage_of(wildcards).start
    return start.path(paths) if start else paths.base_model


def train_cells(wildcards):
    return expand(paths.cell_index, cell=stage_of(wildcards).cells)


def guard_files(wildcards):
    """What training a stage reads of earlier stages, beside the weights it starts from."""
    files = plan.guard_inputs(stage_of(wildcards)).values()
    return [path for some in files for path in some]


def mask_importances(wildcards):
    """The importance after every stage up to this one."""
    return [importance.path(paths) for importance in mask_of(wildcards).importances]


def memory_cells(wildcards):
    """The cells that hold the questions a stage replays."""
    memory = memory_of(stage_of(wildcards))
    return expand(paths.cell_index, cell=memory.cells if memory else [])


def answers_of(wildcards):
    return plan.answers[wildcards.answers]


def answered_by(wildcards):
    return answers_of(wildcards).weights


def answering(wildcards):
    """The weights that answer, and those that lie below them."""
    return answers_of(wildcards).models(paths)


def routes_of(wildcards):
    """Which weights answer which question, where several answer."""
    return answers_of(wildcards).routes(paths)


def seen_words(wildcards):
    """The words of all tasks that questions are told apart by."""
    return [words.path(paths) for words in answers_of(wildcards).words]


def test_skills(wildcards):
    """The manifests of the skills that some weights are tested on."""
    return expand(
        paths.skill_manifest, skill=plan.skills_of(answers_of(wildcards).cells)
    )


def bank_of(wildcards):
    return plan.banks[wildcards.stage]


def banked_models(wildcards):
    """The checkpoint of a task with a bank of adapters, and those of the tasks before it."""
    weights = bank_of(wildcards).weights
    return [each.path(paths) for each in (weights, *weights.stack)]


def banked_skills(wildcards):
    """The manifests of the skills that test such a task."""
    return expand(paths.skill_manifest, skill=plan.skills_of(bank_of(wildcards).cells))


def merge_cells(wildcards):
    """The training cells of the tasks of what is merged."""
    return expand(paths.cell_index, cell=merge_of(wildcards).cells)


def merged_models(wildcards):
    return [model.path(paths) for model in merge_of(wildcards).models]


def probe_of(wildcards):
    return plan.probes[wildcards.probe]


def probed(wildcards):
    return probe_of(wildcards).last


def probed_skills(wildcards):
    return expand(paths.skill_manifest, skill=plan.skills_of(probe_of(wildcards).cells))
