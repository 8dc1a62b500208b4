"""The valid word that somebody may have meant."""

import difflib
from collections.abc import Iterable


def nearest(word: str, words: Iterable[str]) -> str:
    """A question whether the nearest of `words` was meant, to put behind what is wrong; empty where none is near."""
    words = list(words)
    near = word.lower()
    found = difflib.get_close_matches(near, words, 1)
    begun = [each for each in words if len(near) > 2 and each.startswith(near)]  # "temp" is too short for difflib
    best = found or begun
    return f"; did you mean {best[0]}?" if best else ""
