"""Tokenizers: a `tokenizer.json` as Hugging Face writes it, or a word-level one made here.

Special tokens are those of T5, which Llama's tokenizers (LLaVA 1.5) share: padding, end, unknown;
or those of Gemma's (PaliGemma) or BERT's (ViLT), which have other names for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)

from continual_vqa.errors import UserError
from continual_vqa.files.jsons import utf8
from continual_vqa.files.reading import read_file

PAD, END, UNKNOWN = "<pad>", "</s>", "<unk>"
# Gemma's names come first: to Gemma, <s> and </s> are words, HTML's marks of struck-out text.
ENDS, BEGINS = ("<eos>", END, "[SEP]"), ("<bos>", "<s>", "[CLS]")
PADS, UNKNOWNS = (PAD, "[PAD]"), (UNKNOWN, "[UNK]")
PROMPT = "vqa: {question}"


# Gemma's, the largest that is read, has 35 MB. Choice of this project.
MAX_TOKENIZER = 256 << 20


class Words:
    """Text to token ids and back.

    Attributes
    ----------
    pad, end, unknown : ids of the special tokens
    begin : id of the mark with which a prompt begins; None for T5, which has none

    Raises
    ------
    UserError : the tokenizer lacks a special token
    """

    def __init__(self, content: str, where: str | Path) -> None:
        try:
            self._tokenizer = Tokenizer.from_str(content)
        except Exception as error:  # the library raises bare Exception for every kind of damage
            raise UserError(
                f"not a tokenizer: {error}", where=where, expected="Hugging Face's tokenizer.json"
            ) from error
        self.content = content
        ids = self._tokenizer.token_to_id

        def one_of(marks: Sequence[str], otherwise: str) -> int:
            found = next((mark for mark in marks if ids(mark) is not None), otherwise)
            return self.special(found, where)

        self.pad = one_of(PADS, PAD)
        self.end = one_of(ENDS, END)
        self.unknown = one_of(UNKNOWNS, UNKNOWN)
        begins = (ids(mark) for mark in BEGINS)
        self.begin: int | None = next((number for number in begins if number is not None), None)
        self.size = self._tokenizer.get_vocab_size()
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def plain(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without any mark before or behind it."""
        encoded = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [each.ids for each in encoded]

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Token ids (int64, ending with the end mark) of each text."""
        return [np.asarray([*ids, self.end], np.int64) for ids in self.plain(texts)]

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Texts of rows of ids, special tokens left out."""
        return [text.strip() for text in self._tokenizer.decode_batch([list(r) for r in rows])]

    def special(self, token: str, where: str | Path = "tokenizer.json") -> int:
        """The id of a special token, which must exist."""
        number = self._tokenizer.token_to_id(token)
        if number is None:
            raise UserError(
                f"the tokenizer has no token {token}",
                where=where,
                expected="the tokenizer of a T5, LLaVA 1.5, PaliGemma or ViLT model",
            )
        return number

    def with_special(self, token: str) -> Words:
        """The same tokenizer with one more special token; itself if it has it already."""
        if self._tokenizer.token_to_id(token) is not None:
            return self
        extended = Tokenizer.from_str(self.content)
        extended.add_special_tokens([AddedToken(token, normalized=False)])
        return Words(extended.to_str(pretty=True), "tokenizer.json")


def read_words(path: str | Path) -> Words:
    """The tokenizer in a `tokenizer.json`."""
    return Words(utf8(read_file(path, MAX_TOKENIZER), path), path)


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


def padded(rows: Sequence[np.ndarray], fill: int, *, left: bool = False) -> np.ndarray:
    """The rows as one int64 array (rows, longest), filled up behind (or `left` of) each row."""
    longest = max(map(len, rows), default=0)
    out = np.full((len(rows), longest), fill, np.int64)
    for index, row in enumerate(rows):
        begin = longest - len(row) if left else 0
        out[index, begin : begin + len(row)] = row
    return out


def spread(rows: np.ndarray, counts: np.ndarray, fill: int) -> np.ndarray:
    """Rows (R, T) of B samples one after the other, `counts` (B,) of each, as (B, most, T)."""
    places = np.arange(counts.max(initial=1)) < counts[:, None]
    out = np.full((*places.shape, rows.shape[1]), fill, rows.dtype)
    out[places] = rows
    return out
