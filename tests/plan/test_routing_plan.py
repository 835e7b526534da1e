"""Questions whose task is inferred: what is trained, counted, routed and answered for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from continual_vqa.config.evaluation import EvaluationConfig
from continual_vqa.config.load import ConfigError, load_study
from continual_vqa.config.recipes import RECIPES
from continual_vqa.plan.answers import Answers, answers_of
from continual_vqa.plan.paths import Paths
from continual_vqa.plan.stages import course_of
from continual_vqa.plan.streams import Stream, make_stream
from continual_vqa.plan.study_plan import Plan

SKILLS = ("recognition", "location", "count")
GROUPS = ("G1", "G2", "G3")
STREAM = make_stream("published", "none", SKILLS, GROUPS)
REVERSED = make_stream("reversed", "none", SKILLS, GROUPS)
PATHS = Paths("results/test")
PAIRS = {"atlas": "atlas_inferred", "independent": "independent_inferred"}


def plan(*recipes: str, **stream: object) -> Plan:
    backbone = {"lora": {"rank": 4}}
    chosen = {"skills": ["location", "count", "color"], "held_out": ["none", "G2"], **stream}
    return Plan(load_study({"recipes": list(recipes), "backbone": backbone, "stream": chosen}))


def answers(name: str, stream: Stream = STREAM, seed: int = 0, **evaluation: object):
    config = EvaluationConfig.model_validate(evaluation)
    return answers_of(stream, RECIPES[name], course_of(stream, RECIPES[name], seed), config)


def last(name: str, stream: Stream = STREAM, seed: int = 0) -> Answers:
    return answers(name, stream, seed)[-1][0]


@pytest.mark.parametrize("given", PAIRS)
def test_inferring_costs_not_one_more_training_job(given: str) -> None:
    alone, both = plan(given), plan(given, PAIRS[given])
    assert list(both.stages) == list(alone.stages)
    assert len(both.runs) == 2 * len(alone.runs)
    assert not alone.words and not alone.routed and "routing" not in alone.tables
    assert both.routed and "routing" in both.tables


@pytest.mark.parametrize("name", PAIRS.values())
def test_each_step_answers_all_tasks_so_far_among_their_stages(name: str) -> None:
    stages = course_of(STREAM, RECIPES[name], 0).stages
    for step, (one,) in enumerate(answers(name), start=1):
        assert [stage.id for stage in one.among] == [stage.id for stage in stages[:step]]
        assert one.cells == STREAM.test_cells("test", 1, step)
        assert [words.task for words in one.words] == list(SKILLS[:step])
        assert set(one.models(PATHS)) == {stage.path(PATHS) for stage in stages[:step]}


def test_arguments_name_every_model_with_its_task_and_what_lies_below() -> None:
    bank, alone = last("atlas_inferred"), last("independent_inferred")
    models = [stage.path(PATHS) for stage in bank.among]
    among = [f"{task}={model}" for task, model in zip(SKILLS, models, strict=True)]
    routes = ["--routes", f"results/test/routes/{bank.id}.parquet"]
    assert bank.arguments(PATHS) == [*routes, "--among", *among, "--stack", *models[:2]]
    assert "--stack" not in alone.arguments(PATHS)
    given = answers("atlas")[-1][-1]
    assert given.arguments(PATHS) == ["--model", models[2], "--stack", *models[:2]]
    assert given.routes(PATHS) == []


def test_the_words_of_a_task_are_its_own_whatever_the_order_and_the_seed() -> None:
    ids = {words.task: words.id for words in last("atlas_inferred").words}
    assert ids == {words.task: words.id for words in last("atlas_inferred", REVERSED, 7).words}
    assert ids == {words.task: words.id for words in last("independent_inferred").words}
    held = make_stream("published", "G2", SKILLS, GROUPS)
    novel = {words.task: words.id for words in last("atlas_inferred", held).words}
    assert novel["recognition"] == ids["recognition"]
    assert novel["location"] != ids["location"] and novel["count"] != ids["count"]


def test_answers_are_known_by_the_models_that_they_are_chosen_among() -> None:
    first, second, third = STREAM.tasks
    one = last("independent_inferred")
    other = last("independent_inferred", replace(STREAM, tasks=(second, first, third)))
    # Trained from the base, the last stage is the same whatever was learned before.
    assert one.weights.id == other.weights.id and one.id != other.id
    given = [a.id for a in answers("independent")[-1]]
    assert one.id not in given and one.id == last("independent_inferred").id


def test_after_other_steps_the_new_task_alone_is_asked() -> None:
    found = [one for (one,) in answers("atlas_inferred", every=2)]
    assert [len(one.cells) for one in found] == [3, 6, 9]
    assert [len(one.among) for one in found] == [1, 2, 3]
    (first, *_) = (one for (one,) in answers("atlas_inferred", every=3))
    assert first.cells == STREAM.test_cells("test", 1, 1)
    future = answers("atlas_inferred", tasks="all")[0][0]
    assert len(future.cells) == 9 and len(future.among) == 1


def test_every_run_lists_its_routes_step_by_step() -> None:
    found = plan("sequential", "atlas_inferred", "atlas")
    rows = found.routed
    assert {row["recipe"] for row in rows} == {"atlas_inferred"}
    assert [row["step"] for row in rows] == [1, 2, 3] * 2
    assert len(found.words) == 5  # two of the three tasks lose a group in the second stream


def test_the_probe_needs_one_checkpoint_for_all_tasks() -> None:
    raw = {"recipes": ["independent_inferred"], "backbone": {"lora": {"rank": 4}}}
    with pytest.raises(ConfigError, match="whose last checkpoint answers all tasks"):
        load_study({**raw, "probe": {"recipes": ["independent_inferred"]}})
