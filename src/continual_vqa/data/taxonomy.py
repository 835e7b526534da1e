"""A taxonomy applied to questions: the skill of each, and the group of its concept."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.config.taxonomy import Rule, TaxonomyFile, read_taxonomy, taxonomy_path
from continual_vqa.data.tables import flat
from continual_vqa.errors import UserError

# What rules call the columns of GQA's types.
ALIASES = {
    "structural": "question_type",
    "semantic": "answer_type",
    "detailed": "detailed_type",
}


@dataclass(frozen=True)
class Taxonomy:
    """Skills and concept groups; see config/taxonomies/."""

    file: TaxonomyFile
    where: str

    @property
    def skills(self) -> tuple[str, ...]:
        """In the published order."""
        return self.file.skills

    @property
    def groups(self) -> tuple[str, ...]:
        """Group names, in order."""
        return tuple(self.file.groups)

    @property
    def composition_skills(self) -> tuple[str, ...]:
        """Skills on which novel compositions are tested."""
        return self.file.composition_skills

    def assign(self, table: pa.Table) -> pa.Array:
        """The skill of every row, null where no rule fits.

        Parameters
        ----------
        table : columns question, question_type and, for GQA, answer_type and detailed_type, without
            nulls
        """
        rules = self.file.rules
        undecided = np.ones(table.num_rows, bool)
        decided = np.full(table.num_rows, -1, np.int64)
        for number, rule in enumerate(rules):
            fits = self._fits(rule, table, undecided)
            decided[fits] = number
            undecided[fits] = False
        skills = pa.array([rule.skill for rule in rules])
        return skills.take(pa.array(decided, mask=decided < 0))

    def nearest_type(self, name: str) -> str:
        """The known question type most like `name`, or "" when none is near."""
        known = [
            value
            for rule in self.file.rules
            for column, values in rule.when.items()
            if ALIASES.get(column, column) == "question_type"
            for value in values
        ]
        return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.4)), "")

    def group_of_name(self) -> Mapping[str, str]:
        """Category name -> group, for a taxonomy of COCO categories; "" = in no group."""
        owner = self._owner()
        by_index = self.file.concepts.key == "coco_index"
        return {
            self.file.categories[number]: owner.get(index if by_index else number, "")
            for index, number in enumerate(sorted(self.file.categories))
        }

    def group(self, concept: pa.Array | pa.ChunkedArray) -> pa.Array:
        """The group of each concept name; "" where it has none."""
        encoded = flat(pc.dictionary_encode(concept))
        names = encoded.dictionary.to_pylist()
        if self.file.concepts.key == "name_hash":
            owner = self._owner()
            groups = [owner.get(self._bucket(name), "") if name else "" for name in names]
        else:
            known = self.group_of_name()
            groups = [known.get(name, "") for name in names]
        return pa.array(groups, pa.string()).take(encoded.indices)

    def _owner(self) -> dict[int, str]:
        return {number: group for group, numbers in self.file.groups.items() for number in numbers}

    def _bucket(self, name: str) -> int:
        digest = hashlib.sha256(name.encode()).digest()
        return int.from_bytes(digest[:8], "big") % self.file.concepts.buckets

    def _fits(self, rule: Rule, table: pa.Table, undecided: np.ndarray) -> np.ndarray:
        """The rows (int64) that are undecided and fit every condition."""
        rows = np.flatnonzero(undecided)
        for name, values in rule.when.items():
            column = self._column(table, name).take(pa.array(rows))
            rows = rows[np.asarray(pc.is_in(column, pa.array(values, pa.string())))]
        for name, pattern in rule.matches.items():
            column = self._column(table, name).take(pa.array(rows))
            try:
                rows = rows[np.asarray(pc.match_substring_regex(column, pattern), bool)]
            except pa.ArrowInvalid as error:
                raise UserError(
                    f"rule of {rule.skill}: {pattern!r} is no RE2 expression: {error}",
                    where=self.where,
                ) from error
        return rows

    def _column(self, table: pa.Table, name: str) -> pa.ChunkedArray:
        column = ALIASES.get(name, name)
        if column not in table.column_names:
            raise UserError(
                f"a rule asks for column {name!r}",
                where=self.where,
                expected=", ".join([*table.column_names, *ALIASES]),
            )
        return table[column]


def load_taxonomy(name: str) -> Taxonomy:
    """The taxonomy of that name (config/taxonomies/) or in that .yaml file.

    Raises
    ------
    UserError : unknown name, missing or malformed file
    """
    return Taxonomy(read_taxonomy(name), str(taxonomy_path(name)))
