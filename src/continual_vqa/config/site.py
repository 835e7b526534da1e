"""The cluster that a study runs on: `profiles/slurm/site.yaml`, and what it makes jobs ask for.

The study says how large its jobs are (`resources`); the site says where they go. The profile beside
site.yaml reads it through this file, so that a mistake in it is refused before anything starts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from continual_vqa.config.block import Block
from continual_vqa.config.checks import nearest
from continual_vqa.config.mistakes import Mistake
from continual_vqa.errors import UserError
from continual_vqa.files.yamls import read_yaml

GpuStage = Literal[
    "base", "train", "importance", "predict", "probe", "drift", "adapters", "logits", "herd"
]  # fmt: skip
# Stages that save what they have done on SIGTERM, and go on from there when submitted again.
RESUMED = ("base", "train", "importance")
# Stages whose processes may be on several nodes.
SPREAD = ("train", "importance")
# What belongs to one stage of training; with `grouping: stage` one job does it all.
STAGE_RULES = (
    "train", "importance", "mask", "merge", "drift", "predict", "score", "probe", "score_probe",
    "adapters", "logits",
)  # fmt: skip
# With groups, every job has a share of the slots of its group: a GPU stage all of them, sharding,
# which takes more memory, two, and all others one (choice of this project).
SLOTS = 8
SLOTTED = "slots"
SHARDING = {"shard": 2}
# A resource of every job where all that belongs to a stage is one job.
CHAINED = "chained"
# So many unconnected sets of jobs of a group become one job: of cells, those of so many skills.
COMPONENTS = {"data": 4, "lists": 1000, "report": 1000}
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+-]*$")]
Resources = dict[str, int | str]


class Request(Block):
    """What one stage asks for in place of the study's numbers; doubled on each retry."""

    runtime: Annotated[int | None, Field(ge=1)] = None
    mem_mb: Annotated[int | None, Field(ge=64)] = None


class Site(Block):
    """The keys of site.yaml, which explains them."""

    account: Name = ""
    cpu_partition: Name = ""
    gpu_partition: Name = ""
    gpu_stages: tuple[GpuStage, ...] = ()
    gpus: Annotated[int, Field(ge=1, le=64)] = 1
    nodes: Annotated[int, Field(ge=1, le=64)] = 1
    gpu_model: Name = ""
    gpu_request: Literal["gpus", "gres"] = "gpus"
    grouping: Literal["none", "light", "stage"] = "none"
    notice: Annotated[int, Field(ge=0, le=65535)] = 120
    max_runtime: Annotated[int, Field(ge=1)] = 1440
    requests: dict[str, Request] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_node_for_a_chain(self) -> Site:
        if self.grouping == "stage" and self.nodes > 1:
            raise ValueError(
                f"nodes is {self.nodes}, and with grouping: stage each job has one node; "
                "set grouping: light, or nodes: 1"
            )
        return self

    def default_resources(self) -> Resources:
        """What every job asks for, in the profile's form: text that is no number is quoted."""
        named = {"slurm_account": self.account, "slurm_partition": self.cpu_partition}
        shares = {SLOTTED: self.grouping != "none", CHAINED: self.grouping == "stage"}
        return {
            **{name: _text(value) for name, value in named.items() if value},
            **{name: 1 for name, wanted in shares.items() if wanted},
        }

    def set_resources(self) -> dict[str, Resources]:
        """Rule -> what its jobs ask for beside or in place of what the study says."""
        found: dict[str, Resources] = {stage: self._gpu(stage) for stage in self.gpu_stages}
        for rule in (*GpuStage.__args__, *SHARDING):
            if self.slots_of(rule) > 1:
                found.setdefault(rule, {})[SLOTTED] = self.slots_of(rule)
        if self.grouping == "stage":
            self._chain(found)
        for stage in dict.fromkeys((*self._told, *SPREAD)):
            own = found.setdefault(stage, {})
            if extra := self._extra(stage):
                own["slurm_extra"] = _text(extra)
            if self.nodes > 1 and stage in SPREAD:
                # A task on each node, which the job starts itself: to the plugin, a job of MPI.
                own |= {"nodes": self.nodes, "tasks": self.nodes, "mpi": _text("srun")}
                # Else it would ask for as many tasks for each GPU.
                own["tasks_per_gpu"] = 0
        for rule, request in self.requests.items():
            own = found.setdefault(rule, {})
            if request.runtime:
                own["runtime"] = f"min({request.runtime} * 2 ** (attempt - 1), {self.max_runtime})"
            if request.mem_mb:
                own["mem_mb"] = f"{request.mem_mb} * 2 ** (attempt - 1)"
        return {rule: own for rule, own in found.items() if own}

    @property
    def _told(self) -> tuple[str, ...]:
        """The rules whose jobs are told of their limit."""
        chained = STAGE_RULES if self.grouping == "stage" else ()
        return (*RESUMED, *chained) if self.notice else ()

    def _chain(self, found: dict[str, Resources]) -> None:
        """All jobs of a stage in one place: Snakemake wants the texts of a group alike."""
        with_gpu = [rule for rule in STAGE_RULES if rule in self.gpu_stages]
        place = {k: text for k, text in self._gpu("train").items() if isinstance(text, str)}
        for rule in STAGE_RULES:
            own = found.setdefault(rule, {})
            own.update(place if with_gpu else {})

    def slots_of(self, rule: str) -> int:
        """The slots of its group that a job of `rule` takes."""
        if self.grouping == "none":
            return 1
        if self.grouping == "stage" and rule in STAGE_RULES and rule in GpuStage.__args__:
            return SLOTS
        return SHARDING.get(rule, 1)

    def nodes_of(self, stage: str) -> int:
        """The nodes of one job of a stage."""
        return self.nodes if stage in SPREAD else 1

    def _extra(self, stage: str) -> str:
        """Options of sbatch that the plugin has no resource for."""
        options = []
        if self.gpu_request == "gpus" and stage in self.gpu_stages and self.nodes_of(stage) > 1:
            options.append(f"--gpus-per-node={self._typed()}")
        if stage in self._told:
            # Not B: the batch shell is not the process that saves.
            options.append(f"--signal=TERM@{self.notice}")
        return " ".join(options)

    def _gpu(self, stage: str) -> Resources:
        place = {"slurm_partition": _text(self.gpu_partition)} if self.gpu_partition else {}
        if self.gpu_request == "gres":
            # Both at once would be two requests for GPUs.
            return {**place, "gpu": 0, "gres": _text(f"gpu:{self._typed()}")}
        if self.nodes_of(stage) > 1:
            return {**place, "gpu": 0}  # `--gpus` would be the sum, shared out as it comes
        model = {"gpu_model": _text(self.gpu_model)} if self.gpu_model else {}
        return {**place, "gpu": self.gpus, **model}

    def _typed(self) -> str:
        """The GPUs of a node, with their type if there is one: h200:4."""
        return ":".join(filter(None, (self.gpu_model, str(self.gpus))))


def load_site(path: str | Path) -> Site:
    """The site that a YAML file describes.

    Raises
    ------
    UserError : the file cannot be read, or a key or value in it is wrong; names all of them
    """
    content = read_yaml(path)
    try:
        return Site.model_validate({} if content is None else content)
    except ValidationError as error:
        mistakes = [_mistake(each["loc"], each["type"], each["msg"]) for each in error.errors()]
        raise UserError("; ".join(mistakes), where=path, do="see the comments in it") from None


def _mistake(loc: tuple[int | str, ...], kind: str, message: str) -> str:
    name = ".".join(map(str, loc))
    if kind == "extra_forbidden":
        valid = Site.model_fields if len(loc) == 1 else Request.model_fields
        return str(Mistake(name, "unknown key", near=nearest(str(loc[-1]), valid)))
    return str(Mistake(name or "site", message[0].lower() + message[1:]))


def _text(value: str) -> str:
    """`value` as the Python expression that Snakemake evaluates."""
    return repr(value)
