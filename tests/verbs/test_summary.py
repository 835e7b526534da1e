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
    assert summary["figures"] == [str(figure)]
