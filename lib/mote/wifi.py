"""The station interface: switched on early for its noise, joined when there is a link to keep.

There is no access point for setting up a mote, and one that the firmware opens by itself (the ESP8266, with a
password that everybody knows) is switched off: a mote is provisioned by cable.
"""

import asyncio
import time

import network

from mote import const, log
from mote.backoff import Backoff

_STEP_MS = const(100)
_SETTLE_MS = const(500)  # in which the firmware may still say how the try before went
_NO_ADDRESS = const(2)  # joined: CYW43 has no name for it
_TRIES = const(1)  # that the firmware makes by itself after the first; for ever, it would never say what is wrong
_WHY = (
    ("STAT_WRONG_PASSWORD", "wrong passphrase"),
    ("STAT_HANDSHAKE_TIMEOUT", "wrong passphrase"),
    ("STAT_NO_AP_FOUND", "not found"),
    ("STAT_BEACON_TIMEOUT", "not heard any more"),
    ("STAT_ASSOC_FAIL", "refused"),
    ("STAT_CONNECT_FAIL", "refused"),
)


class WifiError(Exception):
    """None of the networks could be joined within its deadline, or the one joined is gone."""


class Wifi:
    """The Wi-Fi networks of `spec` (settings.wifi); `passphrases` are bytes or None, one for each of them, in order.

    After a failure there is a pause, up to `longest_ms`, whoever asks.
    """

    def __init__(self, spec, passphrases, mote_id, longest_ms):
        self._spec = spec
        self._known = [(spec.ssid, passphrases[0])]
        for i, ssid in enumerate(spec.more or ()):
            self._known.append((ssid, passphrases[i + 1]))
        self._mote_id = mote_id
        self._wlan = network.WLAN(network.STA_IF)
        self._lock = asyncio.Lock()  # the firmware refuses to be asked for a connection while it makes one
        self._on = False
        self._pause = Backoff(longest_ms)
        self._again = None  # ticks before which nothing is tried, after a failure
        self.joins = 0  # how often this start has joined

    def switch_on(self):
        """Switch the radio on; from here on the chip's random numbers have its noise (ESP-IDF, RNG)."""
        if self._on:
            return
        self._on = True
        spec = self._spec
        wlan = self._wlan
        network.hostname(spec.hostname or self._mote_id)
        if spec.country:
            network.country(spec.country)
        access_point = network.WLAN(network.AP_IF)
        if access_point.active():
            access_point.active(False)
        wlan.active(True)
        try:
            wlan.config(reconnects=_TRIES)
        except ValueError:
            pass  # the ESP8266 goes on by itself and says all the same what is wrong
        if spec.pm:
            wlan.config(pm=getattr(wlan, "PM_" + spec.pm.upper()))
        if spec.address:
            wlan.ifconfig(tuple(spec.address))

    def connected(self):
        """True while the station has joined and has an address."""
        return self._wlan.isconnected()

    async def join(self, timeout_ms):
        """Join one of the networks, or raise WifiError after `timeout_ms` for each; several may ask at once.

        Where the last try failed, its pause is waited for first.
        """
        async with self._lock:
            while self._again is not None and time.ticks_diff(self._again, time.ticks_ms()) > 0:
                if self._wlan.isconnected():
                    break  # the ESP8266 goes on by itself
                await asyncio.sleep_ms(_STEP_MS)
            if self._wlan.isconnected():
                self._again = None
                self._pause.reset()
                return
            try:
                await self._join(timeout_ms)
            except WifiError:
                self._again = time.ticks_add(time.ticks_ms(), self._pause.pause_ms())
                raise
            self._again = None
            self._pause.reset()

    async def _join(self, timeout_ms):
        self.switch_on()
        failed = []
        for ssid, passphrase in self._order():
            why = await self._try(ssid, passphrase, timeout_ms)
            if why is None:
                self.joins += 1
                log.say("wifi", "joined", ssid + ", time %d" % self.joins)
                return
            failed.append(ssid + ": " + why)
        raise WifiError("not joined: " + "; ".join(failed))

    async def _try(self, ssid, passphrase, timeout_ms):
        """Return None once `ssid` is joined, else why not."""
        wlan = self._wlan
        if wlan.status() == network.STAT_CONNECTING:
            wlan.disconnect()
        wlan.connect(ssid, passphrase.decode() if passphrase else None)
        begin = time.ticks_ms()
        going = (network.STAT_IDLE, network.STAT_CONNECTING, network.STAT_GOT_IP)
        if getattr(network, "STAT_CONNECT_FAIL", 0) < 0:  # CYW43, whose failures are less than zero
            going += (_NO_ADDRESS,)
        while not wlan.isconnected():
            status = wlan.status()
            since = time.ticks_diff(time.ticks_ms(), begin)
            if since > timeout_ms or (since > _SETTLE_MS and status not in going):
                wlan.disconnect()
                return "no answer" if status in going else _why(status)
            await asyncio.sleep_ms(_STEP_MS)
        return None

    def _order(self):
        """Return the networks in the order in which they are tried."""
        if self._spec.pick != "strongest" or len(self._known) < 2:
            return self._known
        try:
            heard = self._wlan.scan()
        except OSError:
            return self._known
        order = []
        for place, known in enumerate(self._known):
            name = known[0].encode()
            loudest = max([each[3] for each in heard if each[0] == name] + [-999])
            order.append((-loudest, place))
        return [self._known[place] for _, place in sorted(order)]

    def rssi(self):
        """Return the strength of the access point's signal in dBm, or None while there is none."""
        try:
            return self._wlan.status("rssi") or None
        except (OSError, ValueError, TypeError):  # not joined; or a firmware that does not say it
            return None


def _why(status):
    for name, words in _WHY:
        if status == getattr(network, name, None):
            return words
    return "failed (status %d)" % status
