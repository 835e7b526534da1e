"""The recipes table: every method that a config can name without defining it."""

from __future__ import annotations

from continual_vqa.config.guards import (
    AlignGuard,
    DistilGuard,
    GuardConfig,
    MaskGuard,
    OrthogonalGuard,
    PartShares,
    PenaltyGuard,
)
from continual_vqa.config.importance import ImportanceConfig
from continual_vqa.config.merge import (
    AverageMerge,
    DareMerge,
    MagMaxMerge,
    RunningMerge,
    TaskArithmeticMerge,
    TiesMerge,
)
from continual_vqa.config.recipe import Recipe
from continual_vqa.config.replay import FeaturesReplay, LogitsReplay, QuestionsReplay
from continual_vqa.config.tuning import AdapterTuning, BankTuning

DER = "Buzzega et al., NeurIPS 2020"
VQACL = "Zhang et al., CVPR 2023 (VQACL)"

# Constants that the papers leave open were chosen on the miniature, on a seed of its own, by
# config/ablations/aim.yaml, config/ablations/baselines.yaml and config/ablations/replay.yaml.
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

_ALIGN = AlignGuard()
PAM = "arXiv 2506.03189"

# Methods on low-rank factors, as PAM's paper compares them. Where a merge is made of all tasks'
# weights the tasks are trained from the base, as merging methods were published; MagMax goes on
# from task to task, as its paper does. Constants: config/ablations/pam.yaml.
_LOW_RANK: dict[str, Recipe] = {
    "joint_lora": Recipe(title="Joint, LoRA", paper=PAM, schedule="joint", start="base"),
    "sequential_lora": Recipe(title="Sequential, LoRA", paper=PAM),
    "independent": Recipe(title="Independent per task", paper=PAM, start="base", deploy="own"),
    "independent_inferred": Recipe(
        title="Independent, task inferred",
        paper="control of this project",
        start="base",
        deploy="inferred",
    ),
    "pam": Recipe(title="PAM", paper=PAM, start="merged", guards=(_ALIGN,), deploy=AverageMerge()),
    "average": Recipe(title="Average", paper=PAM, start="merged", deploy=AverageMerge()),
    "running": Recipe(title="Running average", paper=PAM, start="merged", deploy=RunningMerge()),
    "ties": Recipe(
        title="TIES",
        paper="Yadav et al., NeurIPS 2023",
        start="base",
        deploy=TiesMerge(of="all", density=0.5),
    ),
    "dare": Recipe(
        title="DARE", paper="Yu et al., ICML 2024", start="base", deploy=DareMerge(of="all")
    ),
    "task_arithmetic": Recipe(
        title="Task arithmetic",
        paper="Ilharco et al., ICLR 2023",
        start="base",
        deploy=TaskArithmeticMerge(of="all"),
    ),
    "magmax": Recipe(
        title="MagMax", paper="Marczak et al., ECCV 2024", deploy=MagMaxMerge(of="all")
    ),
    "olora": Recipe(
        title="O-LoRA",
        paper="Wang et al., EMNLP Findings 2023",
        start="stacked",
        guards=(OrthogonalGuard(),),
    ),
    "pam_er": Recipe(
        title="PAM + ER",
        paper=PAM,
        start="merged",
        guards=(_ALIGN,),
        replay="examples",
        deploy=AverageMerge(),
    ),
    "pam_lwf": Recipe(
        title="PAM + LwF", paper=PAM, start="merged", guards=(_ALIGN, _LWF), deploy=AverageMerge()
    ),
}

ATLAS = "arXiv 2410.10923"

# Adapters: the bank, one that all tasks share or train one after the other, and none at all.
_ADAPTERS: dict[str, Recipe] = {
    "joint_adapter": Recipe(
        title="Joint, adapter", paper=ATLAS, schedule="joint", start="base", tune=AdapterTuning()
    ),
    "sequential_adapter": Recipe(title="Sequential, adapter", paper=ATLAS, tune=AdapterTuning()),
    "independent_adapter": Recipe(
        title="Adapter per task", paper=ATLAS, tune=AdapterTuning(), start="base", deploy="own"
    ),
    "independent_head": Recipe(
        title="Head per task", paper=ATLAS, tune="head", start="base", deploy="own"
    ),
    "atlas": Recipe(title="ATLAS", paper=ATLAS, tune=BankTuning(), start="stacked", deploy="own"),
    "atlas_inferred": Recipe(
        title="ATLAS, task inferred",
        paper="control of this project",
        tune=BankTuning(),
        start="stacked",
        deploy="inferred",
    ),
}

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
    "der": Recipe(title="DER", paper=DER, replay=LogitsReplay(alpha=10)),
    "der_pp": Recipe(title="DER++", paper=DER, replay=LogitsReplay(alpha=2, beta=1)),
    "vs": Recipe(title="VS", paper="Wan et al., CVPR 2022", replay=FeaturesReplay(strength=10)),
    "quad": Recipe(title="QUAD", paper="arXiv 2502.04469", replay=QuestionsReplay(attention=5)),
    **{
        name: Recipe(title=title, guards=guards, paper=paper)
        for name, title, guards, paper in _GUARDED
    },
    **{
        f"{name}_er": Recipe(title=f"{title} + ER", guards=guards, replay="examples", paper=paper)
        for name, title, guards, paper in _GUARDED
    },
    **{name: recipe.model_copy(update={"tune": "lora"}) for name, recipe in _LOW_RANK.items()},
    **_ADAPTERS,
}
