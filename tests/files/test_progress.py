"""Progress that one of several processes tells is kept to itself by the others."""

from __future__ import annotations

import io

import pytest

from continual_vqa.files import progress


@pytest.mark.parametrize("quiet", [False, True])
def test_a_quiet_one_says_nothing(monkeypatch: pytest.MonkeyPatch, quiet: bool) -> None:
    monkeypatch.setattr(progress, "LOG_SECONDS", 0.0)
    stream = io.StringIO()
    told = progress.Progress(2, "work", stream, quiet=quiet)
    told.advance()
    told.close()
    assert bool(stream.getvalue()) != quiet
