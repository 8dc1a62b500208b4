"""A start on trial: what has to be done once it has stood, and in safe mode what comes after the pause.

Beside mote.guard, which counts: this is the part that knows the time and the link.
"""

import sys

import machine

import mote
from mote import const, guard, log, uptime

_STAND_S = const(600)  # where the watchdog has no grace


class Trial:
    """The trial of a start that the watchdog leaves `grace_s` seconds; `save` is called before a reset."""

    def __init__(self, grace_s, link, save):
        self._stand_ms = (grace_s or _STAND_S) * 1000
        self._link = link
        self._save = save
        self._stood = False

    def turn(self):
        """See what is due; call it every second or so."""
        if not self._stood and uptime.ms() >= self._stand_ms:
            self._stand()
        if self._stood and guard.unproven is not None and self._link.acknowledged:
            self._remember()
        if guard.mode == guard.SAFE and uptime.ms() >= guard.PAUSE_MS and guard.again():
            log.say("mote", "leaves safe mode: the whole is tried again")
            self._save()
            machine.reset()

    def slept(self):
        """The mote is about to sleep deeply: it has done all that a waking is for, and stood."""
        if self._link.acknowledged:
            guard.healthy()
        if not guard.again():
            self._stand()
        if guard.unproven is not None and self._link.acknowledged:
            self._remember()

    def _stand(self):
        self._stood = True
        guard.stood()

    def _remember(self):
        """Copy the settings, which work, into flash: once for each change of them."""
        path, mark = guard.unproven
        guard.unproven = None
        try:
            from mote import lastgood

            lastgood.LastGood().remember(path, mark)
            log.say("mote", "these settings work, and are remembered")
        except (OSError, MemoryError) as error:
            log.warn("mote", "the settings cannot be remembered:", repr(error))
        else:
            del sys.modules["mote.lastgood"]
            del mote.lastgood
