"""What this board was provisioned to be: its settings, read and checked once."""

import binascii
import sys

import mote
from mote import const, store, trial

_LIMIT = const(4096)


class Stop(Exception):
    """This mote cannot run safely; the text says what to do."""


def read():
    """Return the settings of this start, and put it on trial. Raises Stop; ValueError or OSError if unreadable."""
    from mote import settings

    try:
        data = store.read(settings.PATH, _LIMIT)
        if not data:
            raise Stop("no settings; provision this mote")
        mark = binascii.crc32(data)
        trial.begin(mark)
        if trial.proven and not trial.failing:
            return settings.Settings.from_cbor(data)
        from mote import chosen

        return chosen.choose(data, mark)
    except settings.SettingsError as error:
        raise Stop(str(error))
    finally:
        # What reads them has done its work; on a small board it is an eighth of the memory.
        for each in ("chosen", "lastgood", "settings", "kinds", "schema", "rule_check"):
            if sys.modules.pop("mote." + each, None):
                delattr(mote, each)
