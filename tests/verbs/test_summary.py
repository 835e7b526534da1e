import json

from continual_vqa.cli import main
from verbs.study_files import aggregated


def test_prints_the_table_and_where_the_figures_are(tmp_path, capsys):
    study = aggregated(tmp_path / "study")
    (tmp_path / "figures" / "published").mkdir(parents=True)
    figure = tmp_path / "figures" / "published" / "forgetting.png"
    figure.touch()
    options = ["summary", *study, "--figures", str(tmp_path / "figures")]
    assert main(options) == 0
    text = capsys.readouterr().out
    assert "Sequential" in text and "AF (points)" in text and str(figure) in text
    assert main([*options, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    joint = summary["values"]["published"]["joint"]
    assert 0 < joint["AP"]["mean"] < 100 and "AF" not in joint
    assert summary["figures"] == [str(figure)] and summary["gallery"] == ""


def test_names_the_gallery_where_there_is_one(tmp_path, capsys):
    study = aggregated(tmp_path / "study")
    page = tmp_path / "gallery.html"
    options = ["summary", *study, "--gallery", str(page)]
    assert main(options) == 0
    assert str(page) not in capsys.readouterr().out
    page.touch()
    assert main(options) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"all on one page: {page}"
