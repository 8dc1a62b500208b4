"""Which settings a start runs on: those that came last, what worked before them, or as little as there can be.

Loaded for that alone, with mote.settings, mote.schema, mote.kinds and mote.lastgood; all of it is unloaded then.
"""

import binascii
import gc

from mote import cbor, lastgood, log, settings, store, trial


class NoSettings(Exception):
    """There is nothing to choose from."""


def choose():
    """Return the settings.Values of this start, and put it on trial.

    Raises NoSettings, SettingsError, and ValueError or OSError where they cannot be read.
    """
    data = store.read(settings.PATH, lastgood.LIMIT)
    if not data:
        raise NoSettings("no settings; provision this mote")
    mark = binascii.crc32(data)
    trial.begin(mark)
    last = lastgood.LastGood()
    another = last.mark not in (0, mark)
    values = None
    if another and last.given_up == mark:
        values = _back(last, data, last.why)
    elif another and trial.failing:
        values = _back(last, data, trial.why, mark)
    if values is None:
        try:
            values = settings.Settings.from_cbor(data)
        except settings.SettingsError as error:
            values = _back(last, data, trial.plain(str(error)), mark) if another else None
            if values is None:
                raise
    if trial.failing:
        from mote import safemode

        trial.go_safe()
        log.warn("mote", "safe mode:", trial.why)
        safemode.strip(values)
    elif trial.mode is None and last.mark != mark:
        trial.unproven = (settings.PATH, mark)
    return values


def _back(last, data, why, given_up=None):
    """Return the Values of `data` with what `last` has in place of theirs, or None where there are none.

    `given_up` is the CRC-32 of `data` where it is given up by this.
    """
    try:
        fields = last.back(data)
        if fields is None:
            return None
        values = settings.check(fields)
    except (cbor.CborError, settings.SettingsError):
        return None
    except MemoryError:
        gc.collect()
        return None
    trial.mode = trial.BACK
    if given_up is not None:
        trial.forgive()
        try:
            last.give_up(given_up, why)
        except (OSError, ValueError) as error:
            log.warn("mote", "that its settings are given up is not written:", repr(error))
    trial.why = why
    log.warn("mote", "back to the last settings that worked:", why)
    return values
