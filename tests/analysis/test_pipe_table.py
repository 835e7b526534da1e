import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.analysis.pipe_table import read_pipe_table
from continual_vqa.analysis.statistics import Estimate
from continual_vqa.analysis.table_formats import as_markdown
from continual_vqa.analysis.table_parts import Column, Table
from continual_vqa.errors import UserError

# What a title may be: it has no ends of lines, and blanks around it are not kept.
TITLES = st.text(st.characters(codec="utf-8", exclude_characters="\n\r")).map(str.strip)


@given(titles=st.lists(TITLES, max_size=4))
def test_reads_back_what_was_written(titles, tmp_path_factory):
    rows = tuple(((title,), (Estimate(1.0, 0.5, 1.5, 2, "t"),)) for title in titles)
    table = Table(("recipe",), (Column("AP (%)"),), rows, "Over 2 seeds | all questions.")
    path = tmp_path_factory.mktemp("table") / "t.md"
    path.write_text(as_markdown(table), newline="")
    read = read_pipe_table(path)
    assert read.headings == ("recipe", "AP (%)") and read.numeric == (False, True)
    assert read.rows == tuple((title, "1.00 ± 0.50") for title in titles)
    assert read.note == table.note


@pytest.mark.parametrize(
    "text", ["", "No table.", "| a |\n", "| a | b |\n| --- | --- |\n| 1 |\n", "| a |\n| b |\n"]
)
def test_what_is_no_table_is_refused_by_name(text, tmp_path):
    path = tmp_path / "t.md"
    path.write_text(text)
    with pytest.raises(UserError, match=r"t\.md: is no table"):
        read_pipe_table(path)
