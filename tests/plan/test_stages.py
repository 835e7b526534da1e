"""Shared work is one stage; different work never is."""

from __future__ import annotations

from continual_vqa.config.evaluation import EvaluationConfig
from continual_vqa.config.guards import MaskGuard, PenaltyGuard
from continual_vqa.config.load import load_study
from continual_vqa.config.recipe import Recipe
from continual_vqa.config.tuning import BankTuning
from continual_vqa.plan.answers import answers_of
from continual_vqa.plan.stages import course_of
from continual_vqa.plan.streams import make_stream
from continual_vqa.plan.study_plan import Plan

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


BANK = Recipe.model_validate(
    {"tune": {"kind": "adapter_bank"}, "start": "stacked", "deploy": "own"}
)


def bank(**changes: object) -> Recipe:
    return BANK.model_copy(update={"tune": BankTuning.model_validate(changes)})


def test_a_bank_learns_each_later_task_in_two_jobs() -> None:
    stages = stages_of(STANDARD, BANK, 0)
    jobs = [[(job.task, job.phase) for job in stage.jobs] for stage in stages]
    phases = ("experience", "expansion")
    assert jobs[0] == [("recognition", "expansion")]
    assert jobs[1:] == [[(task, phase) for phase in phases] for task in SKILLS[1:]]
    asked, grown = stages[2].jobs
    assert asked.start is None and grown.start is asked
    assert asked.stack == grown.stack == stages[:2]
    assert len({job.id for stage in stages for job in stage.jobs}) == 5


def test_the_phases_of_a_bank_are_a_choice() -> None:
    for phase in ("experience", "expansion"):
        stages = stages_of(STANDARD, bank(phases=[phase]), 0)
        assert [stage.jobs for stage in stages] == [(stage,) for stage in stages]
        assert [stage.phase for stage in stages] == ["expansion", phase, phase]


def test_a_later_adapter_depends_on_all_earlier_ones() -> None:
    one, other = (stages_of(stream, BANK, 0) for stream in (STANDARD, REVERSED))
    assert one[1].task == other[1].task
    assert not {job.id for job in one[1].jobs} & {job.id for job in other[1].jobs}


def test_tasks_of_a_bank_are_answered_by_their_own_stage() -> None:
    given = answers(recipe=BANK)
    assert [len(step) for step in given] == [1, 2, 3]
    assert given[2][0] is given[0][0]
    assert [a.weights.stage.task for a in given[2]] == list(SKILLS)


LATER = make_stream("published", "none", SKILLS, GROUPS, downstream=("color",))


def transfer(recipe: Recipe, questions: int = 0):
    (found,) = course_of(LATER, recipe, 0, questions=questions).transfers
    return found


def test_a_downstream_task_goes_on_from_what_the_stream_left() -> None:
    stages = stages_of(LATER, Recipe(), 0)
    assert [s.id for s in stages] == ids()
    found = transfer(Recipe())
    assert found.stage.start.id == stages[-1].id and found.single.start is None
    assert found.stage.task == found.single.task == "color"
    assert found.stage.step == found.single.step == len(SKILLS) + 1
    assert found.stage.cells == found.single.cells
    assert (found.stage.questions, transfer(Recipe(), 7).single.questions) == (0, 7)
    assert transfer(Recipe(), 7).single.id != found.single.id


def test_a_downstream_task_alone_has_no_past() -> None:
    guarded = Recipe.model_validate({"guards": [{"kind": "penalty"}], "replay": "examples"})
    found = transfer(guarded)
    assert found.single.past == () and not found.single.recipe.guards
    assert len(found.stage.past) == len(SKILLS) and found.stage.recipe.guards
    assert transfer(Recipe()).single.id == found.single.id


def test_a_recipe_that_uses_nothing_of_the_stream_learns_a_downstream_task_once() -> None:
    independent = transfer(Recipe(start="base", deploy="own"))
    assert independent.stage is independent.single


def test_a_bank_grows_by_a_downstream_task_on_all_of_the_stream() -> None:
    found = transfer(BANK)
    assert [job.phase for job in found.stage.jobs] == ["experience", "expansion"]
    assert len(found.stage.stack) == len(SKILLS)
    assert found.single.jobs == (found.single,) and found.single.stack == ()


def test_joint_training_is_a_start_like_any_other() -> None:
    joint = Recipe(schedule="joint", start="base")
    found = transfer(joint)
    (stage,) = stages_of(LATER, joint, 0)
    assert found.stage.start.id == stage.id and found.stage.recipe.schedule == "continual"


def test_the_merged_weights_are_what_a_stream_left() -> None:
    merged = Recipe.model_validate({"start": "merged", "deploy": {"kind": "average"}})
    course = course_of(LATER, merged, 0)
    assert course.transfers[0].stage.start is course.deployed[-1]


def test_low_shot_stages_have_epochs_of_their_own() -> None:
    stream = {"skills": ["count", "action"], "downstream": ["color"]}
    few = {"downstream_questions": 32, "downstream_epochs": 40}
    plan = Plan(load_study({"stream": {**stream, **few}, "training": {"epochs": 3}}))
    epochs = {stage.task: plan.training_of(stage).epochs for stage in plan.stages.values()}
    assert epochs == {"count": 3, "action": 3, "joint": 3, "color": 40}
    plan = Plan(load_study({"stream": {**stream, "downstream_questions": 32}}))
    assert {plan.training_of(stage) for stage in plan.stages.values()} == {plan.study.training}
