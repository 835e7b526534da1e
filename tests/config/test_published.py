"""Files of published numbers: the shipped ones are sound, mistakes in others are named."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from continual_vqa.config.load import ConfigError, load_study
from continual_vqa.config.published import Reported, read_published, shipped_published
from continual_vqa.config.published_checks import misfits
from continual_vqa.errors import UserError

SETTING = {
    "title": "VQA v2",
    "metrics": {"ACC": "AP"},
    "setting": {"data.dataset": ["vqav2"]},
    "rows": {"er": {"ACC": 36.99}},
}
GOOD = {
    "title": "Mine",
    "paper": "a test",
    "table": "1",
    "methods": {"er": {"title": "ER", "recipe": "er"}},
    "settings": {"one": SETTING},
}


def write(folder: Path, content: object) -> str:
    path = folder / "mine.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return str(path)


def changed(**changes: object) -> dict:
    return GOOD | {"settings": {"one": SETTING | changes}}


def test_shipped() -> None:
    assert shipped_published() == ("pam", "vqacl")
    for name in shipped_published():
        assert list(misfits(read_published(name))) == []


@pytest.mark.parametrize(
    ("setting", "method", "numbers"),
    [
        ("vqav2-standard", "joint", {"AP": 51.64}),
        ("vqav2-standard", "sequential", {"AP": 14.49, "AF": 30.80}),
        ("vqav2-standard", "vqacl", {"AP": 38.77, "AF": 3.96}),
        ("vqav2-standard", "macvqa", {"AP": 43.38, "AF": 2.32}),
        ("vqav2-novel", "mas", {"AP": 23.90, "AF": 6.24}),
        ("vqav2-novel", "quad", {"AP": 40.00, "AF": 3.81}),
        ("nextqa-standard", "ewc", {"AP": 13.01, "AF": 24.06}),
        ("nextqa-standard", "quad", {"AP": 31.70, "AF": 2.91}),
        ("nextqa-novel", "der", {"AP": 21.56, "AF": 12.68}),
        ("nextqa-novel", "vs", {"AP": 29.47, "AF": 6.14}),
    ],
)
def test_numbers_of_vqacl(setting: str, method: str, numbers: dict[str, float]) -> None:
    rows = read_published("vqacl").settings[setting].rows
    assert {name: number.mean for name, number in rows[method].items()} == numbers


def test_numbers_of_pam() -> None:
    rows = read_published("pam").settings["coin"].rows
    assert rows["sequential_lora"] == {
        "ACC": Reported(mean=43.36, spread=8.18),
        "BWT": Reported(mean=-39.51),
    }
    assert rows["pam"]["ACC"] == Reported(mean=49.89, spread=1.66)
    shared = [rows[name]["ACC"].mean for name in ("olora", "moelora", "magmax")]
    assert shared == [46.53, 46.59, 45.74]
    assert rows["pam_tall"]["BWT"].mean == -9.27


def test_what_comes_from_notes_says_so() -> None:
    vqacl = read_published("vqacl")
    assert {n for n, m in vqacl.methods.items() if m.from_notes} == {"quad", "macvqa"}
    assert all(method.from_notes for method in read_published("pam").methods.values())
    assert not vqacl.settings["nextqa-novel"].rows.keys() & {"quad", "macvqa"}


def test_metrics_have_our_names_and_other_worlds_cannot_be_run() -> None:
    (coin,) = read_published("pam").settings.values()
    assert coin.metrics == {"ACC": "AP", "BWT": "BWT"} and coin.cannot_run
    for name, setting in read_published("vqacl").settings.items():
        assert bool(setting.cannot_run) == name.startswith("nextqa")
        assert set(setting.metrics.values()) <= {"AP", "AF", "novel_AP", "novel_AF"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (GOOD | {"titel": "x"}, "titel: Extra inputs"),
        ({k: v for k, v in GOOD.items() if k != "paper"}, "paper: Field required"),
        (changed(metrics={"ACC": "accuracy"}), "settings.one.metrics.ACC"),
        (changed(rows={"er": {"ACC": "many"}}), "rows.er.ACC: expected a number"),
        (changed(setting={"data.dataset": [None]}), "dataset.0: expected a text, a number"),
        (changed(rows={"er": {"ACC": {"mean": 1, "spread": -1}}}), "rows.er.ACC.spread"),
        (changed(rows={"er": {"ACC": True}}), "rows.er.ACC.mean"),
        (changed(rows={"er": {"AP": 1}}), "settings.one: rows.er: not in `metrics`: AP"),
        (changed(rows={"ewc": {"ACC": 1}}), "settings.one.rows: not in `methods`: ewc"),
        (changed(setting={"data.dataset": []}), "settings.one.setting.data.dataset"),
        (changed(cannot_run="videos"), "settings.one: expected either"),
        (changed(setting={}), "settings.one: expected either"),
        ("a: [", "is not YAML at line"),
        ("- a", "holds a list"),
        ("", "holds a NoneType"),
    ],
)
def test_mistakes(tmp_path: Path, content: object, reason: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(UserError) as caught:
        read_published(path)
    assert reason in str(caught.value) and path in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (changed(setting={"data.datset": ["x"]}), "setting.data.datset: unknown key"),
        (changed(setting={"data": ["x"]}), "setting.data: unknown key"),
        (changed(setting={"data.dataset": ["vqa"]}), "setting.data.dataset: is 'vqa'"),
        (changed(setting={"training.epochs": ["3"]}), "setting.training.epochs: is '3'"),
        (changed(setting={"stream.held_out": [1]}), "setting.stream.held_out: is 1"),
        (GOOD | {"methods": {"er": {"title": "ER", "recipe": "replay"}}}, "er.recipe: is 'replay'"),
    ],
)
def test_a_config_refuses_what_we_do_not_have(tmp_path: Path, content: object, reason: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(ConfigError) as caught:
        load_study({"published": [path]})
    assert f"published[0]: {path}: " in str(caught.value) and reason in str(caught.value)


def test_a_config_names_files_and_paths(tmp_path: Path) -> None:
    assert load_study({}).published == ()
    names = ["vqacl", write(tmp_path, GOOD)]
    assert load_study({"published": names}).published == tuple(names)
    with pytest.raises(ConfigError, match="did you mean vqacl"):
        load_study({"published": ["vqcal"]})
    with pytest.raises(ConfigError, match="cannot read"):
        load_study({"published": ["absent.yaml"]})
    with pytest.raises(ConfigError, match="names 'pam' more than once"):
        load_study({"published": ["pam", "pam"]})
