"""The `resources` block: what each kind of job asks of the machine or the cluster."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from continual_vqa.config.block import Block


class Needs(Block):
    """What one job asks for."""

    threads: Annotated[int, Field(ge=1, le=512, description="CPU threads.")] = 1
    mem_mb: Annotated[int, Field(ge=64, description="Memory in MB; doubled on each retry.")] = 2000
    runtime: Annotated[
        int, Field(ge=1, description="Wall-clock limit in minutes; doubled on each retry.")
    ] = 30
    gpu: Annotated[int, Field(ge=0, le=64, description="GPUs.")] = 0


class SharedNeeds(Needs):
    """What a job asks for that several processes may share."""

    threads: Annotated[int, Field(ge=1, le=512, description="CPU threads of each process.")] = 1
    gpu: Annotated[int, Field(ge=0, le=64, description="GPUs of all processes.")] = 0
    processes: Annotated[
        int,
        Field(
            ge=1,
            le=64,
            description="Processes that share the work, each with a GPU of its own where gpu is "
            "not 0. On several nodes (profiles/slurm/site.yaml): of each node.",
        ),
    ] = 1

    @property
    def all_threads(self) -> int:
        """CPU threads of a job, over its processes."""
        return self.threads * self.processes


class TrainNeeds(SharedNeeds):
    """What a training job asks for."""

    sharding: Annotated[
        Literal["none", "full"],
        Field(
            description="none: every process holds the whole model. full: the processes keep the "
            "frozen weights of all layers and the optimiser's moments between them (FSDP, ZeRO "
            "stage 1), for models that one GPU cannot train; the result is the same, and slower."
        ),
    ] = "none"


class ResourcesConfig(Block):
    """Requests per kind of job. The defaults fit the miniature world."""

    light: Annotated[Needs, Field(description="Scoring, metrics, figures, tables, manifests.")] = (
        Needs(mem_mb=1000, runtime=10)
    )
    data: Annotated[Needs, Field(description="Generating, indexing and sharding.")] = Needs(
        mem_mb=4000, runtime=60
    )
    pretrain: Annotated[Needs, Field(description="Pretraining the miniature's base model.")] = (
        Needs(threads=2, mem_mb=4000, runtime=60)
    )
    train: Annotated[
        TrainNeeds, Field(description="Training one stage, and measuring importance after it.")
    ] = TrainNeeds(mem_mb=3000, runtime=60)
    predict: Annotated[SharedNeeds, Field(description="Answering the test questions.")] = (
        SharedNeeds(mem_mb=3000, runtime=30)
    )
