"""Did you mean: the known word that somebody probably meant by an unknown one.

Case and separators are forgiven first, then a few wrong letters. Nothing is suggested rather than something far-fetched.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

CLOSE_ENOUGH: Final = 0.75
"""Of difflib's measure, from 0 to 1: two wrong letters in a word of eight pass, another word does not."""

LENGTH_MAX: Final = 100
"""Characters of a word that is compared; comparing is quadratic and the word a stranger's."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that is meant, "" when there is none."""
    if len(word) > LENGTH_MAX:
        return ""
    by_letters = {_letters(one): one for one in known}
    letters = _letters(word)
    if letters in by_letters:
        return by_letters[letters]
    found = get_close_matches(letters, by_letters, n=1, cutoff=CLOSE_ENOUGH)
    return by_letters[found[0]] if found else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` to end a sentence with, or nothing."""
    found = nearest(word, known)
    return f" Did you mean {found!r}?" if found else ""


def _letters(word: str) -> str:
    return "".join(filter(str.isalnum, word)).lower()
