"""Tokenizers: a `tokenizer.json` as Hugging Face writes it, or a word-level one made here.

Special tokens are T5's: padding (also the decoder's start), end, unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from continual_vqa.errors import UserError, naming

PAD, END, UNKNOWN = "<pad>", "</s>", "<unk>"
PROMPT = "vqa: {question}"


class Words:
    """Text to token ids and back.

    Raises
    ------
    UserError : the tokenizer lacks a special token or does not close a text with the end mark
    """

    def __init__(self, content: str, where: str | Path) -> None:
        try:
            self._tokenizer = Tokenizer.from_str(content)
        except Exception as error:  # the library raises bare Exception for every kind of damage
            raise UserError(
                f"not a tokenizer: {error}", where=where, expected="Hugging Face's tokenizer.json"
            ) from error
        self.content = content
        self.pad = self._special(PAD, where)
        self.end = self._special(END, where)
        self.unknown = self._special(UNKNOWN, where)
        self.size = self._tokenizer.get_vocab_size()
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        if self._tokenizer.encode("a").ids[-1:] != [self.end]:
            raise UserError(
                "the tokenizer does not close a text with </s>",
                where=where,
                expected="a T5 tokenizer (TemplateProcessing with </s>)",
            )

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Token ids (int64, ending with the end mark) of each text."""
        return [
            np.asarray(encoded.ids, np.int64)
            for encoded in self._tokenizer.encode_batch_fast(list(texts))
        ]

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Texts of rows of ids, special tokens left out."""
        return [text.strip() for text in self._tokenizer.decode_batch([list(r) for r in rows])]

    def _special(self, token: str, where: str | Path) -> int:
        number = self._tokenizer.token_to_id(token)
        if number is None:
            raise UserError(
                f"the tokenizer has no token {token}", where=where, expected="a T5 tokenizer"
            )
        return number


def read_words(path: str | Path) -> Words:
    """The tokenizer in a `tokenizer.json`."""
    with naming(path, "read"):
        content = Path(path).read_text(encoding="utf-8")
    return Words(content, path)


def train_words(texts: Iterable[str]) -> Words:
    """A word-level, lower-case tokenizer of all words in `texts`, in alphabetical order.

    It depends on which words there are, never on how often.

    Punctuation at the end of a word is a token of its own, so that decoding an answer and
    encoding it again gives the same ids.
    """
    tokenizer = Tokenizer(models.WordLevel({PAD: 0, END: 1, UNKNOWN: 2}, unk_token=UNKNOWN))
    normalise = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    split = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Split(Regex(r"[?!,.:;]+$"), behavior="isolated"),
        ]
    )
    found: set[str] = set()
    for text in [*texts, PROMPT.format(question="")]:
        found.update(word for word, _ in split.pre_tokenize_str(normalise.normalize_str(text)))
    vocabulary = {PAD: 0, END: 1, UNKNOWN: 2}
    for word in sorted(found):
        vocabulary.setdefault(word, len(vocabulary))
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer = normalise  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.pre_tokenizer = split  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.post_processor = processors.TemplateProcessing(  # pyright: ignore[reportAttributeAccessIssue]
        single=f"$A {END}", special_tokens=[(END, 1)]
    )
    tokenizer.add_special_tokens([PAD, END, UNKNOWN])
    return Words(tokenizer.to_str(pretty=True), "tokenizer.json")


def padded(rows: Sequence[np.ndarray], fill: int) -> np.ndarray:
    """The rows as one int64 array (rows, longest), filled up with `fill`."""
    out = np.full((len(rows), max(map(len, rows), default=0)), fill, np.int64)
    for index, row in enumerate(rows):
        out[index, : len(row)] = row
    return out
