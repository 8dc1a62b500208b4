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


def printed(level, say, *words):
    lines = []
    log.print = lambda *parts: lines.append(" ".join(parts).split(" ", 1)[1])
    log.level = log.LEVELS.index(level)
    try:
        say("link", *words)
    finally:
        log.level = log.LEVELS.index("info")
        del log.print
    return lines


def test_levels_below_the_setting_are_silent():
    for level, silent in (("debug", 0), ("info", 1), ("warning", 2), ("error", 3)):
        heard = [bool(printed(level, say, "lost")) for say in (log.debug, log.say, log.warn, log.error)]
        assert heard == [False] * silent + [True] * (4 - silent)


def test_warning_is_marked_and_its_first_words_are_kept():
    assert printed("info", log.warn, "lost:", "from outside") == ["warning link: lost: from outside"]
    assert log.last == "link: lost:"
    assert printed("error", log.warn, "gone") == []
    assert log.last == "link: gone", "kept, whether it was printed or not"
    assert printed("error", log.error, "failed:", 5) == ["error link: failed: 5"]
