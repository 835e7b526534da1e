"""The one exception that a user's mistake or a damaged file raises.

Everything else that escapes is a bug of this project and keeps its traceback.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EXIT_CODE = 2


class UserError(Exception):
    """A problem that the person at the keyboard can mend.

    The message is one line: where it is, what is wrong, what was expected, and what to do.
    Empty parts are left out.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | Path = "",
        expected: str = "",
        do: str = "",
    ) -> None:
        self.where = str(where)
        self.what = what
        self.expected = expected
        self.do = do
        super().__init__(self._line())

    def _line(self) -> str:
        line = f"{self.where}: {self.what}" if self.where else self.what
        if self.expected:
            line += f"; expected {self.expected}"
        if self.do:
            line += f" -> {self.do}"
        return line


@contextmanager
def naming(path: str | Path, doing: str) -> Iterator[None]:
    """Turn an `OSError` raised inside into a `UserError` that names `path` and what was being done.

    Parameters
    ----------
    path : the file or folder at work
    doing : a verb phrase such as "write" or "read"
    """
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise UserError(
            f"cannot {doing}: {reason}", where=path, do=_ADVICE.get(type(error), _advice(error))
        ) from error


_ADVICE: dict[type[OSError], str] = {
    FileNotFoundError: "check the path",
    PermissionError: "check the permissions of the file and its folder",
    IsADirectoryError: "give a file, not a folder",
    NotADirectoryError: "a part of this path is a file, not a folder",
}


def _advice(error: OSError) -> str:
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "free some space (or raise the quota) and start again; earlier results are intact"
    if error.errno == errno.EROFS:
        return "the file system is read-only: choose another results folder"
    return "mend the cause and start again; earlier results are intact"
