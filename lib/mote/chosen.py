"""Which settings a start runs on where it is not plain: those that came last, what worked before them, or safe mode.

Loaded with mote.lastgood by mote.plan, and unloaded by it.
"""

import gc

from mote import cbor, lastgood, log, settings, trial


def choose(data, mark):
    """Return the settings.Values of a start on trial; `data` are the settings, `mark` is their CRC-32.

    Raises SettingsError where they cannot be used, and nothing else can.
    """
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
    elif trial.mode is None:
        if last.mark == mark:
            trial.proves()
        else:
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
