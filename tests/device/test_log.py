"""The console: a line is a line, whatever is in it."""

from mote import log


def said(*words):
    lines = []
    log.print = lambda *parts: lines.append(" ".join(parts))
    try:
        log.say("orders", *words)
    finally:
        del log.print
    assert len(lines) == 1
    return lines[0].split(" ", 1)[1]


def test_words_are_printed_as_they_are():
    assert said("relay", 1, "k\xfcche", None) == "orders: relay 1 k\xfcche None"


def test_control_characters_are_never_printed():
    for bad in ("\x1b[31mred", "a\nb", "a\rb", "\x07", "\x7f", "\x9b2J", "\x85", "\u2028", "\u2029"):
        line = said("name", bad)
        assert not any(c < " " or "\x7f" <= c < "\xa0" or c in "\u2028\u2029" for c in line)
        assert line.startswith("orders: 'name ")
