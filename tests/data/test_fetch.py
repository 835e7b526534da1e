"""Fetching survives broken transfers and trusts nothing that it has not checked."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from continual_vqa.data.fetch import Fetched, fetch
from continual_vqa.data.sources import Ledger, Source, read_sources
from continual_vqa.errors import UserError
from data.file_server import Faults, serve

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def get(url: str, folder: Path, attempts: int = 3, **known: object) -> Fetched:
    source = Source.model_validate({"file": "in/file.zip", "url": url, **known})
    return fetch(source, folder, attempts=attempts, pause=0.0, timeout=10.0)


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_a_whole_file(tmp_path: Path) -> None:
    with serve(Faults(CONTENT)) as url:
        fetched = get(url, tmp_path, size=len(CONTENT), sha256=SHA256)
    assert fetched.path.read_bytes() == CONTENT
    assert (fetched.size, fetched.sha256, fetched.was_there) == (len(CONTENT), SHA256, False)
    assert files(tmp_path) == {"file.zip"}


def test_a_file_that_is_there_is_checked_not_fetched(tmp_path: Path) -> None:
    faults = Faults(CONTENT)
    with serve(faults) as url:
        get(url, tmp_path)
        assert get(url, tmp_path, sha256=SHA256).was_there
        assert len(faults.asked) == 1
        (tmp_path / "in" / "file.zip").write_bytes(b"x")
        with pytest.raises(UserError, match="has SHA-256"):
            get(url, tmp_path, sha256=SHA256)
    assert (tmp_path / "in" / "file.zip").read_bytes() == b"x"


def test_the_next_attempt_resumes(tmp_path: Path) -> None:
    faults = Faults(CONTENT, cut_after=100_000, cuts=2)
    with serve(faults) as url:
        assert get(url, tmp_path, sha256=SHA256).path.read_bytes() == CONTENT
    assert faults.asked == ["", "bytes=100000-", "bytes=200000-"]


def test_the_next_command_resumes(tmp_path: Path) -> None:
    faults = Faults(CONTENT, cut_after=100_000, cuts=1)
    with serve(faults) as url:
        with pytest.raises(UserError, match="broke off 1 times: 100,000 of 512,000 bytes came"):
            get(url, tmp_path, attempts=1)
        assert files(tmp_path) == {"file.zip.part", "file.zip.part.tag"}
        fetched = get(url, tmp_path)
    assert fetched.resumed_at == 100_000
    assert fetched.path.read_bytes() == CONTENT
    assert faults.asked == ["", "bytes=100000-"]
    assert files(tmp_path) == {"file.zip"}


def test_a_server_without_ranges_sends_it_anew(tmp_path: Path) -> None:
    faults = Faults(CONTENT, cut_after=300_000, cuts=1, ranges=False)
    with serve(faults) as url:
        assert get(url, tmp_path).path.read_bytes() == CONTENT


def test_a_file_that_changed_in_between_is_not_spliced(tmp_path: Path) -> None:
    faults = Faults(CONTENT[::-1], cut_after=100_000, cuts=1, etag='"old"')
    with serve(faults) as url:
        with pytest.raises(UserError):
            get(url, tmp_path, attempts=1)
        faults.content, faults.etag = CONTENT, '"new"'
        assert get(url, tmp_path).path.read_bytes() == CONTENT


def test_a_part_that_is_too_long_is_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file.zip.part").write_bytes(b"x" * (len(CONTENT) + 5))
    with serve(Faults(CONTENT)) as url:
        assert get(url, tmp_path).path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"size": len(CONTENT) + 1}, "offers 512,000 bytes; expected 512,001 bytes"),
        ({"sha256": "0" * 64}, f"has SHA-256 {SHA256}; expected 000"),
    ],
)
def test_a_wrong_file_is_removed(tmp_path: Path, known: dict, message: str) -> None:
    with serve(Faults(CONTENT)) as url, pytest.raises(UserError, match=message):
        get(url, tmp_path, **known)
    assert files(tmp_path) == set()


def test_errors_of_the_server(tmp_path: Path) -> None:
    missing = Faults(CONTENT, status=404)
    with serve(missing) as url, pytest.raises(UserError, match="404"):
        get(url, tmp_path)
    assert len(missing.asked) == 1
    busy = Faults(CONTENT, status=503, errors=2)
    with serve(busy) as url:
        assert get(url, tmp_path).path.read_bytes() == CONTENT
    with serve(Faults(CONTENT)) as url:
        address = url
    with pytest.raises(UserError, match=r"broke off 2 times: .*refused"):
        get(address, tmp_path / "other", attempts=2)


def test_space_is_asked_for_first(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="are free"):
        get("http://127.0.0.1:9/x", tmp_path, size=10**18)


def test_the_shipped_sources() -> None:
    sources = read_sources()
    assert set(sources) == {"vqav2", "gqa", "karpathy"}
    assert len({each.file for files in sources.values() for each in files}) == 11


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "is not YAML"),
        ("a: [{file: ../x, url: 'http://x'}]", "leaves the folder"),
        ("a: [{file: /x, url: 'http://x'}]", "leaves the folder"),
        ("a: [{file: x, url: 'file:///etc/passwd'}]", "a.0.url"),
        ("a: [{file: x, url: 'http://x', sha256: abc}]", "a.0.sha256"),
        ("[]", "dictionary"),
    ],
)
def test_bad_sources(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=reason):
        read_sources(path)


def test_the_ledger_remembers_what_the_publisher_does_not_say(tmp_path: Path) -> None:
    source = Source(file="x.zip", url="http://x/x.zip")
    assert Ledger(tmp_path).expected(source) == source
    Ledger(tmp_path).record(source, 5, SHA256)
    assert Ledger(tmp_path).expected(source).sha256 == SHA256
    assert Ledger(tmp_path).expected(source).size == 5
    own = source.model_copy(update={"sha256": "1" * 64})
    assert Ledger(tmp_path).expected(own).sha256 == "1" * 64
    elsewhere = source.model_copy(update={"url": "http://y/x.zip"})
    assert Ledger(tmp_path).expected(elsewhere) == elsewhere
    (tmp_path / "downloads.json").write_text("[]")
    with pytest.raises(UserError, match="no ledger"):
        Ledger(tmp_path)


def test_a_server_that_does_not_stop_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("continual_vqa.data.fetch.MAX_DOWNLOAD", 1_000)
    faults = Faults(CONTENT, sized=False)
    with serve(faults) as url, pytest.raises(UserError, match="sends more than 1,000 bytes"):
        fetch(Source(file="x", url=url), tmp_path)
