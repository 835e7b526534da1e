"""The recipes table: every method that a config can name without defining it."""

from __future__ import annotations

from continual_vqa.config.guards import DistilGuard, GuardConfig, MaskGuard, PenaltyGuard
from continual_vqa.config.importance import ImportanceConfig
from continual_vqa.config.recipe import Recipe

VQACL = "Zhang et al., CVPR 2023 (VQACL)"

_AIM = MaskGuard()
_AIM_GLOBAL = MaskGuard(scope="global")
_EWC = PenaltyGuard()
_MAS = PenaltyGuard(importance=ImportanceConfig(kind="mas"), strength=1.0)
_LWF = DistilGuard()

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
