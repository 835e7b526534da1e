"""Shared work is one stage; different work never is."""

from __future__ import annotations

from continual_vqa.config.evaluation import EvaluationConfig
from continual_vqa.config.guards import MaskGuard, PenaltyGuard
from continual_vqa.config.recipe import Recipe
from continual_vqa.plan.answers import answers_of
from continual_vqa.plan.stages import course_of
from continual_vqa.plan.streams import make_stream

SKILLS = ("recognition", "location", "count")
GROUPS = ("G1", "G2", "G3")
STANDARD = make_stream("published", "none", SKILLS, GROUPS)
NOVEL = make_stream("published", "G2", SKILLS, GROUPS)
REVERSED = make_stream("reversed", "none", SKILLS, GROUPS)


def stages_of(stream, recipe, seed):
    return course_of(stream, recipe, seed).stages


def ids(stream=STANDARD, recipe=None, seed=0) -> list[str]:
    return [stage.id for stage in stages_of(stream, recipe or Recipe(), seed)]


def answers(stream=STANDARD, recipe=None, seed=0, tasks="seen"):
    recipe = recipe or Recipe()
    course = course_of(stream, recipe, seed)
    return answers_of(stream, recipe, course, EvaluationConfig(tasks=tasks))


def test_a_continual_run_is_a_chain() -> None:
    stages = stages_of(STANDARD, Recipe(), 0)
    assert [s.task for s in stages] == list(SKILLS)
    assert stages[0].start is None
    assert stages[2].start is stages[1]
    assert set(stages[1].cells) == {f"train/location/{g}" for g in GROUPS}
    assert len(answers()[1][0].cells) == 2 * len(GROUPS)


def test_the_first_stage_is_shared_by_recipes_that_differ_later() -> None:
    sequential, restarted = ids(), ids(recipe=Recipe(start="base"))
    assert sequential[0] == restarted[0]
    assert sequential[1] != restarted[1]


def test_the_first_stage_is_shared_with_the_novel_stream() -> None:
    standard, novel = ids(), ids(NOVEL)
    assert standard[0] == novel[0]
    assert not set(standard[1:]) & set(novel[1:])


def test_joint_is_one_stage_that_no_order_changes() -> None:
    joint = Recipe(schedule="joint", start="base")
    assert len(ids(recipe=joint)) == 1
    assert ids(recipe=joint) == ids(REVERSED, recipe=joint)


def test_names_of_recipes_do_not_matter() -> None:
    assert ids() == ids(recipe=Recipe(title="Other", paper="somewhere"))


def test_what_is_seen_and_the_seed_do() -> None:
    assert not set(ids()) & set(ids(recipe=Recipe(sees="question")))
    assert not set(ids()) & set(ids(seed=1))
    future = [one.id for (one,) in answers(tasks="all")]
    assert not {one.id for (one,) in answers()[:2]} & set(future[:2])


def test_guards_and_replay_act_from_the_second_stage_on() -> None:
    ewc = Recipe(guards=(PenaltyGuard(),))
    aim = Recipe(guards=(MaskGuard(),), replay="examples")
    assert ids()[0] == ids(recipe=ewc)[0] == ids(recipe=aim)[0]
    assert not set(ids()[1:]) & set(ids(recipe=ewc)[1:])
    stages = stages_of(STANDARD, aim, 0)
    assert stages[0].recipe.guards == ()
    assert stages[1].recipe.guards == aim.guards
    assert [past.id for past in stages[2].past] == [stages[0].id, stages[1].id]


def test_a_guarded_stage_from_the_base_is_known_by_what_came_before() -> None:
    one = Recipe(start="base", guards=(PenaltyGuard(),))
    reversed_last = ids(REVERSED, recipe=one)
    assert not set(ids(recipe=one)) & set(reversed_last)
