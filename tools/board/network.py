"""`network`: a station on the air that board.json describes (`wifi`), with the real constants.

`wifi` is an access point, or a list of them: `{"ssid", "password", "rssi"}`. The interface of an access point is
there too; on the ESP8266 it is on when the board starts, as its firmware leaves it.

What status() says while there is no connection follows the ports' own sources (ports/esp32/network_wlan.c): the ESP32
is CONNECTING as long as it goes on trying, which is for ever unless config(reconnects=…) says how often, and gives
the reason of the last failure when it has stopped. The ESP8266 gives the reason while it goes on. The Pico W
(extmod/network_cyw43.c) tries once; between joining and an address it says 2, for which there is no constant.
"""

from micropython import const
from utime import ticks_add, ticks_diff, ticks_ms

import _hardware

STA_IF, AP_IF = 0, 1
_ESP32 = _hardware.chip not in ("esp8266", "rp2040")  # and its kin
_ONCE = _hardware.chip == "rp2040"  # it does not go on trying
_NO_ADDRESS = const(2)
_ALONE_MS = const(300)  # until it has joined
_JOIN_MS = 900 if _ONCE else 300  # until it has an address
if _hardware.chip == "esp8266":
    STAT_IDLE, STAT_CONNECTING, STAT_WRONG_PASSWORD, STAT_NO_AP_FOUND, STAT_CONNECT_FAIL, STAT_GOT_IP = range(6)
    _LOST = STAT_BEACON_TIMEOUT = STAT_CONNECT_FAIL
elif _hardware.chip == "rp2040":
    STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = 0, 1, 3
    STAT_CONNECT_FAIL, STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD = -1, -2, -3
    _LOST = STAT_IDLE
else:
    STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = 1000, 1001, 1010
    _LOST = STAT_BEACON_TIMEOUT = 200
    STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD = 201, 202
    STAT_ASSOC_FAIL, STAT_HANDSHAKE_TIMEOUT = 203, 204
AUTH_OPEN, AUTH_WEP, AUTH_WPA_PSK, AUTH_WPA2_PSK, AUTH_WPA_WPA2_PSK = range(5)

_CHANNEL = const(6)
_RSSI_DBM = const(-57)
_BSSID = b"\x02\x00\x00\x00\x00"
_ADDRESSES = ("192.168.4.2", "255.255.255.0", "192.168.4.1", "192.168.4.1")
_NO_ADDRESSES = ("0.0.0.0",) * 4

_SETTABLE = ("mac", "ssid", "essid", "key", "password", "security", "authmode", "hidden", "channel") + (
    "pm",
    "txpower",
    "protocol",
)
_SETTABLE_ESP32 = ("reconnects", "max_clients")

_hostname = "mpy-" + _hardware.chip
_country = "XX"
_interfaces = {}


def hostname(name=None):
    """Return the name that the board gives itself, or set it."""
    global _hostname
    if name is None:
        return _hostname
    if len(name) > 32:
        raise ValueError
    _hostname = name
    return None


def country(code=None):
    """Return the country code, or set it."""
    global _country
    if code is None:
        return _country
    _country = code
    return None


class WLAN:
    """An interface; the same object each time it is asked for."""

    IF_STA, IF_AP = 0, 1
    PM_NONE, PM_PERFORMANCE, PM_POWERSAVE = 0, 1, 2

    def __new__(cls, interface=0):
        if interface not in (STA_IF, AP_IF):
            raise ValueError("invalid WLAN interface identifier")
        wlan = _interfaces.get(interface)
        if wlan is None:
            wlan = _interfaces[interface] = object.__new__(cls)
            wlan._id = interface
            wlan._active = interface == AP_IF and _hardware.chip == "esp8266"
            wlan._since = None  # when the connection was asked for, or the last try began; None: nobody asks for one
            wlan._was_connected = False
            wlan._asked = (None, None)
            wlan._reason = 0  # why the last try failed
            wlan._tries = 0  # that failed since the connection was asked for
            wlan._addresses = None  # where they are not asked of the network
            wlan._options = {"pm": 1, "txpower": 20.0}
            if _ESP32:
                wlan._options["reconnects"] = -1
        return wlan

    def __init__(self, interface=0):
        pass

    def active(self, on=None):
        """Return whether the interface is on, or switch it."""
        if on is not None:
            if on and not self._active:
                _hardware.use("radio")
            self._active = bool(on)
            if not on:
                self._since = None
                self._was_connected = False
        return self._active

    def connect(self, ssid=None, key=None, *, bssid=None):
        """Ask for a connection; it comes, or fails, later."""
        if not self._active:
            raise OSError("Wifi Not Started")
        connected = self._connected()
        if self._trying() and not connected and _ESP32:
            raise OSError("Wifi Internal State Error")
        if ssid is not None:
            self._asked = (_text(ssid), _text(key) or "")
        self._since = ticks_ms()
        self._tries = 0
        if not _ESP32:
            self._reason = 0
        self._was_connected = False

    def disconnect(self):
        """Leave the network, or stop trying."""
        if self._active:
            if self._connected():
                self._reason = 0
            self._since = None
            self._was_connected = False

    def _trying(self):
        """True where the connection was asked for, and the firmware has not given up."""
        most = 0 if _ONCE else self._options.get("reconnects", -1)
        return self._since is not None and (most < 0 or self._tries <= most)

    def _connected(self):
        """Let time have its effect; return whether the station has an address."""
        while self._trying():
            if not self._was_connected and ticks_diff(ticks_ms(), self._since) < _JOIN_MS:
                return False
            ssid, key = self._asked
            air = _heard(ssid)
            if not air:
                reason = _LOST if self._was_connected else STAT_NO_AP_FOUND
            elif (air.get("password") or "") != key:
                reason = STAT_WRONG_PASSWORD
            else:
                self._reason = 0
                self._was_connected = True
                return True
            self._reason = reason
            self._tries += 1
            # The firmware tries again by itself, and will find what there is to find.
            self._since = ticks_ms() if self._was_connected else ticks_add(self._since, _JOIN_MS)
            self._was_connected = False
        return False

    def isconnected(self):
        """Return whether the station has joined and has an address."""
        return self._id == STA_IF and self._connected()

    def status(self, what=None):
        """Return one of the STAT constants; "rssi" the strength in dBm, "stations" who is with us."""
        if what == "rssi" and self._id == STA_IF:
            return _heard(self._asked[0]).get("rssi", _RSSI_DBM) if self._connected() else 0
        if what == "stations" and self._id == AP_IF:
            return []
        if what is not None:
            raise ValueError("unknown status param")
        if self._id == AP_IF:
            return None
        if self._connected():
            return STAT_GOT_IP
        if _hardware.chip == "esp8266" and self._reason in (STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD):
            return self._reason
        if self._trying():
            joined = _ONCE and ticks_diff(ticks_ms(), self._since) > _ALONE_MS and _heard(self._asked[0])
            return _NO_ADDRESS if joined else STAT_CONNECTING
        return self._reason or STAT_IDLE

    def ifconfig(self, addresses=None):
        """Return (address, netmask, gateway, name server), or set them, which is the end of asking the network."""
        if addresses is not None:
            if addresses == "dhcp":
                self._addresses = None
                return None
            address, mask, gateway, server = addresses
            for each in (address, mask, gateway, server):
                _check_address(each)
            self._addresses = (address, mask, gateway, server)
            return None
        if self._addresses:
            return self._addresses
        return _ADDRESSES if self.isconnected() else _NO_ADDRESSES

    def ipconfig(self, what=None, **options):
        """Return "addr4" (address, netmask), "gw4", "dhcp4" or "has_dhcp4", or set the first three."""
        address = self.ifconfig()
        if what is None:
            if options.get("dhcp4"):
                self._addresses = None
            elif "addr4" in options or "gw4" in options:
                here, mask = options.get("addr4", address[:2])
                self.ifconfig((here, mask, options.get("gw4", address[2]), address[3]))
            return None
        asks = self._addresses is None
        answers = {"addr4": address[:2], "gw4": address[2], "dhcp4": asks, "has_dhcp4": asks and self.isconnected()}
        if what not in answers:
            raise ValueError("unexpected key")
        return answers[what]

    def config(self, *what, **options):
        """Return one option, or set some: mac, ssid, channel, hostname, reconnects, txpower, pm."""
        if what and options:
            raise TypeError("either pos or kw args are allowed")
        for name in options:
            if name in ("hostname", "dhcp_hostname"):
                hostname(options[name])
            elif name in _SETTABLE or (name in _SETTABLE_ESP32 and _ESP32):
                self._options[name] = options[name]
            else:
                raise ValueError("unknown config param")
        if options:
            return None
        if len(what) != 1:
            raise TypeError("can query only one param")
        name = what[0]
        if name == "mac":
            return self._options.get("mac") or (b"\x24\x0a\xc4" + bytes.fromhex(_hardware.config["unique_id"]))[-6:]
        if name in ("ssid", "essid"):
            return self._options.get("ssid", "") if self._id == AP_IF else self._asked[0] or ""
        if name == "channel":
            return _CHANNEL
        if name in ("hostname", "dhcp_hostname"):
            return _hostname
        if name not in self._options:
            raise ValueError("unknown config param")
        return self._options[name]

    def scan(self):
        """Return [(ssid, bssid, channel, rssi, security, hidden)] of what is in the air."""
        if not self._active or self._id != STA_IF:
            raise OSError("STA must be active")
        found = []
        for number, air in enumerate(_air()):
            security = AUTH_WPA2_PSK if air.get("password") else AUTH_OPEN
            bssid = _BSSID + bytes((number + 1,))
            found.append((air["ssid"].encode(), bssid, _CHANNEL, air.get("rssi", _RSSI_DBM), security, False))
        return found


def _air():
    """Return the access points that are in the air now."""
    air = _hardware.config.get("wifi")
    if not air:
        return ()
    gone = _hardware.fault("wifi")
    if gone == "gone":
        return ()
    return [each for each in ([air] if isinstance(air, dict) else air) if each["ssid"] not in (gone or ())]


def _heard(ssid):
    """Return the strongest access point called `ssid`, or None."""
    heard = [each for each in _air() if each["ssid"] == ssid]
    return max(heard, key=lambda each: each.get("rssi", _RSSI_DBM)) if heard else None


def _check_address(text):
    parts = [int(part) for part in text.split(".")]
    if len(parts) != 4 or not all(0 <= part <= 255 for part in parts):
        raise ValueError("invalid arguments")


def _text(value):
    return value.decode() if isinstance(value, (bytes, bytearray)) else value
