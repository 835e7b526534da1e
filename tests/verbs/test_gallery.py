import json

import pytest

from analysis.gallery_files import contents
from continual_vqa.cli import main
from verbs.study_files import aggregated


@pytest.fixture
def options(tmp_path):
    study = aggregated(tmp_path / "study")
    listed = tmp_path / "contents.json"
    listed.write_text(json.dumps(contents(tmp_path)))
    return ["gallery", *study, "--contents", str(listed), "--out", str(tmp_path / "gallery.html")]


def test_writes_the_page_and_counts_what_it_shows(options, tmp_path, capsys):
    assert main([*options, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["figures"] == 3 and summary["tables"] == 2
    text = (tmp_path / "gallery.html").read_text()
    assert text.startswith("<!DOCTYPE html>\n<html") and 'src="figures/' in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "truncated JSON"),
        ("{}", "contents.json: figures: Field required"),
        ('{"figures": [], "tables": [{"category": 1}]}', "tables.0.category"),
    ],
)
def test_a_mistake_is_one_line(options, tmp_path, capsys, content, message):
    (tmp_path / "contents.json").write_text(content)
    assert main(options) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (tmp_path / "gallery.html").exists()
