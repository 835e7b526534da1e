import json

import pytest

from continual_vqa.cli import main
from verbs.study_files import aggregated


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return aggregated(tmp_path_factory.mktemp("study"))


def options(tmp_path, study, *more):
    outputs = ["--out-pdf", str(tmp_path / "f.pdf"), "--out-png", str(tmp_path / "f.png")]
    return ["figure", *study, *outputs, *more]


def test_writes_both_files(study, tmp_path, capsys):
    settings = json.dumps({"figures": {"dpi": 72}})
    more = ["--name", "matrix", "--recipe", "ewc", "--settings", settings, "--json"]
    assert main(options(tmp_path, study, *more)) == 0
    assert len(json.loads(capsys.readouterr().out)["written"]) == 2
    assert (tmp_path / "f.pdf").stat().st_size and (tmp_path / "f.png").stat().st_size


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--name", "nothing"], "unknown figure 'nothing'"),
        (["--name", "matrix", "--recipe", "nothing"], "unknown recipe 'nothing'"),
        (["--name", "matrix", "--settings", '{"figures": {"dpi": 1}}'], "figures.dpi"),
        (["--name", "matrix", "--settings", '{"figures": {"size": 1}}'], "figures.size"),
        (["--name", "matrix", "--settings", "{"], "truncated JSON"),
        (["--name", "matrix", "--metrics", "nowhere.parquet"], "nowhere.parquet"),
    ],
)
def test_a_mistake_is_one_line(study, tmp_path, capsys, more, message):
    assert main(options(tmp_path, study, *more)) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())
