from analysis.masked_studies import variants
from continual_vqa.analysis.settings_grid import grid_of
from continual_vqa.config.recipe import Recipe


def masks(*guards: dict) -> dict[str, Recipe]:
    made = [Recipe.model_validate({"guards": [{"kind": "mask", **g}]}) for g in guards]
    return {f"v{number}": recipe for number, recipe in enumerate(made)}


def both(value: float) -> dict[str, float]:
    return {"vision": value, "language": value}


def test_a_full_grid_has_a_line_for_each_value_of_the_other_setting():
    grid = grid_of(variants())
    assert (grid.setting, grid.values) == ("budget", ("0.25", "0.5", "0.75"))
    assert {label: list(line) for label, line in grid.lines.items()} == {
        "strength 0.5": list(grid.values),
        "strength 1": list(grid.values),
    }


def test_a_star_names_what_each_line_changes():
    grid = grid_of(
        masks(
            {"budget": both(0.5)},
            {"budget": both(0.8)},
            {"budget": {"vision": 0.3, "language": 0.8}},
            {"budget": both(0.8), "scope": "global"},
            {"budget": both(0.8), "accumulate": "union"},
        )
    )
    assert grid.values == ("0.3/0.8", "0.5", "0.8")
    assert list(grid.lines) == [
        "accumulate max, scope per_part",
        "scope global",
        "accumulate union",
    ]
    assert grid.lines["scope global"] == {"0.8": "v3"}


def test_settings_that_change_together_are_one():
    grid = grid_of(
        masks(*({"budget": both(b), "strength": both(b), "decay": b} for b in (0.1, 0.2, 1)))
    )
    assert (grid.setting, grid.values) == ("budget = decay = strength", ("0.1", "0.2", "1"))
    assert list(grid.lines) == [""]


def test_words_are_settings_too_and_equal_recipes_keep_their_names():
    scopes = grid_of(masks({"scope": "global"}, {}))
    assert (scopes.setting, scopes.values) == ("scope", ("global", "per_part"))
    assert grid_of(masks({}, {})).lines == {"": {"v0": "v0", "v1": "v1"}}
