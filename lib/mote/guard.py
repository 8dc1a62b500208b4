"""A guard against a mote that starts, fails and starts again without end.

Starts are counted in RTC memory, which survives a reset and costs no flash write; a start that
reached the broker clears the count. After a few that did not, each next one waits first, longer
each time, so that a wire to the board finds it quiet and the flash is not worn by boot counters.

Crashes are another count, and the network has no say in it. A start is on trial from `begin` until it has stood for the
watchdog's grace, whether anybody was reached or not; it crashed where it ended before that and had not said that it
would. What says so: a planned reset, deep sleep, a person at the console. A chip that lost its power is no crash, and
neither is one whose watchdog bit while a name was resolved, which whoever answers for the name server can bring about.
After three crashes in a row under the same settings, or one refusal to be built, `failing` is true, and mote.chosen
goes back to other settings or into safe mode; from there the whole mote is tried again, so many times and no more.
"""

import io
import sys
import time

import machine
from mote import const
from mote.rtc import Memory

_FREE_STARTS = const(4)
_LONGEST_PAUSE_S = const(300)

# Why a mote resets itself, as RTC memory keeps it: 1 to 7.
NO_BROKER = const(1)
NO_MEMORY = const(2)

_CRASHES = const(3)
_TRIES = const(24)  # of the whole mote, from safe mode
_MOST = const(255)
_WORDS = const(60)

# Flags of a trial.
_OPEN = const(1)  # this start has not said that it would end
_WHOLE = const(2)  # the whole mote is tried, though so many starts have crashed
_SAFE = const(4)  # it is in safe mode
_BARE = const(8)  # a start in safe mode has crashed: the next one leaves the actuators alone too
_WAITING = const(16)  # a name is resolved

PAUSE_MS = const(3_600_000)  # in safe mode, until the whole mote is tried again

SAFE = "safe"
BACK = "back"

grace_s = 0  # of the watchdog, for the words
mode = None  # of this start: SAFE, BACK (on the last settings that worked), or None for the whole mote
why = ""  # it is in that mode
failing = False  # so many starts have crashed under these settings
bare = False  # not even actuators may be touched
unproven = None  # path and CRC-32 of settings that are to be remembered once they have worked, or None
_reason = 0  # of this start
_settings = None  # CRC-32 of its settings, once it is on trial


def started():
    """Count this start; wait where too many before it failed. Returns how many did."""
    global _reason
    memory = _memory()
    _reason = memory.take_reason()
    failed = memory.failed_starts()
    memory.set_failed_starts(failed + 1)
    if failed >= _FREE_STARTS:
        pause = min(5 << min(failed - _FREE_STARTS, 6), _LONGEST_PAUSE_S)
        print("boot: %d starts in a row did not reach the broker; waiting %d s" % (failed, pause))
        time.sleep(pause)
    return failed


def begin(settings):
    """Put this start, under settings whose CRC-32 is `settings`, on trial."""
    global _settings, failing, bare, why
    memory = _memory()
    flags, crashes, whose = memory.trial()
    words = memory.words()
    if whose != settings:
        flags = crashes = 0
        words = ""
    if flags & _OPEN and not flags & _WAITING and not _by_hand():
        words = words or cause()
        if flags & _SAFE:
            flags |= _BARE
        else:
            crashes = min(crashes + 1, _MOST)
            flags &= ~_WHOLE
    failing = crashes >= _CRASHES and not flags & _WHOLE
    bare = bool(flags & _BARE)
    why = words or "%d starts crashed" % crashes
    _settings = settings
    memory.set_trial(_OPEN | flags & (_WHOLE | _BARE), crashes, settings)
    if words:
        memory.set_words(words)  # until the epoch begins


def forgive():
    """What crashed is out of this start: begin to count again."""
    global failing
    failing = False
    _memory().set_trial(_OPEN, 0, _settings)


def go_safe():
    """This start is one in safe mode."""
    global mode
    mode = SAFE
    _set(_SAFE)


def crashed(error):
    """The program ends by `error`, an exception; the next start is told by its kind and where it was raised."""
    try:
        _memory().set_words(_place(error))
    except Exception as another:  # out of memory too: it has to come to a reset
        print("guard:", repr(another))


def hopeless(words):
    """The mote cannot be built as it is, `words` say why: what three crashes bring comes with the next start.

    Return whether there is another way to start; there is none in safe mode.
    """
    if mode == SAFE:
        return False
    memory = _memory()
    crashes = max(memory.trial()[1] + 1, _CRASHES)
    memory.set_trial(0, min(crashes, _MOST), _settings)
    memory.set_words(plain(words))
    return True


def ended():
    """Somebody, or the program, means to end this start."""
    if _settings is not None:
        _set(0, _OPEN)
        _keep_why()


def stood():
    """This start has stood for as long as it has to. Of the whole mote the crashes before it are forgotten."""
    if mode == SAFE:
        ended()
    elif _settings is not None:
        _memory().set_trial(0, 0, _settings)


def again():
    """Have the next start be one of the whole mote, where it was not tried too often; return whether it will be."""
    if mode != SAFE or _memory().trial()[1] >= _CRASHES + _TRIES:
        return False
    _set(_WHOLE, _OPEN | _SAFE | _BARE)
    _keep_why()
    return True


def waiting(on):
    """While `on`, a name is resolved, which blocks: who answers for the name server says for how long."""
    if _settings is not None and _memory().trial()[0] & _WAITING != (_WAITING if on else 0):
        _set(_WAITING if on else 0, 0 if on else _WAITING)


def _set(add, remove=0):
    memory = _memory()
    flags, crashes, settings = memory.trial()
    memory.set_trial(flags & ~remove | add, crashes, settings)


def _by_hand():
    """True where the last start ended because its power went, or by the reset pin."""
    cause = machine.reset_cause()
    # The ESP8266, whose causes count from 0, calls the reset pin a hard reset; other chips call a fault one.
    return cause == machine.PWRON_RESET or (cause == machine.HARD_RESET and machine.PWRON_RESET == 0)


def _keep_why():
    """Have the next start in safe mode know why; where the mote sleeps first, it does not."""
    if mode == SAFE:
        _memory().set_words(why)


def plain(words):
    """Return `words`, cut, or others where a status does not carry their letters."""
    words = words[:_WORDS]
    return words if all(32 <= byte < 127 for byte in words.encode()) else "not in plain letters; the console says it"


def _place(error):
    """Return the kind of `error` and the line of this program that raised it; nothing from outside."""
    text = io.StringIO()
    sys.print_exception(error, text)
    words = type(error).__name__
    for line in text.getvalue().split("\n"):
        if line.startswith('  File "'):
            parts = line[8:].split('"')
            words = type(error).__name__ + " in " + parts[0] + parts[1].split(", in")[0].replace(",", "")
    return plain(words)


def healthy():
    """This start reached the broker: the count of those that did not begins again."""
    _memory().set_failed_starts(0)


def keep(reason):
    """Keep for the next start why this one is about to be ended, one of the above."""
    _memory().set_reason(reason)
    if reason == NO_BROKER:
        again() or stood()
    else:
        ended()


def said(reason):
    """Return `reason` as a person says it."""
    if reason == NO_BROKER:
        return "watchdog: no broker for %d s" % grace_s
    return "watchdog: no memory for a session" if reason == NO_MEMORY else "watchdog: reason %d" % reason


def cause():
    """Return why the board started, as a person says it."""
    if _reason:
        return said(_reason)
    cause = machine.reset_cause()
    for name, words in (
        ("PWRON_RESET", "power on"),
        ("HARD_RESET", "reset"),
        ("WDT_RESET", "watchdog: the program hung"),
        ("DEEPSLEEP_RESET", "deep sleep"),
        ("SOFT_RESET", "soft reset"),
    ):
        if cause == getattr(machine, name, None):
            return words
    return str(cause)


def _memory():
    return Memory(machine.RTC().memory)
