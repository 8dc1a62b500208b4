"""A start on trial: whether starts crash, and what comes of it. The network has no say in this.

A start is on trial from `begin` until it has stood for the watchdog's grace, whether anybody was reached or not. It
crashed where it ended before that and had not said that it would: what says so is a planned reset, deep sleep, a
person at the console. A chip that lost its power is no crash, and neither is one whose watchdog bit while a name was
resolved, which whoever answers for the name server can bring about. The count is in RTC memory (mote.rtc) and belongs
to settings: others begin anew, and so does a chip that lost its power.

After three crashes in a row, or where the mote cannot be built at all, `failing` is true: mote.chosen goes back to
other settings, or into safe mode. From there the whole mote is tried again after a pause, so many times and no more.
"""

import io
import sys

import machine

import mote
from mote import const, guard, log, rtc, uptime

_CRASHES = const(3)
LAST = const(2)  # crashes after which one more start is tried
_TRIES = const(24)  # of the whole mote, from safe mode
_MOST = const(255)
_WORDS = const(60)
PAUSE_MS = const(3_600_000)  # in safe mode, until the whole mote is tried again
_STAND_S = const(600)  # where the watchdog has no grace

# Flags of a trial.
_OPEN = const(1)  # this start has not said that it would end
_WHOLE = const(2)  # the whole mote is tried, though so many starts have crashed
_SAFE = const(4)  # it is in safe mode
_BARE = const(8)  # a start in safe mode has crashed: the next one leaves the actuators alone too
_WAITING = const(16)  # a name is resolved
_PROVEN = const(32)  # these settings are remembered: there are no others to go back to

SAFE = "safe"
BACK = "back"

mode = None  # of this start: SAFE, BACK (on the last settings that worked), or None for the whole mote
why = ""  # it is in that mode
crashes = 0  # in a row, before this start
failing = False  # too many of them
proven = False  # these settings are the last that worked, and remembered
bare = False  # not even actuators may be made
unproven = None  # path and CRC-32 of settings that are to be remembered once they have worked, or None
_settings = None  # CRC-32 of the settings, once this start is on trial


def begin(settings):
    """Put this start, under settings whose CRC-32 is `settings`, on trial."""
    global _settings, crashes, failing, bare, proven, why
    if settings == _settings:
        return  # a waking that was to send nothing has begun it
    memory = _memory()
    flags, crashes, whose = memory.trial()
    words = found = memory.words()
    if whose != settings:
        flags = crashes = 0
        words = ""
    if flags & _OPEN and not flags & _WAITING and not _by_hand():
        words = words or guard.cause()
        if flags & _SAFE:
            flags |= _BARE
        else:
            crashes = min(crashes + 1, _MOST)
            flags &= ~_WHOLE
    failing = crashes >= _CRASHES and not flags & _WHOLE
    bare = bool(flags & _BARE)
    proven = bool(flags & _PROVEN)
    why = words or "%d starts crashed" % crashes
    _settings = settings
    memory.set_trial(_OPEN | flags & (_WHOLE | _BARE | _PROVEN), crashes, settings)
    if words != found:
        memory.set_words(words)  # until the epoch begins; where nothing was, there may be what was taken into a sleep


def forgive():
    """What crashed is out of this start: begin to count again."""
    global crashes, failing
    failing = False
    crashes = 0
    _memory().set_trial(_OPEN, 0, _settings)


def go_safe():
    """This start is one in safe mode."""
    global mode
    mode = SAFE
    _set(_SAFE)


def proves():
    """These settings are remembered."""
    _set(_PROVEN)


def crashed(error):
    """The program ends by `error`, an exception; the next start is told its kind and where it was raised."""
    try:
        _memory().set_words(_place(error))
    except Exception as another:  # out of memory too: it has to come to a reset
        print("trial:", repr(another))


def hopeless(words):
    """The mote cannot be built as it is, `words` say why: what three crashes bring comes with the next start.

    Return whether there is another way to start; there is none in safe mode.
    """
    if mode == SAFE:
        return False
    memory = _memory()
    memory.set_trial(memory.trial()[0] & _PROVEN, min(max(crashes + 1, _CRASHES), _MOST), _settings)
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
        memory = _memory()
        memory.set_trial(memory.trial()[0] & _PROVEN, 0, _settings)


def again():
    """Have the next start be one of the whole mote, where it was not tried too often; return whether it will be."""
    if mode != SAFE or crashes >= _CRASHES + _TRIES:
        return False
    _set(_WHOLE, _OPEN | _SAFE | _BARE)
    _keep_why()
    return True


def waiting(on):
    """While `on`, a name is resolved, which blocks: who answers for the name server says for how long."""
    if _settings is not None:
        _set(_WAITING if on else 0, 0 if on else _WAITING)


def plain(words):
    """Return `words`, cut, or others where a status does not carry their letters."""
    words = words[:_WORDS].replace('"', "'").replace("\\", "/")  # which JSON would make longer
    return words if all(32 <= byte < 127 for byte in words.encode()) else "not in plain letters; the console says it"


class Trial:
    """What the time and the link have to do with it, for a mote that the watchdog leaves `grace_s` seconds.

    `save` is called before a reset.
    """

    def __init__(self, grace_s, link, save):
        self._stand_ms = (grace_s or _STAND_S) * 1000
        self._link = link
        self._save = save
        self._stood = False

    def turn(self):
        """See what is due; call it every second or so."""
        if not self._stood and uptime.ms() >= self._stand_ms:
            self._stand()
        if self._stood and unproven is not None and self._link.acknowledged:
            self._remember()
        if mode == SAFE and uptime.ms() >= PAUSE_MS and again():
            log.say("mote", "leaves safe mode: the whole is tried again")
            self._save()
            machine.reset()

    def slept(self):
        """The mote is about to sleep deeply: it has done all that a waking is for, and stood."""
        if self._link.acknowledged:
            guard.healthy()
        again()
        if unproven is not None and self._link.acknowledged:
            self._remember()

    def reset(self, quiet):
        """The watchdog is about to reset the mote; `quiet` says that it is for want of a broker alone."""
        if not quiet:
            ended()
        elif not again():
            stood()

    def _stand(self):
        self._stood = True
        stood()

    def _remember(self):
        """Copy the settings, which work, into flash: once for each change of them."""
        global unproven
        path, mark = unproven
        unproven = None
        try:
            from mote import lastgood

            lastgood.LastGood().remember(path, mark)
            proves()
            log.say("mote", "these settings work, and are remembered")
        except (OSError, MemoryError) as error:
            log.warn("mote", "the settings cannot be remembered:", repr(error))
        else:
            del sys.modules["mote.lastgood"]
            del mote.lastgood


def _memory():
    return rtc.of_board()


def _set(add, remove=0):
    memory = _memory()
    flags, count, settings = memory.trial()
    memory.set_trial(flags & ~remove | add, count, settings)


def _keep_why():
    """Have the next start in safe mode know why; where the mote sleeps first, it does not."""
    if mode == SAFE:
        _memory().set_words(why)


def _by_hand():
    """True where the last start ended because its power went, or by the reset pin."""
    cause = machine.reset_cause()
    # The ESP8266, whose causes count from 0, calls the reset pin a hard reset; other chips call a fault one.
    return cause == machine.PWRON_RESET or (cause == machine.HARD_RESET and machine.PWRON_RESET == 0)


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
