"""Merging files: every tensor accounted for, any dtype, the blocks invisible, strangers refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from consolidation.merging.merge_world import (
    PARTS,
    SHAPES,
    TRAINED,
    World,
    drawn,
    moved,
    read,
    write_base,
    write_stage,
)
from continual_vqa.consolidation.merging import models, stack, stream, windows
from continual_vqa.errors import UserError
from continual_vqa.files.tensors import read_header
from oracles import merging_reference

KINDS = ["average", "task_arithmetic", "ties", "dare", "magmax"]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def flat(arrays, name: str) -> list[float]:
    return arrays[name].reshape(-1).tolist()


def test_tensor_by_tensor(world: World) -> None:
    found, report = world.merge(kind="ties", density=0.3, scale=0.7)
    assert found.keys() == set(TRAINED)
    for name in TRAINED:
        inputs = [flat(arrays, name) for arrays in world.arrays]
        expected = merging_reference.ties(flat(world.base_arrays, name), inputs, 0.3, 0.7)
        np.testing.assert_allclose(found[name].reshape(-1), expected, rtol=1e-5, atol=1e-6)
        assert found[name].shape == SHAPES[name]
    assert [(row["name"], row["rule"]) for row in report["tensors"]] == [
        (name, "merged" if name in TRAINED else "excluded") for name in sorted(SHAPES)
    ]


def test_the_header_is_that_of_a_stage(world: World) -> None:
    labels = {"stage": "merged-3", "step": "7"}
    world.merge(kind="average", labels=labels, tasks=5)
    first = (world.folder / "merged.safetensors").read_bytes()
    header, _ = read_header(world.folder / "merged.safetensors")
    assert (header["stage"], header["step"], header["task"]) == ("merged-3", "7", "count")
    assert (header["format"], header["base_sha256"]) == ("continual-vqa stage 1", world.sha256)
    assert json.loads(header["parts"]) == {name: PARTS[name] for name in TRAINED}
    told = json.loads(header["merge"])
    assert (told["config"]["kind"], told["tasks"]) == ("average", 5)
    assert [row["step"] for row in told["inputs"]] == ["1", "2", "3"]
    assert all(len(row["sha256"]) == 64 for row in told["inputs"])
    assert str(world.folder) not in header["merge"]
    world.merge(kind="average", labels=labels, tasks=5)
    assert (world.folder / "merged.safetensors").read_bytes() == first


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_and_windows_are_invisible(world: World, kind: str) -> None:
    whole, report = world.merge(kind=kind)
    with (
        patch.object(stack, "BLOCK", 7),
        patch.object(windows, "WINDOW", 11),
        patch.object(stream, "PIECE", 13),
    ):
        pieces, other = world.merge(kind=kind)
    assert all(np.array_equal(whole[name], pieces[name]) for name in whole)
    for one, two in zip(report["tensors"], other["tensors"], strict=True):
        assert one.get("sign_conflicts") == two.get("sign_conflicts")
        assert one.get("norms", []) == pytest.approx(two.get("norms", []), rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["BF16", "F16"])
def test_half_precision(tmp_path: Path, kind: str, dtype: str) -> None:
    """Merged in float32 and rounded once: the same as from wide copies of the files."""
    narrow = World(tmp_path / "narrow", dtypes=dtype, base_dtypes=dtype)
    found, _ = narrow.merge(kind=kind)
    _, infos = read_header(tmp_path / "narrow" / "merged.safetensors")
    assert {info.dtype for info in infos.values()} == {dtype}
    (tmp_path / "wide").mkdir()
    wide = World(tmp_path / "wide")
    wide.sha256 = write_base(wide.base, narrow.base_arrays)
    wide.stages = [
        write_stage(path, arrays, wide.sha256)
        for path, arrays in zip(wide.stages, narrow.arrays, strict=True)
    ]
    exact, _ = wide.merge(kind=kind)
    again = write_stage(tmp_path / "rounded", exact, "x", dtypes=dtype)
    assert all(np.array_equal(found[name], read(again)[name]) for name in found)


def test_the_report(world: World) -> None:
    _, report = world.merge(kind="average")
    rows = {row["name"]: row for row in report["tensors"]}
    differences = {
        name: [arrays[name] - world.base_arrays[name] for arrays in world.arrays]
        for name in TRAINED
    }
    for name, each in differences.items():
        conflicts = np.min(each, axis=0) * np.max(each, axis=0) < 0
        assert rows[name]["sign_conflicts"] == conflicts.sum()
        assert rows[name]["norms"] == pytest.approx([np.linalg.norm(d) for d in each], rel=1e-5)
        mean = np.linalg.norm(np.mean(each, axis=0))
        assert rows[name]["norm_merged"] == pytest.approx(mean, rel=1e-4)
    vision = [n for n in TRAINED if PARTS[n] == "vision"]
    part = report["parts"]["vision"]
    assert part["sign_conflicts"] == sum(rows[name]["sign_conflicts"] for name in vision)
    assert part["entries"] == sum(rows[name]["entries"] for name in vision)
    assert part["share"] == part["sign_conflicts"] / part["entries"]
    joined = [np.concatenate([differences[n][i].reshape(-1) for n in vision]) for i in range(3)]
    assert part["norms"] == pytest.approx([np.linalg.norm(d) for d in joined], rel=1e-5)
    np.testing.assert_allclose(part["cosine"], np.corrcoef(joined), atol=0.2)
    expected = joined[0] @ joined[1] / np.linalg.norm(joined[0]) / np.linalg.norm(joined[1])
    assert part["cosine"][0][1] == part["cosine"][1][0] == pytest.approx(expected, abs=1e-5)
    assert report["bytes_written"] == (world.folder / "merged.safetensors").stat().st_size
    assert report["bytes_read"] == 4 * 4 * sum(rows[name]["entries"] for name in TRAINED)
    assert report["peak_bytes"] > 1 << 20 and report["seconds"] > 0
    assert json.loads(json.dumps(report)) == report


def test_a_brief_report_reads_no_base(world: World) -> None:
    _, report = world.merge(kind="average", full=False, checksums=False)
    assert report["bytes_read"] == 3 * 4 * sum(int(np.prod(SHAPES[n])) for n in TRAINED)
    assert report["parts"]["vision"].keys() == {"tensors", "entries"}
    assert report["inputs"][0]["sha256"] is None


def test_integers_are_copied(tmp_path: Path) -> None:
    base = {"a.weight": drawn(0)["a.weight"], "count": np.arange(3)}
    dtypes = {"a.weight": "F32", "count": "I64"}
    digest = write_base(tmp_path / "base.safetensors", base, dtypes)
    paths = [
        write_stage(tmp_path / f"{i}", {**base, "count": base["count"] + i // 2}, digest,
                    dtypes=dtypes)
        for i in range(3)
    ]  # fmt: skip
    world = object.__new__(World)
    world.folder, world.base = tmp_path, tmp_path / "base.safetensors"
    found, report = world.merge(models=paths[:2], kind="average")
    assert found["count"].tolist() == [0, 1, 2]
    assert [row["rule"] for row in report["tensors"]] == ["merged", "copied"]
    with pytest.raises(UserError, match=r"2: tensor 'count' of dtype I64 differs"):
        world.merge(models=paths[1:], kind="average")


@pytest.mark.parametrize("kind", ["average", "task_arithmetic"])
def test_updates_are_averaged_as_dense_matrices(world: World, kind: str) -> None:
    scale = {"scale": 0.3} if kind == "task_arithmetic" else {}
    found, report = world.merge(kind=kind, space="updates", **scale)
    weights = [0.3] * 3 if scale else [1 / 3] * 3
    for module, row in zip("mn", report["modules"], strict=True):
        a, b = (f"{module}.lora_{factor}.default.weight" for factor in "AB")
        dense = [(arrays[b].astype(float) @ arrays[a]) for arrays in world.arrays]
        base = world.base_arrays[b].astype(float) @ world.base_arrays[a]
        update = (1 - sum(weights)) * base + sum(w * d for w, d in zip(weights, dense, strict=True))
        u, s, vt = np.linalg.svd(update)
        best = (u[:, :3] * s[:3]) @ vt[:3]
        np.testing.assert_allclose(found[b].astype(float) @ found[a], best, atol=1e-4)
        least = np.linalg.norm(s[3:]) / np.linalg.norm(s)
        assert row["refactor_error"] == pytest.approx(least, rel=1e-6)
        assert row["norms"] == pytest.approx([np.linalg.norm(d) for d in dense])
        assert (row["module"], row["rank"], row["part"]) == (module, 3, PARTS[a])
    plain, _ = world.merge(kind=kind, **scale)
    assert np.array_equal(plain["a.weight"], found["a.weight"])
    assert not np.allclose(plain[a], found[a])
    errors = {row["name"]: row.get("refactor_error") for row in report["tensors"]}
    assert errors["m.lora_A.default.weight"] == report["modules"][0]["refactor_error"]
    assert errors["a.weight"] is None


@pytest.mark.parametrize("kind", ["ties", "magmax"])
def test_updates_are_merged_entry_by_entry(world: World, kind: str) -> None:
    found, report = world.merge(kind=kind, space="updates", scale=0.8)
    a, b = (f"n.lora_{factor}.default.weight" for factor in "AB")
    inputs = [(arrays[b] @ arrays[a]).reshape(-1).tolist() for arrays in world.arrays]
    base = (world.base_arrays[b] @ world.base_arrays[a]).reshape(-1).tolist()
    merged = (
        merging_reference.ties(base, inputs, 0.2, 0.8)
        if kind == "ties"
        else merging_reference.magmax(base, inputs, 0.8)
    ).reshape(11, 8)
    u, s, vt = np.linalg.svd(merged)
    np.testing.assert_allclose(found[b] @ found[a], (u[:, :3] * s[:3]) @ vt[:3], atol=1e-4)
    least = np.linalg.norm(s[3:]) / np.linalg.norm(s)
    assert report["modules"][1]["refactor_error"] == pytest.approx(least, rel=1e-4)


def test_one_model_alone_is_its_own_merge(world: World) -> None:
    for kind in ("average", "running", "linear"):
        found, _ = world.merge(models=world.stages[:1], kind=kind)
        assert all(np.array_equal(found[name], world.arrays[0][name]) for name in found)


def rewrite(world: World, change: Callable[[dict], dict], **header: str) -> None:
    """The second stage with other tensors or another header."""
    arrays = change(moved(world.base_arrays, 2))
    write_stage(world.stages[1], arrays, header.pop("base_sha256", world.sha256), **header)


def truncate(world: World) -> None:
    world.stages[1].write_bytes(world.stages[1].read_bytes()[:-8])


def damage_base(world: World) -> None:
    content = bytearray(world.base.read_bytes())
    content[-1] ^= 1
    world.base.write_bytes(content)


def diverge(arrays: dict, value: float) -> dict:
    arrays["b.bias"][3] = value
    return arrays


REFUSED = {
    "truncated": (truncate, r"2\.safetensors: damaged.*cut off from 'n\.lora_B\.default\.weight'"),
    "other base": (
        lambda w: rewrite(w, dict, base_sha256="f" * 64),
        r"2\.safetensors: was trained from base ffffffffffff",
    ),
    "renamed": (
        lambda w: rewrite(w, lambda a: {("x" if n == "b.bias" else n): v for n, v in a.items()}),
        r"2\.safetensors: unknown tensors: x",
    ),
    "missing": (
        lambda w: rewrite(w, lambda a: {n: v for n, v in a.items() if n != "b.bias"}),
        r"2\.safetensors: missing tensors: b\.bias",
    ),
    "shape": (
        lambda w: rewrite(w, lambda a: a | {"b.bias": np.zeros(8, np.float32)}),
        r"2\.safetensors: other tensors by the same name: b\.bias \(\[8\] for \[7\]\)",
    ),
    "dtype": (
        lambda w: write_stage(
            w.stages[1], w.arrays[1], w.sha256,
            dtypes={n: "F16" if n == "b.bias" else "F32" for n in TRAINED},
        ),
        r"2\.safetensors: other tensors by the same name: b\.bias \(\[7\] F16",
    ),
    "part": (
        lambda w: rewrite(w, dict, parts=json.dumps(dict.fromkeys(TRAINED, "vision"))),
        r"2\.safetensors: other tensors by the same name: b\.bias",
    ),
    "no parts": (
        lambda w: rewrite(w, dict, parts="{}"), r"2\.safetensors: header and tensors differ: a\.w"
    ),
    "no stage": (
        lambda w: rewrite(w, dict, format="else"), r"2\.safetensors: has format 'else'"
    ),
    "nan": (
        lambda w: rewrite(w, lambda a: diverge(a, np.nan)),
        r"2\.safetensors: tensor 'b\.bias' holds nan",
    ),
    "infinity": (
        lambda w: rewrite(w, lambda a: diverge(a, np.inf)),
        r"2\.safetensors: tensor 'b\.bias' holds inf",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["average", "ties"])
@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_belong_is_refused(world: World, case: str, kind: str) -> None:
    spoil, message = REFUSED[case]
    spoil(world)
    with pytest.raises(UserError, match=message):
        world.merge(kind=kind)
    assert not (world.folder / "merged.safetensors").exists()
    assert not list(world.folder.glob(".*"))


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("space", ["tensors", "updates"])
def test_nan_in_a_factor_is_named(world: World, space: str, full: bool) -> None:
    name = "m.lora_B.default.weight"
    rewrite(world, lambda a: a | {name: np.full_like(a[name], np.nan)})
    with pytest.raises(UserError, match=rf"2\.safetensors: tensor '{name}' holds nan"):
        world.merge(kind="average", space=space, full=full)


@pytest.mark.parametrize("kind", ["magmax", "dare", "ties"])
def test_a_difference_that_is_not_finite_is_never_passed_over(world: World, kind: str) -> None:
    rewrite(world, lambda a: diverge(a, np.nan))
    with pytest.raises(UserError, match=r"2\.safetensors: tensor 'b\.bias' holds nan"):
        world.merge(kind=kind, full=False)


def test_floats_on_a_base_of_integers(tmp_path: Path) -> None:
    digest = write_base(tmp_path / "base.safetensors", {"x": np.arange(3)}, {"x": "I64"})
    path = write_stage(tmp_path / "1", {"x": np.ones(3, np.float32)}, digest)
    with pytest.raises(UserError, match="dtypes that are not merged: x F32 on I64"):
        models.open_models(tmp_path / "base.safetensors", [path])


def test_a_base_that_was_tampered_with(world: World) -> None:
    damage_base(world)
    with pytest.raises(UserError, match=r"base\.safetensors: its tensors have hash"):
        world.merge(kind="ties")
    # What needs no base does not read all of it.
    world.merge(kind="average")


def test_the_hash_of_a_base_is_the_one_that_it_is_written_with(tmp_path: Path) -> None:
    import tiny_model
    from continual_vqa.consolidation.merging.base_hash import base_sha256

    digest = tiny_model.base_folder(tmp_path / "base")
    weights = models.Model(tmp_path / "base" / "model.safetensors", models.BASE, "pretrain")
    assert base_sha256(weights) == digest


def test_a_result_beyond_the_dtype(tmp_path: Path) -> None:
    world = World(tmp_path, dtypes="F16", base_dtypes="F16")
    with pytest.raises(UserError, match=r"beyond the largest number of F16.*lower merge\.scale"):
        world.merge(kind="task_arithmetic", scale=1e6)


def test_a_pair_is_two(world: World) -> None:
    with pytest.raises(UserError, match="3 models for a merge of a pair"):
        world.merge(kind="average", of="pair")


def test_factors_without_partner(world: World) -> None:
    lonely = "m.lora_A.default.weight"
    arrays = {lonely: world.arrays[0][lonely]}
    path = write_stage(world.folder / "lonely", arrays, world.sha256)
    with pytest.raises(UserError, match=r"has no partner m\.lora_B\.default\.weight"):
        world.merge(models=[path], kind="average", space="updates")
