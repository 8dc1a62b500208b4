"""Safe mode: a mote whose starts crash does as little as it can, and tells why.

It keeps its channel, keys and clock, joins, connects and says how it is. It measures nothing, drives nothing, opens no
record that waits in flash. Its actuators are made, which puts them into their safe state, and stay there: what was kept
of them over starts is forgotten.
"""

from mote import actuators, const, led, log, trial

_OUTBOX = const(8)


def strip(settings):
    """Take out of the Values `settings` whatever could be what crashes."""
    settings.sensors = settings.values = settings.rules = ()
    settings.i2c = settings.onewire = None
    settings.backlog = 0
    settings.outbox = min(settings.outbox, _OUTBOX)
    if settings.sleep_ms:
        settings.sleep_ms = max(settings.sleep_ms, trial.PAUSE_MS)
        settings.send_every = 1
    if not _made(led.Led, settings.led):
        settings.led = None
    settings.actuators = () if trial.bare else [spec for spec in settings.actuators if _made(actuators.create, spec)]


def _made(kind, what):
    try:
        kind(what)
    except Exception as error:
        log.warn("mote", "safe mode goes without:", repr(error))
        return False
    return True
