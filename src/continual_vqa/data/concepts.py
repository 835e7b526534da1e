"""The concept of every VQA v2 question: the COCO category of its image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.data.coco import read_concept_map, read_instances
from continual_vqa.data.problems import Problems
from continual_vqa.data.tables import flat
from continual_vqa.data.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True)
class Concepts:
    """The concept of every row.

    Attributes
    ----------
    names : "" where none is known
    known : whether the image is in the instances files or the map; None without instances files,
        which alone list every image
    sources : what gave the concepts, for people: file -> number of images
    """

    names: pa.Array
    known: pa.Array | None
    sources: Mapping[str, int]


def image_concepts(
    raw: pa.Table,
    taxonomy: Taxonomy,
    instances: Sequence[str],
    concept_map: str,
    problems: Problems,
) -> Concepts:
    """Concepts from COCO instances, a published map, or both.

    Given both, the taxonomy says which is asked first; an image that it does not list is looked up
    in the other.

    Raises
    ------
    UserError : a file is missing or damaged, or has categories other than COCO's
    """
    categories = taxonomy.file.categories
    lookups: dict[str, Callable[[str, str], int | None]] = {}
    if instances:
        found = read_instances(instances, categories, problems)
        # 0: listed, but without an object.
        by_id = {image: found.category.get(image, 0) for image in found.images}
        lookups["instances"] = lambda image_id, _: by_id.get(image_id)
    if concept_map:
        by_name = read_concept_map(concept_map, categories)
        lookups["map"] = lambda _, image_name: by_name.get(image_name)
    order = sorted(lookups, key=lambda kind: kind != taxonomy.file.concepts.prefer)
    names = {"instances": ", ".join(instances), "map": concept_map}
    # An image has one name in COCO: names are as good as ids, and tell the subset.
    encoded = flat(pc.dictionary_encode(raw["image_name"]))
    category: list[int | None] = []
    counts = {names[kind]: 0 for kind in order}
    for image_name in encoded.dictionary.to_pylist():
        image_id = image_name.rpartition("_")[2].lstrip("0") or "0"
        number = None
        for kind in order:
            number = lookups[kind](image_id, image_name)
            if number is not None:
                counts[names[kind]] += 1
                break
        category.append(number)
    texts = pa.array([categories[n] if n else "" for n in category], pa.string())
    known = pa.array([n is not None for n in category], pa.bool_())
    return Concepts(
        texts.take(encoded.indices), known.take(encoded.indices) if instances else None, counts
    )
