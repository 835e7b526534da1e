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
