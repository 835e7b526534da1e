from __future__ import annotations

import random
from collections import Counter, defaultdict

import pyarrow as pa
import pytest

from continual_vqa.config.miniature import MiniatureConfig
from continual_vqa.data.miniature.annotators import NEAR
from continual_vqa.data.miniature.asking import Asked, ask
from continual_vqa.data.miniature.generate import concept_groups, split_questions
from continual_vqa.data.miniature.scenes import random_scene
from continual_vqa.data.miniature.selection import choose
from continual_vqa.data.miniature.skills import SKILLS
from continual_vqa.data.taxonomy import load_taxonomy
from continual_vqa.errors import UserError

CONFIG = MiniatureConfig(size="demo")
# What the best constant answer to each question may reach on new images, per skill.
PRIORS = {
    "recognition": 0.1,
    "location": 0.35,
    "judge": 0.65,
    "commonsense": 0.65,
    "count": 0.45,
    "action": 0.45,
    "color": 0.25,
    "type": 0.3,
    "subcategory": 0.3,
    "causal": 0.3,
}


@pytest.fixture(scope="module")
def asked() -> dict[str, dict[str, list[Asked]]]:
    """split -> skill -> questions of the demo's size, sorted by the templates that asked them."""
    found: dict[str, dict[str, list[Asked]]] = {}
    for subtype, images, number in (("train2014", 300, 120), ("val2014", 150, 40)):
        _, chosen = split_questions(CONFIG, subtype, images, number)
        skills = list(SKILLS)
        by_skill: dict[str, list[Asked]] = defaultdict(list)
        for index, each in enumerate(chosen):
            by_skill[skills[index // number % len(skills)]].append(each.asked)
        found[subtype] = by_skill
    return found


def official_types() -> list[str]:
    rules = load_taxonomy("vqacl-published").file.rules
    return [each for rule in rules for each in rule.when.get("question_type", [])]


def test_question_types_are_the_official_ones(asked: dict) -> None:
    types = official_types()
    for each in {e for skills in asked.values() for found in skills.values() for e in found}:
        words = each.text.lower().rstrip("?")
        longest = max((t for t in types if f"{words} ".startswith(f"{t} ")), key=len)
        assert each.question_type == longest, each


@pytest.mark.parametrize("name", ["vqacl-published", "vqacl-contiguous"])
def test_the_taxonomy_gives_every_question_the_skill_that_asked_it(asked: dict, name: str) -> None:
    taxonomy = load_taxonomy(name)
    for skill, found in asked["train2014"].items():
        table = pa.table(
            {
                "question": [each.text for each in found],
                "question_type": [each.question_type for each in found],
            }
        )
        assert set(taxonomy.assign(table).to_pylist()) == {skill}


@pytest.mark.parametrize("skill", list(SKILLS))
def test_the_question_alone_does_not_tell_the_answer(asked: dict, skill: str) -> None:
    answers: dict[str, Counter] = defaultdict(Counter)
    for each in asked["train2014"][skill]:
        answers[each.text][each.answer] += 1
    overall = Counter(each.answer for each in asked["train2014"][skill])
    right = 0
    for each in asked["val2014"][skill]:
        known = answers.get(each.text, overall)
        right += known.most_common(1)[0][0] == each.answer
    assert right / len(asked["val2014"][skill]) <= PRIORS[skill]


def test_questions_that_are_often_asked_have_several_likely_answers(asked: dict) -> None:
    answers: dict[str, Counter] = defaultdict(Counter)
    for found in asked["train2014"].values():
        for each in found:
            answers[each.text][each.answer] += 1
    for text, counts in answers.items():
        if counts.total() >= 40:
            assert counts.most_common(1)[0][1] / counts.total() <= 0.6, (text, counts)


def test_skills_have_answers_of_their_own(asked: dict) -> None:
    words = {skill: {e.answer for e in found} for skill, found in asked["train2014"].items()}
    for first in words:
        for second in words:
            if first < second and {first, second} != {"judge", "commonsense"}:
                common = words[first] & words[second] - {"yes", "no", "apple", "orange"}
                least = min(len(words[first]), len(words[second]))
                # "What animal is this?" asks for a name as recognition does.
                if {first, second} == {"recognition", "subcategory"}:
                    assert len(common) <= 10
                else:
                    assert len(common) <= 0.1 * least, (first, second, common)


def test_the_vocabulary_is_small_and_every_answer_has_near_ones(asked: dict) -> None:
    answers = {e.answer for skills in asked.values() for f in skills.values() for e in f}
    assert 150 <= len(answers) <= 250
    assert all(len(answer.split()) <= 2 for answer in answers)
    assert all(NEAR[answer] and answer not in NEAR[answer] for answer in answers)


def test_choosing_takes_as_many_as_asked_and_spares_images() -> None:
    rng = random.Random(3)
    pool = [random_scene(rng, concept_groups()["G2"]) for _ in range(80)]
    for template in SKILLS.values():
        chosen = choose(template, pool, 40, random.Random(4))
        assert len(chosen) == 40
        assert max(Counter(each.scene for each in chosen).values()) <= 2
        assert chosen == choose(template, pool, 40, random.Random(4))


def test_too_few_images_are_refused() -> None:
    pool = [random_scene(random.Random(0))]
    with pytest.raises(UserError, match="questions can be asked about 1 images"):
        choose(SKILLS["color"], pool, 9, random.Random(0))


def test_a_question_of_no_official_type_is_a_bug() -> None:
    with pytest.raises(AssertionError, match="none of the types"):
        ask("Say, what color is it?", "red", "what color is")
