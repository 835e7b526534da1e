import pytest

from continual_vqa.analysis.captions import plain_caption


@pytest.mark.parametrize(
    ("caption", "plain"),
    [
        ("**Main table.** AP over\ntasks.\n", ("Main table", "AP over tasks.")),
        ("**Rows.** Row *i*, **not** *j*.", ("Rows", "Row i, not j.")),
        ("No heading, 2 * 3 * 4.", ("", "No heading, 2 * 3 * 4.")),
        ("**Only a heading**", ("Only a heading", "")),
        ("**Why?** Because.", ("Why?", "Because.")),
        ("", ("", "")),
    ],
)
def test_a_caption_becomes_plain_text(caption, plain):
    assert plain_caption(caption) == plain
