import dataclasses
import io

import pytest
from PIL import Image

from analysis.banked_studies import banked_study
from analysis.masked_studies import masked_results, variants
from analysis.merged_studies import ORDERS, merged_study, sweep
from analysis.merged_studies import RECIPES as MERGED
from analysis.studies import write_study
from analysis.transferred import transferred
from continual_vqa.analysis.aggregate import aggregate
from continual_vqa.analysis.differences import differences
from continual_vqa.analysis.figures.ap_over_steps import MOST_LINES
from continual_vqa.analysis.figures.damage import regained
from continual_vqa.analysis.figures.registry import draw
from continual_vqa.analysis.figures.style import INCHES, Style, save
from continual_vqa.analysis.runs import parse_runs
from continual_vqa.analysis.study_results import Results
from continual_vqa.config.figures import FiguresConfig
from continual_vqa.config.recipes import RECIPES
from continual_vqa.errors import UserError
from continual_vqa.plan.reporting import FIGURES, MANY_TASKS


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("study"), seeds=(0, 1), questions=10)


@pytest.fixture(scope="module")
def results(content):
    return Results(*aggregate(parse_runs(content, "runs.json")))


@pytest.fixture(scope="module")
def masked(tmp_path_factory):
    return masked_results(tmp_path_factory.mktemp("masked"))


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    found = variants()
    return masked_results(tmp_path_factory.mktemp("swept"), tuple(found), (0,), found)


@pytest.fixture(scope="module")
def merged():
    """The studies that figures of merges, of orders and of many tasks are about."""
    few = {name: MERGED[name] for name in ("average", "pam", "joint_lora")}
    return {
        "align": merged_study(few, ORDERS[:2]),
        "align_sweep": merged_study(sweep(("zero",)), ORDERS[:1]),
        "many": merged_study(few, ORDERS[:1], tasks=MANY_TASKS),
    }


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A study with replay and without, and the differences."""
    made = {n: (n, "continual", 0.8, 0.1) for n in ("sequential", "er", "ewc", "aim")}
    content = write_study(tmp_path_factory.mktemp("compared"), (0, 1), 10, made)
    study = parse_runs(content, "runs.json")
    return Results(*aggregate(study), {"differences": differences(study, 20)})


@pytest.fixture(scope="module")
def banked():
    return banked_study()


@pytest.fixture
def suited(request):
    """A study that has what a figure needs."""
    row = FIGURES[request.node.callspec.params["name"]]
    if row.over_orders or row.needs == "merge":
        return request.getfixturevalue("merged")["align"]
    if row.fewest_tasks == MANY_TASKS:
        return request.getfixturevalue("merged")["many"]
    if row.needs in ("align", "align_sweep"):
        return request.getfixturevalue("merged")[row.needs]
    if row.needs == "bank":
        return request.getfixturevalue("banked")
    if row.needs == "pair":
        return request.getfixturevalue("compared")
    if row.published:
        return dataclasses.replace(request.getfixturevalue("masked"), published=["vqacl", "pam"])
    if row.downstream:
        return transferred(request.getfixturevalue("masked"))
    return request.getfixturevalue("swept" if row.needs == "variants" else "masked")


def drawn(results, name, folder, **settings):
    style = Style(FiguresConfig(dpi=100, **settings))
    pdf, png = folder / f"{name}.pdf", folder / f"{name}.png"
    save(draw(name, results, style), style, pdf, png)
    return pdf.read_bytes(), png.read_bytes()


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_has_the_same_bytes_twice_and_the_width_of_a_column(suited, name, tmp_path):
    pdf, png = drawn(suited, name, tmp_path)
    assert (pdf, png) == drawn(suited, name, tmp_path)
    assert pdf.startswith(b"%PDF") and b"CreationDate" not in pdf
    assert Image.open(io.BytesIO(png)).width == round(100 * INCHES["column"])


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """More recipes than one panel or one row of dots can tell apart."""
    known = {n: r for n, r in RECIPES.items() if r.tune in ("default", "lora")}
    made = {n: (r.title, r.schedule, 0.8, 0.1) for n, r in known.items()}
    content = write_study(tmp_path_factory.mktemp("many"), (0, 1), 5, made)
    return Results(*aggregate(parse_runs(content, "runs.json")))


def test_many_recipes_share_panels_of_as_many_lines_as_there_are_colours(many):
    figure = draw("ap_over_steps", many, Style(FiguresConfig()))
    shown = [[t.get_text() for t in axes.get_legend().get_texts()] for axes in figure.axes]
    assert len(shown) > 2 and all(1 <= len(titles) <= MOST_LINES for titles in shown)
    assert sorted(t for titles in shown for t in titles) == sorted(many.titles.values())
    tuned = {title: many.slots[name].tune for name, title in many.titles.items()}
    assert all(len({tuned[title] for title in titles}) == 1 for titles in shown)


def test_the_forgetting_of_many_recipes_is_a_heat_map_of_means(many):
    figure = draw("forgetting", many, Style(FiguresConfig(width="page")))
    axes = figure.axes[0]
    recipes = [r for r in many.recipes("published") if not many.is_joint("published", r)]
    assert [t.get_text() for t in axes.get_yticklabels()] == [many.titles[r] for r in recipes]
    tasks = many.tasks("published")[:-1]
    expected = [many.estimate("published", r, "forgetting", t).mean for r in recipes for t in tasks]
    shown = [t.get_text().replace("−", "-") for t in axes.texts]
    assert shown == [f"{round(value)}" for value in expected]
    assert "2 seeds, no interval" in " ".join(texts(figure))


def test_settings_change_the_figure(results, tmp_path):
    plain = drawn(results, "ap_over_steps", tmp_path)[1]
    assert drawn(results, "ap_over_steps", tmp_path, colours=("#123456",))[1] != plain
    wide = drawn(results, "ap_over_steps", tmp_path, width="page")[1]
    assert Image.open(io.BytesIO(wide)).width == round(100 * INCHES["page"])


def texts(figure):
    found = [t.get_text() for t in figure.texts]
    for axes in figure.axes:
        found += [t.get_text() for t in axes.texts]
    return found


def test_a_figure_says_the_seeds_and_the_interval(results):
    for name in ("ap_over_steps", "forgetting", "composition"):
        head = " ".join(texts(draw(name, results, Style(FiguresConfig()))))
        assert "2 seeds" in head and "95 % t interval over seeds" in head


def test_the_matrix_shows_the_rounded_means_of_the_evaluated_cells(results):
    figure = draw("matrix", results, Style(FiguresConfig()), recipe="ewc")
    matrix = results.matrices("published", "ewc").mean(axis=0)
    shown = [t.get_text() for t in figure.axes[0].texts]
    assert shown == [f"{value:.0f}" for value in matrix.ravel() if value == value]


def test_colour_is_never_the_only_mark():
    style = Style(FiguresConfig())
    marks = {(style.colour(n), style.marker(n)) for n in range(20)}
    assert len(marks) == 20


def test_a_joint_recipe_alone_can_be_drawn(content, tmp_path):
    joint = {**content, "runs": [r for r in content["runs"] if r["recipe"] == "joint"]}
    results = Results(*aggregate(parse_runs(joint, "runs.json")))
    for name, row in FIGURES.items():
        if row.for_all:
            drawn(results, name, tmp_path)


@pytest.mark.parametrize("name", [name for name, row in FIGURES.items() if row.needs])
def test_a_study_without_what_a_figure_needs_is_refused(name, content, masked):
    joint = {**content, "runs": [r for r in content["runs"] if r["recipe"] == "joint"]}
    results = Results(*aggregate(parse_runs(joint, "runs.json")), masked.further)
    with pytest.raises(UserError, match=f"figure '{name}' is about recipes"):
        draw(name, results, Style(FiguresConfig()))


@pytest.mark.parametrize("name", [name for name, row in FIGURES.items() if row.reads])
def test_a_missing_table_is_named(name, masked):
    results = Results(masked.metrics, masked.summary)
    with pytest.raises(UserError, match=f"--{FIGURES[name].reads[0]}"):
        draw(name, results, Style(FiguresConfig()))


def test_the_thresholds_of_the_mask_and_of_its_control_are_marked(masked):
    figure = draw("importance", masked, Style(FiguresConfig()))
    vision = [line.get_xdata()[0] for line in figure.axes[0].lines]
    assert vision == pytest.approx([-6.4, -7.8])
    assert "language (9 % zero)" in figure.axes[1].texts[0].get_text()


def test_overlap_says_what_chance_would_share(masked):
    figure = draw("mask_overlap", masked, Style(FiguresConfig()), recipe="aim")
    assert "33 % in vision and 33 % in language" in " ".join(texts(figure))
    assert "100" in [t.get_text() for t in figure.axes[0].texts]


def test_damage_adds_what_each_part_gives_back(masked):
    rows = masked.rows("damage", "published")
    gains = [regained(rows, "aim", part).mean for part in ("vision", "language", "both")]
    assert gains == pytest.approx([4, 9, 15], abs=1.5)


def test_baselines_put_replay_below_the_same_method(tmp_path):
    names = ("sequential", "ewc", "er", "ewc_er", "joint")
    figure = draw("baselines", masked_results(tmp_path, names), Style(FiguresConfig()))
    labels = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert labels == ["Sequential", "ER", "EWC", "EWC + ER"]


def test_unknown_names_are_refused(results):
    style = Style(FiguresConfig())
    for arguments, message in (
        (("nothing", results, style), "unknown figure 'nothing'"),
        (("matrix", results, style, "nothing"), "unknown stream 'nothing'"),
        (("matrix", results, style, "published", "nothing"), "unknown recipe 'nothing'"),
    ):
        with pytest.raises(UserError, match=message):
            draw(*arguments)


def test_compositions_need_a_held_out_stream(content):
    standard = {**content, "runs": [r for r in content["runs"] if r["held_out"] == "none"]}
    results = Results(*aggregate(parse_runs(standard, "runs.json")))
    with pytest.raises(UserError, match="needs a stream with a held-out"):
        draw("composition", results, Style(FiguresConfig()))
