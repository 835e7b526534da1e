"""What a study reads and how much it will write, against the free space."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from continual_vqa.plan.materials import weight_files
from continual_vqa.plan.study_plan import Plan
from continual_vqa.preflight.finding import Finding, size

# Copies of an image in the shards of VQA v2, one in each cell that asks about it: 3.4 of its 5.4
# questions (benchmarks/cooccurrence.py).
COPIES = 3.4
# Above this share of the free space the estimate is worth a note.
TIGHT = 0.5
FP32 = 4


def check_data(plan: Plan) -> Iterator[Finding]:
    """The files that the study reads."""
    if plan.study.data.made:
        what = f"the miniature world, made by the first job ({plan.study.miniature.size})"
        yield Finding("good", "data", what)
        return
    files = [Path(path) for path in plan.raw_files]
    fetched = {f"{Path(plan.data_root) / name}" for name in plan.downloads}
    missing = [path for path in files if not path.exists() and str(path) not in fetched]
    if missing:
        shown = ", ".join(map(str, missing[:3])) + (" ..." if len(missing) > 3 else "")
        yield Finding("bad", "data", f"missing: {shown}", "set data.root, or data.download: true")
        return
    there = [path for path in files if path.exists()]
    what = f"{len(there)} files of questions, {size(sum(p.stat().st_size for p in there))}"
    folders = image_places(plan)
    images = [measured(path) for path in folders]
    what += f"; {sum(count for count, _ in images):,} images, {size(sum(b for _, b in images))}"
    if fetched:
        what += f"; {len(fetched)} archives will be fetched"
    yield Finding("good", "data", what)


def check_space(plan: Plan) -> Iterator[Finding]:
    """The estimate of what the study will write against what is free."""
    place = Path(plan.study.results)
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    base = base_bytes(plan)
    images = 0 if plan.study.data.made else sum(measured(p)[1] for p in image_places(plan))
    shards = COPIES * images if not plan.sources else float(images)
    files = len(plan.stages) + len(plan.merges) + len(plan.importances)
    if base is None:
        what = f"{files:,} files of weights, each as large as the base, which is not made yet"
        yield Finding("note", "space", f"{size(free)} free; {what}")
        return
    weights = base * files
    needed = shards + weights
    what = (
        f"{size(free)} free; at most {size(needed)}: shards {size(shards)}, "
        f"{files:,} files of weights {size(weights)}"
    )
    if needed > free:
        yield Finding("bad", "space", what, "set results to a larger disk, or run fewer recipes")
    else:
        yield Finding("note" if needed > TIGHT * free else "good", "space", what)


def base_bytes(plan: Plan) -> int | None:
    """The size of the base model as far as it exists: its own file, or the folder's."""
    folder = plan.study.backbone.folder
    for files in ([plan.paths.base_model], weight_files(folder) if folder else []):
        if files and all(Path(path).is_file() for path in files):
            return sum(Path(path).stat().st_size for path in files)
    return None


def weights_of(plan: Plan) -> int:
    """Weights of the base model; 0 where it does not exist yet."""
    return (base_bytes(plan) or 0) // FP32


def image_places(plan: Plan) -> list[Path]:
    """Folders or archives of the images."""
    if plan.sources:
        named = [each.images for each in plan.sources if each.images]
    else:
        data = plan.study.data
        named = [data.file("features" if data.features else "images", plan.data_root)]
    return [Path(path) for path in dict.fromkeys(named) if path and Path(path).exists()]


def measured(place: Path) -> tuple[int, int]:
    """Files in a folder (or 1 for an archive) and their bytes."""
    if place.is_file():
        return 1, place.stat().st_size
    sizes = [path.stat().st_size for path in place.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)
