"""The captions of the report (workflow/report/*.rst) as plain text."""

from __future__ import annotations

import re

# "**Heading.** Text", as all captions are written.
_HEADED = re.compile(r"\*\*(.+?)\.?\*\* *(.*)")
# The only other markup that they have; a star between spaces is none.
_EMPHASIS = re.compile(r"(\*{1,2})(?=\S)(.+?)(?<=\S)\1")


def plain_caption(caption: str) -> tuple[str, str]:
    """Heading and text of a caption, in one line each; "" for a heading that it does not have."""
    line = " ".join(caption.split())
    headed = _HEADED.fullmatch(line)
    heading, text = headed.groups() if headed else ("", line)
    return _EMPHASIS.sub(r"\2", heading), _EMPHASIS.sub(r"\2", text)
