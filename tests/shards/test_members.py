"""A shard holds files; whatever else a tar can say is refused, in bounded time and memory."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from continual_vqa.errors import UserError
from continual_vqa.shards import tar
from continual_vqa.shards.members import Member, read_members

FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)


def archive(path: Path, form: int = tarfile.USTAR_FORMAT, **changes: object) -> Path:
    """A tar of a sound file and a second member with these attributes."""
    second = tarfile.TarInfo("b.json")
    for name, value in changes.items():
        setattr(second, name, value)
    with tarfile.open(path, "w", format=form) as opened:
        first = tarfile.TarInfo("a.jpg")
        first.size = 3
        opened.addfile(first, io.BytesIO(b"abc"))
        opened.addfile(second, io.BytesIO(bytes(second.size)))
    return path


@pytest.mark.parametrize("form", FORMATS)
def test_names_of_any_length_and_times_are_read(tmp_path: Path, form: int) -> None:
    name = "x" * 90 + "/" + "y" * 60 + ".json"
    path = archive(tmp_path / "x.tar", form, name=name, size=5, mtime=12)
    found = read_members(path)
    assert [(member.name, member.size) for member in found] == [("a.jpg", 3), (name, 5)]
    assert path.read_bytes()[found[0].offset :][:3] == b"abc"


def test_a_time_in_a_pax_header_is_no_obstacle(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.tar", tarfile.PAX_FORMAT, mtime=12.5, size=1)
    assert [member.name for member in read_members(path)] == ["a.jpg", "b.json"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}, "'b.json' is a symbolic link"),
        ({"type": tarfile.LNKTYPE, "linkname": "../x"}, "'b.json' is a hard link"),
        ({"type": tarfile.CHRTYPE}, "'b.json' is a device"),
        ({"type": tarfile.BLKTYPE}, "'b.json' is a device"),
        ({"type": tarfile.FIFOTYPE}, "'b.json' is a pipe"),
        ({"type": tarfile.DIRTYPE}, "is a folder"),
        ({"type": tarfile.GNUTYPE_SPARSE}, "'b.json' is a sparse file"),
        ({"name": "../x"}, "'../x' leads out of its folder"),
        ({"name": "/etc/x"}, "'/etc/x' leads out of its folder"),
        ({"name": "a/../../x"}, "leads out of its folder"),
    ],
)
def test_what_is_no_file_in_the_folder_is_refused(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(UserError, match=rf"x\.tar: damaged or no shard: .*{message}"):
        read_members(archive(tmp_path / "x.tar", **changes))


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"size": "1"}, "sets size"),
        ({"GNU.sparse.map": "0,1"}, "sets GNU.sparse.map"),
        ({"path": "../../x"}, "leads out of its folder"),
        ({"path": "y" * 70_000}, "a name of 70,0.. bytes"),
    ],
)
def test_pax_headers_that_change_what_is_read_are_refused(
    tmp_path: Path, headers: dict[str, str], message: str
) -> None:
    path = archive(tmp_path / "x.tar", tarfile.PAX_FORMAT, pax_headers=headers)
    with pytest.raises(UserError, match=message):
        read_members(path)


def test_sizes_that_lie_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(tar.header(b"a.jpg", 8**11 - 1) + bytes(tar.BLOCK) + tar.TRAILER)
    with pytest.raises(UserError, match=r"byte 0 claims 8,589,934,591 bytes, 1,536 are left"):
        read_members(path)
    # GNU's binary sizes, here -512: tarfile's reader would go back and read the member for ever.
    block = bytearray(tar.header(b"a.jpg", 0))
    block[124:136] = b"\xff" * 10 + b"\xfe\x00"
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + 8 * 32 + sum(block[156:]))
    path.write_bytes(bytes(block) + tar.TRAILER)
    with pytest.raises(UserError, match="no header at byte 0"):
        read_members(path)


@pytest.mark.parametrize("form", FORMATS)
def test_every_shorter_file_is_refused(tmp_path: Path, form: int) -> None:
    content = archive(
        tmp_path / "x.tar", form, name="z" * 60 + "/" + "z" * 60, size=700
    ).read_bytes()
    end = len(content.rstrip(b"\0"))
    path = tmp_path / "y.tar"
    for length in range(0, end, 211):
        path.write_bytes(content[:length])
        with pytest.raises(UserError, match="damaged or no shard"):
            read_members(path)


def test_what_the_writer_writes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(tar.header(b"a.jpg", 1) + b"x".ljust(512, b"\0") + tar.TRAILER)
    assert read_members(path) == [Member("a.jpg", 512, 1)]
