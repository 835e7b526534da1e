"""The words of questions, and the terms by which a classifier tells what a question is about."""

from __future__ import annotations

# pyarrow makes the functions of `compute` when imported, out of a type checker's sight.
# pyright: reportAttributeAccessIssue=false
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.data.tables import flat

# Letters and digits of any script, with apostrophes inside: what's, 3, café.
_BETWEEN = r"[^\pL\pN']+"
# A question's kind stands in its beginning: with these openings 93 % of the questions of VQA v2 are
# led to their skill, by words alone 84 % (tests/real/test_routing_real.py).
OPENINGS = (2, 3)


def words_of(questions: pa.Array | pa.ChunkedArray) -> pa.ListArray:
    """The lower-case words of each question, in order; an empty one where there is none."""
    text = pc.replace_substring_regex(pc.utf8_lower(flat(questions)), _BETWEEN, " ")
    return pc.split_pattern(pc.utf8_trim(text, " "), " ")


def terms_of(questions: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    """Every term of every question: its words, and its first two and first three words joined.

    Returns
    -------
    int64 [terms]: the number of the question; strings [terms]. A question's terms stand in the same
    order whatever the others are
    """
    words = words_of(questions)
    lengths = pc.list_value_length(words)
    owners, terms = [pc.list_parent_indices(words)], [pc.list_flatten(words)]
    numbers = pa.array(np.arange(len(words)))
    for length in OPENINGS:
        longer = pc.greater_equal(lengths, length)
        opening = pc.binary_join(pc.list_slice(words.filter(longer), 0, length), " ")
        owners.append(numbers.filter(longer))
        terms.append(opening)
    found = pa.concat_arrays(terms)
    kept = pc.not_equal(found, "")
    parents = np.concatenate([np.asarray(each, np.int64) for each in owners])
    return parents[np.asarray(kept, bool)], found.filter(kept)
