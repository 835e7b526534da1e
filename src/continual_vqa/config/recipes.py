"""The recipes table: every method that a config can name without defining it."""

from __future__ import annotations

from continual_vqa.config.guards import (
    DistilGuard,
    GuardConfig,
    MaskGuard,
    PartShares,
    PenaltyGuard,
)
from continual_vqa.config.importance import ImportanceConfig
from continual_vqa.config.recipe import Recipe

VQACL = "Zhang et al., CVPR 2023 (VQACL)"

# Constants that the papers leave open were chosen on the miniature, on a seed of its own, by
# config/ablations/aim.yaml and config/ablations/baselines.yaml.
_AIM = MaskGuard(
    budget=PartShares(vision=0.95, language=0.95), strength=PartShares(vision=0.97, language=0.97)
)
_AIM_GLOBAL = _AIM.model_copy(update={"scope": "global"})
_EWC = PenaltyGuard(strength=300)
_MAS = PenaltyGuard(importance=ImportanceConfig(kind="mas"), strength=0.03)
_LWF = DistilGuard(strength=1)

# Methods that guard: key, title, guard, paper. Each has a second row that also replays examples.
_GUARDED: tuple[tuple[str, str, tuple[GuardConfig, ...], str], ...] = (
    ("ewc", "EWC", (_EWC,), "Kirkpatrick et al., PNAS 2017"),
    ("mas", "MAS", (_MAS,), "Aljundi et al., ECCV 2018"),
    ("lwf", "LwF", (_LWF,), "Li and Hoiem, ECCV 2016"),
    ("aim", "AIM", (_AIM,), "arXiv 2604.14779"),
    ("aim_global", "AIM, global quantile", (_AIM_GLOBAL,), "control of this project"),
)

RECIPES: dict[str, Recipe] = {
    "sequential": Recipe(title="Sequential", paper=VQACL),
    "joint": Recipe(title="Joint", paper=VQACL, schedule="joint", start="base"),
    "text_only": Recipe(
        title="Joint, text only",
        paper="control of this project",
        schedule="joint",
        start="base",
        sees="question",
    ),
    "er": Recipe(title="ER", paper=VQACL, replay="examples"),
    **{
        name: Recipe(title=title, guards=guards, paper=paper)
        for name, title, guards, paper in _GUARDED
    },
    **{
        f"{name}_er": Recipe(title=f"{title} + ER", guards=guards, replay="examples", paper=paper)
        for name, title, guards, paper in _GUARDED
    },
}
