"""Text that came from outside, as it may be shown on a terminal."""


def plain(text: str) -> str:
    """`text` on one line and without controls, escapes, surrogates or marks that turn the order of letters round.

    Whatever a mote, a broker or a stranger says goes through here before it reaches a terminal.
    """
    return "".join(letter if letter.isprintable() else "·" for letter in text)
