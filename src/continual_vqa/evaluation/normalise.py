"""Answer normalisation of the official VQA evaluation, its published quirks included.

Source: the rule of the official VQA evaluation (Antol et al. 2015; the evaluation tools of VQA v2);
where its code and its description differ, the code counts:

- a period goes unless a digit follows it, also after a digit, and at most 32 of them go;
- "none" becomes "0"; "somebody'd" loses its apostrophe;
- a punctuation mark vanishes when it stands beside a blank or when the answer holds a digit, a
  comma and a digit in a row; otherwise it becomes a blank;
- apostrophes, colons and other marks that are not listed stay.
"""

from __future__ import annotations

import re

PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
NUMBERS = ["none zero", *"one two three four five six seven eight nine ten".split()]
ARTICLES = "a an the".split()
# Each form is the target of itself with any one of its apostrophes missing. Forms with a capital
# ("I'm") never apply, since answers are in lower case by then.
CONTRACTIONS = """
ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't
haven't he'd he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've
might've mustn't must've needn't not've o'clock oughtn't 'ow's'at shan't she'd've should've
shouldn't
shouldn't've somebody'd've somebody'll somebody's someone'd someone'd've someone'll someone's
something'd something'd've something'll that's there'd there'd've there're there's they'd they'd've
they'll they're they've 'twas wasn't we'd've we've weren't what'll what're what's what've when's
where'd where's where've who'd who'd've who'll who's who've why'll why're why's won't would've
wouldn't wouldn't've y'all y'all'll y'all'd've you'd you'd've you'll you're you've
""".split()

_MARKS = re.compile(f"[{re.escape(PUNCTUATION)}]")
_NUMBER_WITH_COMMA = re.compile(r"\d,\d")
_PERIOD = re.compile(r"\.(?!\d)")
_MOST_PERIODS = 32
_REMOVE = str.maketrans(dict.fromkeys(PUNCTUATION, ""))


def _word_table() -> dict[str, str]:
    table: dict[str, str] = dict.fromkeys(ARTICLES, "")
    for digit, names in enumerate(NUMBERS):
        table.update(dict.fromkeys(names.split(), str(digit)))
    for form in CONTRACTIONS:
        for position, letter in enumerate(form):
            if letter == "'":
                table[form[:position] + form[position + 1 :]] = form
    table["somebody'd"] = "somebodyd"
    return table


_WORDS = _word_table()


def clean(answer: str) -> str:
    """`answer` with newlines and tabs as blanks, stripped; applied to every answer."""
    return answer.replace("\n", " ").replace("\t", " ").strip()


def normalise(answer: str) -> str:
    """The cleaned `answer` without punctuation and articles, numbers as digits, in lower case.

    Applied only to questions whose cleaned answers are not all equal.
    """
    # Nearly all real answers are plain words: these skip the punctuation altogether.
    if not answer.isalpha():
        if _MARKS.search(answer) is not None:
            answer = _without_punctuation(answer)
        if "." in answer:
            answer = _PERIOD.sub("", answer, count=_MOST_PERIODS)
    words = answer.lower().split()
    if len(words) == 1:
        return _WORDS.get(words[0], words[0])
    known = [_WORDS.get(word, word) for word in words]
    return " ".join([word for word in known if word])


def _without_punctuation(answer: str) -> str:
    if _NUMBER_WITH_COMMA.search(answer) is not None:
        return answer.translate(_REMOVE)
    # One occurrence beside a blank decides for every occurrence of that mark.
    by = {
        ord(mark): "" if f"{mark} " in answer or f" {mark}" in answer else " "
        for mark in set(_MARKS.findall(answer))
    }
    return answer.translate(by)
