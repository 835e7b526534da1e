import json

from continual_vqa.cli import main


def test_a_triangle(tmp_path, capsys):
    path = tmp_path / "matrix.csv"
    path.write_text("a,b,c\n90,,\n70,80,\n40,60,85\n")
    assert main(["metrics", "--matrix", str(path), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["AP"] == 61.666667
    assert (summary["AF"], summary["BWT"], summary["learning_accuracy"]) == (35, -35, 85)
    assert main(["metrics", "--matrix", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["AP", "61.67"]


def test_joint_has_only_an_ap(tmp_path, capsys):
    path = tmp_path / "matrix.csv"
    path.write_text("90,80\n")
    assert main(["metrics", "--matrix", str(path)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["AP", "85.00"] in lines and ["AF", "–"] in lines
    assert main(["metrics", "--matrix", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["AF"] is None


def test_a_mistake_is_one_line(tmp_path, capsys):
    path = tmp_path / "matrix.csv"
    path.write_text("90,x\n80,70\n1,2\n")
    assert main(["metrics", "--matrix", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
