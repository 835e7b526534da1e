"""English plurals of object names."""

from __future__ import annotations

import re

_IRREGULAR = {
    "person": "people",
    "man": "men",
    "woman": "women",
    "child": "children",
    "mouse": "mice",
    "knife": "knives",
    "foot": "feet",
    "tooth": "teeth",
}
_SAME = frozenset({"sheep", "deer", "fish", "broccoli", "luggage", "grass", "sand", "water"})


def plural(name: str) -> str:
    """`name` in the plural; a name that looks like one already is left as it is.

    Only the last word changes: "wine glass" -> "wine glasses". Good for the object names of COCO
    and most of GQA's, which also lists plurals of its own ("trees").
    """
    *before, word = name.split(" ")
    return " ".join((*before, _word(word)))


def _word(word: str) -> str:
    if word in _SAME or (word.endswith("s") and not re.search(r"(ss|us)$", word)):
        return word
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if re.search(r"(s|x|z|ch|sh)$", word):
        return f"{word}es"
    if re.search(r"[^aeiou]y$", word):
        return f"{word[:-1]}ies"
    return f"{word}s"
