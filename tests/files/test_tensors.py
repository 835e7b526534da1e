"""A safetensors header is believed only when it adds up; what is written is read back."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from continual_vqa.errors import UserError
from continual_vqa.files.tensors import (
    NUMPY,
    ArrayFile,
    check_file,
    read_header,
    write_arrays,
    write_stream,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    tensors = {"b": np.ones((2, 3), np.float32), "a": np.arange(5, dtype=np.int64)}
    save_file(tensors, path, metadata={"step": "3"})
    return path


def test_reads_what_the_library_wrote(file: Path) -> None:
    metadata, tensors = read_header(file)
    assert metadata == {"step": "3"}
    assert {name: (t.dtype, t.shape, t.size) for name, t in tensors.items()} == {
        "a": ("I64", (5,), 5),
        "b": ("F32", (2, 3), 6),
    }
    raw = file.read_bytes()
    begin, end = tensors["a"].begin, tensors["a"].end
    assert np.frombuffer(raw[begin:end], np.int64).tolist() == [0, 1, 2, 3, 4]


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 0.9999))
def test_a_truncated_file_is_refused(file: Path, cut: float) -> None:
    content = file.read_bytes()
    short = file.with_name("short")
    short.write_bytes(content[: int(len(content) * cut)])
    with pytest.raises(UserError, match=r"damaged safetensors|JSON|UTF-8"):
        read_header(short)


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [0, 8]},
        {"dtype": "F99", "shape": [2], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]},
        {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]},
        {"dtype": "F32", "shape": [2]},
        [],
        {"dtype": "F32", "shape": [True, 2], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2], "data_offsets": [False, 8]},
        {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 2**66]},
        {"dtype": "F32", "shape": [0, 2**62], "data_offsets": [0, 0]},
        {"dtype": "F32", "shape": [1] * 33 + [2], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]},
        {"dtype": "F32", "shape": [2], "data_offsets": [0.0, 8]},
    ],
)
def test_a_lying_header_is_refused(tmp_path: Path, entry: object) -> None:
    header = json.dumps({"x": entry}).encode()
    path = tmp_path / "lie"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    with pytest.raises(UserError, match="damaged safetensors"):
        read_header(path)


@pytest.mark.parametrize(
    ("header", "length", "message"),
    [
        (b"{}", 2**63, "cannot hold a header of 9,223,372,036,854,775,808"),
        (b"{}", 100, "cannot hold a header of 100"),
        (b'{"x":' * 10_000, None, "nested too deeply"),
        (b'{"x": {"dtype": "F32"}, "x": {}}', None, "an object names 'x' twice"),
        (b'{"__metadata__": {"a": NaN}}', None, "holds NaN"),
        (b'{"__metadata__": {"a": 1}}', None, "the metadata are not strings"),
        (b'{"\\ud800": {}}', None, "is no text"),
        (b'{"x": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}', None, "has 76 bytes"),
    ],
)
def test_a_header_that_is_none_is_refused(
    tmp_path: Path, header: bytes, length: int | None, message: str
) -> None:
    path = tmp_path / "lie.safetensors"
    path.write_bytes(struct.pack("<Q", length or len(header)) + header + bytes(8))
    with pytest.raises(UserError, match=rf"lie\.safetensors: .*{message}"):
        read_header(path)


def test_tensors_that_share_bytes_or_leave_some_out_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "lie"
    for places in ([0, 8], [4, 12]), ([0, 8], [12, 20]), ([4, 12], [12, 20]):
        entries = {
            name: {"dtype": "F32", "shape": [2], "data_offsets": place}
            for name, place in zip("ab", places, strict=True)
        }
        header = json.dumps(entries).encode()
        path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(20))
        with pytest.raises(UserError, match=r"begins at byte"):
            read_header(path)


ARRAYS = st.dictionaries(
    st.text(min_size=1, max_size=8).filter(lambda name: name != "__metadata__"),
    st.tuples(st.sampled_from(sorted(NUMPY)), st.lists(st.integers(0, 3), max_size=3), st.binary()),
    max_size=5,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=ARRAYS, metadata=st.dictionaries(st.text(max_size=5), st.text(max_size=5)))
def test_arrays_survive_and_the_stock_library_reads_them(
    tmp_path: Path, drawn: dict, metadata: dict[str, str]
) -> None:
    arrays = {}
    for name, (dtype, shape, content) in drawn.items():
        kind = np.dtype(NUMPY[dtype])
        raw = np.frombuffer(content.ljust(27 * kind.itemsize, b"\1"), np.uint8)
        raw = raw & 1 if dtype == "BOOL" else raw
        size = int(np.prod(shape, dtype=int))
        arrays[name] = raw[: size * kind.itemsize].view(kind).reshape(shape)
    path = tmp_path / "arrays.safetensors"
    write_arrays(path, arrays, metadata)
    found = ArrayFile(path)
    assert found.metadata == metadata
    assert list(found) == sorted(arrays)
    stock = load_file(path)
    for name, array in arrays.items():
        for other in (found[name], stock[name]):
            assert (other.dtype, other.shape) == (array.dtype, array.shape)
            assert other.tobytes() == array.tobytes()
    content = path.read_bytes()
    write_arrays(path, dict(reversed(arrays.items())), dict(reversed(metadata.items())))
    assert path.read_bytes() == content


def test_mapped_arrays_are_read_only(file: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        ArrayFile(file)["b"][0, 0] = 2


def test_a_dtype_without_a_numpy_one_is_refused(tmp_path: Path) -> None:
    header = json.dumps({"x": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()
    path = tmp_path / "brain"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    with pytest.raises(UserError, match="'x' has dtype BF16"):
        ArrayFile(path)["x"]


def test_pieces_of_any_size_make_the_same_file(tmp_path: Path) -> None:
    array = np.arange(12, dtype=np.float32)
    kinds = {"b": ("F32", (2, 3)), "a": ("F32", (6,))}
    raw = array.tobytes()
    write_stream(tmp_path / "1", kinds, {}, iter([raw[:5], raw[5:40], b"", memoryview(raw)[40:]]))
    write_arrays(tmp_path / "2", {"a": array[:6], "b": array[6:].reshape(2, 3)}, {})
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    with pytest.raises(ValueError, match="40 bytes of tensors were given, not 48"):
        write_stream(tmp_path / "3", kinds, {}, [raw[:40]])
    assert not (tmp_path / "3").exists()


def test_a_truncated_file_names_what_is_cut_off(file: Path) -> None:
    short = file.with_name("short")
    short.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(UserError, match=r"tensors are cut off from 'b' on \(1\)"):
        read_header(short)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.safetensors"
    arrays = {"b": np.ones((2, 3), np.float32), "a": np.arange(5), "none": np.zeros((0, 2))}
    write_arrays(path, arrays, {"step": "3", "a": "{}"})
    return path


def test_a_flipped_bit_of_any_byte_is_noticed(own: Path) -> None:
    content = own.read_bytes()
    damaged = own.with_name("damaged")
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        damaged.write_bytes(flipped)
        with pytest.raises(UserError) as error:
            file = ArrayFile(damaged)
            for name in file:
                file[name]
        assert str(damaged) in str(error.value)


def test_a_file_is_checked_in_one_pass(own: Path) -> None:
    infos = ArrayFile(own).infos
    assert check_file(own, infos) is None
    assert check_file(own, infos, sha256=True) == hashlib.sha256(own.read_bytes()).hexdigest()
    content = bytearray(own.read_bytes())
    content[infos["b"].end - 1] ^= 1
    own.write_bytes(content)
    for sha256 in (False, True):
        with pytest.raises(UserError, match="tensor 'b'"):
            check_file(own, infos, sha256=sha256)


def test_a_file_by_others_has_no_checksums(file: Path, own: Path) -> None:
    assert {info.crc32 for info in ArrayFile(file).infos.values()} == {None}
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert dict(ArrayFile(file))["b"].shape == (2, 3)
    assert check_file(file, ArrayFile(file).infos) is None
    # The stock reader takes ours as any other.
    assert load_file(own)["a"].tolist() == [0, 1, 2, 3, 4]
