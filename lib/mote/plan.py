"""What this board was provisioned to be: its settings, read and checked once."""

import sys

import mote
from mote import const, store

_LIMIT = const(4096)


class Stop(Exception):
    """This mote cannot run safely; the text says what to do."""


def read():
    """Return the settings of this board. Raises Stop."""
    from mote import settings

    try:
        data = store.read(settings.PATH, _LIMIT)
        if data is None:
            raise Stop("no /settings.cbor; provision this mote")
        return settings.Settings.from_cbor(data)
    except settings.SettingsError as error:
        raise Stop(str(error))
    finally:
        # What reads them has done its work; on a small board it is an eighth of the memory.
        for each in ("settings", "kinds", "schema", "rule_check"):
            if sys.modules.pop("mote." + each, None):
                delattr(mote, each)
