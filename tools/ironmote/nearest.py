"""The valid word that somebody may have meant."""

import difflib
from collections.abc import Iterable


def nearest(word: str, words: Iterable[str]) -> str:
    """A question whether the nearest of `words` was meant, to put behind what is wrong; empty where none is near."""
    found = difflib.get_close_matches(word, list(words), 1)
    return f"; did you mean {found[0]}?" if found else ""
