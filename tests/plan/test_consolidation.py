"""What stages need of those before them, and what methods share."""

from __future__ import annotations

import pytest

from continual_vqa.config.guards import DistilGuard, MaskGuard, PartShares, PenaltyGuard
from continual_vqa.config.importance import ImportanceConfig
from continual_vqa.config.load import load_study
from continual_vqa.config.recipe import Recipe
from continual_vqa.config.replay import FeaturesReplay, LogitsReplay, QuestionsReplay
from continual_vqa.plan.consolidation import (
    importances_of,
    inputs_of,
    logits_of,
    masks_of,
    memory_of,
    teacher_of,
)
from continual_vqa.plan.paths import Paths
from continual_vqa.plan.stages import Stage, course_of
from continual_vqa.plan.streams import make_stream
from continual_vqa.plan.study_plan import Plan

STREAM = make_stream("published", "none", ("location", "count", "color"), ("G1", "G2"))


def stages(recipe: Recipe, seed: int = 0) -> tuple[Stage, ...]:
    return course_of(STREAM, recipe, seed).stages


def plan(**raw: object) -> Plan:
    return Plan(load_study({"name": "t", **raw}))


def test_the_first_stage_needs_nothing() -> None:
    recipe = Recipe(guards=(PenaltyGuard(), MaskGuard(), DistilGuard()), replay="examples")
    first = stages(recipe)[0]
    assert not masks_of(first)
    assert not importances_of(first)
    assert teacher_of(first) is None
    assert memory_of(first) is None


def test_a_later_stage_needs_all_that_its_guards_read() -> None:
    recipe = Recipe(guards=(PenaltyGuard(), MaskGuard(), DistilGuard()), replay="examples")
    one, two, three = stages(recipe)
    (mask,) = masks_of(three)
    assert mask.past == (one, two)
    assert [i.stage for i in importances_of(three)] == [one, two]
    assert teacher_of(three) is two
    memory = memory_of(three)
    assert memory is not None
    assert set(memory.cells) == {*one.cells, *two.cells}


def test_the_same_measurement_after_the_same_stage_is_one_file() -> None:
    made = plan(recipes=["ewc", "aim", "aim_global"], stream={"held_out": ["none"]})
    first = [path for path, i in made.importances.items() if i.stage.step == 1]
    assert len(first) == 1
    # Two masks after it: one for each scope.
    assert sum(mask.past[-1].step == 1 for mask in made.masks.values()) == 2


@pytest.mark.parametrize(
    ("change", "same_file"),
    [
        ({"strength": PartShares(vision=0.1, language=0.1)}, True),
        ({"directional": 0.5}, True),
        ({"budget": PartShares(vision=0.1, language=0.1)}, False),
        ({"scope": "global"}, False),
        ({"importance": ImportanceConfig(samples=7)}, False),
    ],
)
def test_a_mask_is_named_by_what_its_file_depends_on(change: dict, same_file: bool) -> None:
    past = stages(Recipe())[:1]

    def digest(guard: MaskGuard) -> str:
        stage = stages(Recipe(guards=(guard,)))[1]
        assert [s.id for s in stage.past] == [s.id for s in past]
        return masks_of(stage)[0].digest

    assert (digest(MaskGuard()) == digest(MaskGuard(**change))) is same_file


def test_memories_are_shared_by_methods_and_differ_by_seed() -> None:
    made = plan(recipes=["er", "ewc_er"], seeds=[0, 1], stream={"held_out": ["none"]})
    # Five skills: four later steps for each of two seeds, whatever the method.
    assert len(made.memories) == 8


def test_the_arguments_of_a_guarded_stage_name_existing_rows() -> None:
    made = plan(recipes=["aim_er", "lwf"], stream={"held_out": ["none"]})
    for stage in made.stages.values():
        inputs = made.guard_inputs(stage)
        assert set(inputs.get("masks", ())) <= made.masks.keys()
        assert set(inputs.get("importance", ())) <= made.importances.keys()
        arguments = made.guard_arguments(stage)
        assert ("--memory-cells" in arguments) == ("memory" in inputs)
        assert stage.step > 1 or not arguments


def test_planning_many_steps_stays_cheap() -> None:
    # Each stage knows all earlier ones: a comparison that walks them would take exponential time.
    recipe = Recipe(guards=(MaskGuard(), PenaltyGuard()))
    stream = make_stream("published", "none", [f"s{i}" for i in range(40)], ("G1",))
    long = course_of(stream, recipe, 0).stages
    assert len(dict.fromkeys(long, 0)) == 40
    assert len(importances_of(long[-1])) == 39


def test_logits_are_stored_once_for_what_each_task_keeps() -> None:
    one, two, three = stages(Recipe(replay=LogitsReplay()))
    first, second = logits_of(three)
    assert (first.stage, second.stage) == (one, two)
    # A task keeps most while it is the last one: the file holds that.
    assert set(first.memory.cells) == set(one.cells)
    assert set(second.memory.cells) == {*one.cells, *two.cells}
    (alone,) = logits_of(two)
    paths = Paths("results/t")
    assert alone.path(paths) == first.path(paths)
    assert logits_of(one) == ()
    assert inputs_of(three, paths)["logits"] == [first.path(paths), second.path(paths)]


def test_replayed_logits_are_shared_by_methods_with_the_same_first_stage() -> None:
    made = plan(recipes=["der", "der_pp", "er"], stream={"held_out": ["none"]})
    firsts = [logits for logits in made.logits.values() if logits.stage.step == 1]
    assert len(firsts) == 1
    memories = {memory.id for memory in made.memories.values()}
    assert len(memories) == 4  # for the second to the fifth task, whatever is done with them
    assert {logits.memory.id for logits in made.logits.values()} <= memories


@pytest.mark.parametrize("replay", [QuestionsReplay(), FeaturesReplay()])
def test_the_model_before_answers_past_questions_and_keeps_its_states(
    replay: QuestionsReplay | FeaturesReplay,
) -> None:
    one, two, _ = stages(Recipe(replay=replay))
    assert teacher_of(two) is one
    assert teacher_of(one) is None
    alone = stages(Recipe(start="base", replay=replay))
    assert teacher_of(alone[2]) is alone[1]


def test_the_cells_of_all_memories_are_herded_where_the_memory_is_chosen_so() -> None:
    def made(choice: str, recipe: str) -> Plan:
        return plan(recipes=[recipe], stream={"held_out": ["none"]}, replay={"choice": choice})

    herded = made("herding", "er")
    assert set(herded.herded) == {c for memory in herded.memories.values() for c in memory.cells}
    assert made("random", "er").herded == made("herding", "sequential").herded == []
