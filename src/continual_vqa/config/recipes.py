"""The recipes table: every method that a config can name without defining it."""

from __future__ import annotations

from continual_vqa.config.recipe import Recipe

VQACL = "Zhang et al., CVPR 2023 (VQACL)"

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
}
