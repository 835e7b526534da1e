"""Published numbers beside a study's: what is paired, what is comparable, table and figure."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
import yaml

from analysis.masked_studies import masked_results
from analysis.merged_studies import ORDERS, merged_study
from analysis.merged_studies import RECIPES as MERGED
from analysis.studies import write_study
from continual_vqa.analysis.aggregate import aggregate
from continual_vqa.analysis.figures.registry import draw
from continual_vqa.analysis.figures.style import Style, save
from continual_vqa.analysis.published import Row, beside, in_short
from continual_vqa.analysis.runs import parse_runs
from continual_vqa.analysis.study_results import Results
from continual_vqa.analysis.table_formats import as_csv, as_latex, as_markdown
from continual_vqa.analysis.tables import TABLES
from continual_vqa.config.figures import FiguresConfig
from continual_vqa.config.study import Study
from continual_vqa.errors import UserError
from continual_vqa.plan.reporting import TABLES as PLANNED
from continual_vqa.plan.study_plan import Plan

GROUPS = [f"G{n}" for n in range(1, 6)]
AS_VQACL = {
    "data": {"dataset": "vqav2", "taxonomy": "vqacl-published", "splits": "karpathy"},
    "stream": {"skills": "all", "held_out": ["none", *GROUPS]},
    "backbone": {"vision": {"kind": "regions"}},
    "training": {"epochs": 3, "batch_size": 80, "lr": 1e-4},
    "replay": {"size": 5000},
    "published": ["vqacl", "pam"],
}


def like_vqacl(**changes: dict) -> Plan:
    """A study as VQACL's was, but for the keys of `changes`."""
    blocks = {key: {**AS_VQACL[key], **value} for key, value in changes.items()}
    return Plan(Study.model_validate(AS_VQACL | blocks))


def with_published(results: Results, plan: Plan) -> Results:
    row = PLANNED["published"]
    files, study = plan.published_by(row), plan.told(row)
    return dataclasses.replace(results, published=files, study=study)


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Results:
    content = write_study(tmp_path_factory.mktemp("study"), seeds=(0, 1), questions=10)
    return Results(*aggregate(parse_runs(content, "runs.json")))


def rows(results: Results, plan: Plan) -> dict[tuple[str, str], Row]:
    return {(row.setting, row.title): row for row in beside(with_published(results, plan))}


def test_a_study_as_the_published_one_is_comparable(results) -> None:
    found = rows(results, like_vqacl())
    comparable = {setting for (setting, _), row in found.items() if not row.differences}
    assert comparable == {"VQA v2, standard", "VQA v2, novel"}
    assert found["NExT-QA, standard", "ER"].differences == ("NExT-QA asks about videos",)
    assert found["CoIN, 3 orders", "PAM†"].differences == ("the tasks of CoIN have no reader",)
    table = TABLES["published"](with_published(results, like_vqacl()))
    assert table.rows[0][0] == ("VQACL", "VQA v2, standard", "Joint", "yes")
    assert "What no config tells: published runs re-initialise the T5 weights" in table.note


@pytest.mark.parametrize(
    ("changes", "title", "difference"),
    [
        ({"data": {"dataset": "miniature"}}, "Joint", "data.dataset is miniature"),
        ({"stream": {"held_out": GROUPS}}, "EWC", "stream.held_out lacks none"),
        ({"stream": {"orders": ["reversed"]}}, "EWC", "stream.orders lacks published"),
        ({"stream": {"skills": ["count", "color"]}}, "EWC", "stream.skills lacks all"),
        ({"stream": {"downstream": ["causal"]}}, "EWC", "stream.skills lacks all"),
        ({"training": {"lr": 2e-4}}, "Joint", "training.lr is 0.0002"),
        ({"replay": {"size": 100}}, "ER", "replay.size is 100"),
        ({"replay": {"size": 100}}, "EWC", None),
        ({"stream": {"orders": ["published", "reversed"]}}, "EWC", None),
    ],
)
def test_a_difference_is_told_by_its_key(results, changes, title, difference) -> None:
    found = rows(results, like_vqacl(**changes))["VQA v2, standard", title].differences
    assert found == (() if difference is None else (difference,))


def test_all_skills_by_name_are_all(results) -> None:
    skills = list(reversed(like_vqacl().taxonomy.skills))
    found = rows(results, like_vqacl(stream={"skills": skills, "groups": GROUPS}))
    assert found["VQA v2, standard", "Joint"].differences == ()


def test_novel_numbers_need_all_groups_held_out(results) -> None:
    found = rows(results, like_vqacl(stream={"held_out": ["none", "G1", "G3"]}))
    assert found["VQA v2, standard", "EWC"].differences == ()
    assert found["VQA v2, novel", "EWC"].differences == ("stream.held_out lacks G2, G4, G5",)


def test_many_differences_are_counted() -> None:
    assert in_short("abc") == "a; b; c"
    assert in_short("abcde") == "a; b; c; 2 more"


def test_numbers_stand_beside_those_of_the_same_recipe(results) -> None:
    found = rows(results, like_vqacl())
    ewc = found["VQA v2, standard", "EWC"]
    assert (ewc.published["AP"].mean, ewc.published["AF"].mean) == (15.77, 30.62)
    assert ewc.ours["AP"] == results.estimate("published", "ewc", "AP")
    novel = found["VQA v2, novel", "EWC"]
    assert novel.ours["AF"] == results.estimate("published-novel-G3", "ewc", "novel_AF")
    assert math.isnan(found["VQA v2, standard", "ER"].ours["AP"].mean)
    assert found["VQA v2, standard", "MacVQA†"].recipe == ""
    pam = found["CoIN, 3 orders", "PAM†"].published
    assert (pam["AP"].low, pam["AP"].high) == pytest.approx((48.23, 51.55))
    assert set(pam) == {"AP", "BWT"}


def test_ours_are_means_over_the_orders_where_no_order_was_published() -> None:
    study = merged_study({"pam": MERGED["pam"]}, ORDERS[:2])
    streams = study.streams(novel=False)
    row = rows(study, like_vqacl())["CoIN, 3 orders", "PAM†"]
    by_seed = [study.by_seed(stream, "pam", "AP") for stream in streams]
    assert len(streams) == 2 and row.ours["AP"].count == len(by_seed[0])
    assert row.ours["AP"].mean == pytest.approx(
        sum(sum(values.values()) for values in by_seed) / sum(map(len, by_seed))
    )


def test_table_shows_both_and_leaves_out_what_only_we_have(results) -> None:
    table = TABLES["published"](with_published(results, like_vqacl(training={"epochs": 1})))
    assert [column.heading for column in table.columns] == [
        *("published AP (%)", "our AP (%)", "published AF (points)", "our AF (points)"),
        *("published BWT (points)", "our BWT (points)"),
    ]
    text = as_markdown(table)
    assert "| VQACL | VQA v2, standard | ER | no: training.epochs is 1 | 36.99 | – | 5.99 |" in text
    assert "What no config tells" not in text and "2 seeds" in table.note
    assert all("†" in form(table) for form in (as_csv, as_latex, as_markdown))


def test_figure_says_what_is_comparable_and_has_the_same_bytes_twice(tmp_path) -> None:
    plan = like_vqacl(replay={"size": 100}, stream={"held_out": ["none", "G3"]})
    study = with_published(masked_results(tmp_path, ("sequential", "er", "joint")), plan)
    style = Style(FiguresConfig(dpi=100, width="page"))
    figure = draw("published", study, style)
    titles = [axes.get_title(loc="left").replace("\n", " ") for axes in figure.axes]
    assert len(titles) == 5
    assert titles[0].startswith("Comparable by its config; also: published runs")
    assert titles[0].endswith("But ER: replay.size is 100.")
    assert titles[1] == "Not comparable: stream.held_out lacks G1, G2, G4, G5."
    assert titles[2] == "Not comparable: NExT-QA asks about videos."
    written = []
    for _ in range(2):
        pdf, png = tmp_path / "f.pdf", tmp_path / "f.png"
        save(draw("published", study, style), style, pdf, png)
        written.append((pdf.read_bytes(), png.read_bytes()))
    assert written[0] == written[1]


def test_a_figure_needs_an_average_accuracy(results, tmp_path) -> None:
    setting = {"title": "S", "metrics": {"forgetting": "AF"}, "cannot_run": "a test"}
    one = {"er": {"title": "ER", "recipe": "er"}}
    file = {"title": "x", "paper": "x", "table": "x", "methods": one}
    file["settings"] = {"s": {**setting, "rows": {"er": {"forgetting": 5}}}}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(file))
    study = dataclasses.replace(results, published=[str(path)])
    assert len(TABLES["published"](study).columns) == 2
    with pytest.raises(UserError, match="tell no AP"):
        draw("published", study, Style(FiguresConfig()))


def test_missing_and_wrong_files_are_told(results, tmp_path) -> None:
    for name in ("table", "figure"):
        with pytest.raises(UserError, match="--published"):
            if name == "table":
                TABLES["published"](results)
            else:
                draw("published", results, Style(FiguresConfig()))
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"title": "x"}))
    with pytest.raises(UserError, match=r"mine.yaml: .*methods: Field required"):
        beside(dataclasses.replace(results, published=[str(path)]))
    with pytest.raises(UserError, match="--study: holds no keys"):
        beside(dataclasses.replace(results, published=["pam"], study="[]"))
    with pytest.raises(UserError, match="--study"):
        beside(dataclasses.replace(results, published=["pam"], study="{"))


def test_a_key_that_is_not_told_is_a_difference(results) -> None:
    study = json.dumps({"data.dataset": "vqav2"})
    row = beside(dataclasses.replace(results, published=["vqacl"], study=study))[0]
    assert row.differences[0] == "data.taxonomy is not told"
