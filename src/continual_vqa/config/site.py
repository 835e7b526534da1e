"""The cluster that a study runs on: `profiles/slurm/site.yaml`, and what it makes jobs ask for.

The study says how large its jobs are (`resources`); the site says where they go. The profile beside
site.yaml reads it through this file, so that a mistake in it is refused before anything starts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from continual_vqa.config.block import Block
from continual_vqa.config.checks import nearest
from continual_vqa.config.mistakes import Mistake
from continual_vqa.errors import UserError
from continual_vqa.files.yamls import read_yaml

GpuStage = Literal["base", "train", "importance", "predict", "probe", "drift", "adapters"]
# Stages that save what they have done on SIGTERM, and go on from there when submitted again.
RESUMED = ("base", "train", "importance")
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
    gpu_model: Name = ""
    gpu_request: Literal["gpus", "gres"] = "gpus"
    notice: Annotated[int, Field(ge=0, le=65535)] = 120
    max_runtime: Annotated[int, Field(ge=1)] = 1440
    requests: dict[str, Request] = Field(default_factory=dict)

    def default_resources(self) -> Resources:
        """What every job asks for, in the profile's form: text that is no number is quoted."""
        named = {"slurm_account": self.account, "slurm_partition": self.cpu_partition}
        return {name: _text(value) for name, value in named.items() if value}

    def set_resources(self) -> dict[str, Resources]:
        """Rule -> what its jobs ask for beside or in place of what the study says."""
        found: dict[str, Resources] = {stage: self._gpu() for stage in self.gpu_stages}
        for stage in RESUMED if self.notice else ():
            # Not B: the batch shell is not the process that saves.
            signal = f"--signal=TERM@{self.notice}"
            found.setdefault(stage, {})["slurm_extra"] = _text(signal)
        for rule, request in self.requests.items():
            own = found.setdefault(rule, {})
            if request.runtime:
                own["runtime"] = f"min({request.runtime} * 2 ** (attempt - 1), {self.max_runtime})"
            if request.mem_mb:
                own["mem_mb"] = f"{request.mem_mb} * 2 ** (attempt - 1)"
        return {rule: own for rule, own in found.items() if own}

    def _gpu(self) -> Resources:
        place = {"slurm_partition": _text(self.gpu_partition)} if self.gpu_partition else {}
        if self.gpu_request == "gres":
            parts = ["gpu", self.gpu_model, str(self.gpus)]
            # Both at once would be two requests for GPUs.
            return {**place, "gpu": 0, "gres": _text(":".join(part for part in parts if part))}
        model = {"gpu_model": _text(self.gpu_model)} if self.gpu_model else {}
        return {**place, "gpu": self.gpus, **model}


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
