"""What is deployed after each stage, and who answers which task."""

from __future__ import annotations

from continual_vqa.config.evaluation import EvaluationConfig
from continual_vqa.config.guards import AlignGuard, DistilGuard, OrthogonalGuard
from continual_vqa.config.merge import AverageMerge, MagMaxMerge, TiesMerge
from continual_vqa.config.recipe import Recipe
from continual_vqa.plan.answers import answers_of
from continual_vqa.plan.consolidation import inputs_of, teacher_of
from continual_vqa.plan.paths import Paths
from continual_vqa.plan.stages import Course, Merge, Stage, course_of
from continual_vqa.plan.streams import make_stream

SKILLS = ("recognition", "location", "count")
STREAM = make_stream("published", "none", SKILLS, ("G1", "G2"))
PAIR = Recipe(start="merged", deploy=AverageMerge())
PATHS = Paths("results/test")


def course(recipe: Recipe, seed: int = 0) -> Course:
    return course_of(STREAM, recipe, seed)


def merged(recipe: Recipe, step: int) -> Merge:
    weights = course(recipe).deployed[step]
    assert isinstance(weights, Merge)
    return weights


def test_the_first_deployed_weights_are_the_trained_ones() -> None:
    run = course(PAIR)
    assert run.deployed[0] is run.stages[0]


def test_a_pair_is_what_was_deployed_and_what_is_new() -> None:
    run = course(PAIR)
    assert merged(PAIR, 1).models[0].id == run.stages[0].id
    last = run.deployed[2]
    assert isinstance(last, Merge)
    assert last.models == (run.deployed[1], run.stages[2])
    assert run.stages[2].start is run.deployed[1]
    assert run.stages[2].start.path(PATHS).startswith("results/test/merges/seed-0/02-location-")


def test_all_are_the_trained_weights_of_every_stage() -> None:
    recipe = Recipe(start="base", deploy=TiesMerge(of="all"))
    assert [m.id for m in merged(recipe, 2).models] == [s.id for s in course(recipe).stages]


def test_what_is_deployed_changes_no_training_that_does_not_start_from_it() -> None:
    plain = [stage.id for stage in course(Recipe()).stages]
    assert [s.id for s in course(Recipe(deploy=MagMaxMerge(of="all"))).stages] == plain
    fresh = [stage.id for stage in course(Recipe(start="base")).stages]
    assert [s.id for s in course(Recipe(start="base", deploy="own")).stages] == fresh
    assert not set(plain[1:]) & {stage.id for stage in course(PAIR).stages}


def test_merges_differ_by_their_settings_and_their_inputs() -> None:
    ids = {
        merged(Recipe(start="base", deploy=TiesMerge(of="all", density=density)), 2).id
        for density in (0.1, 0.2, 0.2)
    }
    assert len(ids) == 2
    assert merged(PAIR, 1).id != course(PAIR, seed=1).deployed[1].id


def test_alignment_is_another_run_with_the_same_first_stage() -> None:
    aligned = course(PAIR.model_copy(update={"guards": (AlignGuard(),)}))
    assert aligned.stages[0].id == course(PAIR).stages[0].id
    assert aligned.stages[1].id != course(PAIR).stages[1].id


def test_distillation_is_from_the_weights_that_a_stage_starts_from() -> None:
    run = course(PAIR.model_copy(update={"guards": (DistilGuard(),)}))
    assert teacher_of(run.stages[2]) is run.deployed[1]
    plain = course(Recipe(guards=(DistilGuard(),)))
    assert teacher_of(plain.stages[2]) is plain.stages[1]


def test_stacked_stages_read_all_earlier_ones() -> None:
    recipe = Recipe(start="stacked", guards=(OrthogonalGuard(),))
    first, _, last = course(recipe).stages
    assert first.stack == () == course(Recipe()).stages[2].stack
    assert last.start is None
    assert last.stack == last.past
    assert inputs_of(last, PATHS) == {"stack": [stage.path(PATHS) for stage in last.past]}
    other = course_of(make_stream("reversed", "none", SKILLS, ("G1", "G2")), recipe, 0).stages
    assert last.id not in {stage.id for stage in other}


def test_each_task_is_answered_by_its_own_stage() -> None:
    recipe = Recipe(start="base", deploy="own")
    run = course(recipe)
    answers = answers_of(STREAM, recipe, run, EvaluationConfig())
    assert [len(step) for step in answers] == [1, 2, 3]
    for step in answers:
        for one in step:
            assert isinstance(one.weights, Stage)
            assert {cell.split("/")[1] for cell in one.cells} == {one.weights.task}


def test_merged_weights_answer_all_tasks_so_far() -> None:
    answers = answers_of(STREAM, PAIR, course(PAIR), EvaluationConfig())
    assert [one.weights.id for (one,) in answers] == [w.id for w in course(PAIR).deployed]
    assert [len(one.cells) for (one,) in answers] == [2, 4, 6]
