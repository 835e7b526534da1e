from continual_vqa.cli import main
from continual_vqa.plan.reporting import TABLES
from verbs.study_files import aggregated


def test_every_table_is_written_in_three_formats(tmp_path, capsys):
    study = aggregated(tmp_path / "study")
    for name in (n for n, row in TABLES.items() if row.for_all):
        outputs = [f"--out-{kind}={tmp_path}/{name}.{kind}" for kind in ("csv", "md", "tex")]
        assert main(["table", "--name", name, *study, *outputs]) == 0
        assert "95 % t interval over seeds" in capsys.readouterr().out
        assert (tmp_path / f"{name}.csv").read_text().count("\n") > 2
        assert "| ---: |" in (tmp_path / f"{name}.md").read_text()
        assert "\\bottomrule" in (tmp_path / f"{name}.tex").read_text()


def test_a_table_that_is_not_given_is_named(tmp_path, capsys):
    study = aggregated(tmp_path / "study")
    outputs = [f"--out-{kind}={tmp_path}/t.{kind}" for kind in ("csv", "md", "tex")]
    assert main(["table", "--name", "differences", *study, *outputs]) == 2
    assert "give --differences" in capsys.readouterr().err
    assert not (tmp_path / "t.md").exists()


def test_published_numbers_come_from_files_and_compare_by_keys(tmp_path, capsys):
    study = aggregated(tmp_path / "study")
    outputs = [f"--out-{kind}={tmp_path}/t.{kind}" for kind in ("csv", "md", "tex")]
    table = ["table", "--name", "published", *study, *outputs]
    told = ["--study", '{"data.dataset": "gqa"}']
    assert main([*table, "--published=vqacl", "--published=pam", *told]) == 0
    text = (tmp_path / "t.md").read_text()
    assert "no: data.dataset is gqa; data.taxonomy is not told" in text and "| PAM | CoIN" in text
    capsys.readouterr()
    for more, message in (
        ([], "give --published"),
        (["--published", "vqcal"], "did you mean vqacl?"),
        (["--published", "vqacl", "--study", "[]"], "--study: holds no keys"),
    ):
        assert main([*table, *more]) == 2
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1
