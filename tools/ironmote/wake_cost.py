"""What a mote that sleeps deeply costs a day: wakings, sessions, bytes, time awake, flash, charge; all of it computed.

Sizes are those of the device's own code: records, messages and what RTC memory holds are packed by it here, with
readings as the settings name them. What no code knows is in `Assumptions` and `CHIPS`; nothing of it was measured on a
board. Not counted: commands and their answers, lookups of names, joining the network, what fails and is tried again.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from mote import batch, cbor, channel, keys, parcel, record, rtc, sealed, topics

from .errors import IronmoteError

_DAY_S = 86_400
_YEAR_DAYS = 365
_VALUE = 21.37  # of a reading: the digits that sensors have
_SEQUENCE = 1000
_BOOT = 12
_STATE_BYTES = bytes(32)  # stands for any key
_TIME = 1_795_218_308
_IP_TCP = 40  # bytes of a segment's headers, IPv4 and TCP without options
_NTP_BYTES = 76  # a question or an answer, with IP and UDP
_TLS_RECORD = 29  # bytes around each packet: header, explicit nonce and tag of AES-GCM in TLS 1.2
# What a handshake takes up and down, beside those of its packets: benchmarks/wire_bytes.py, certificates of the fleet.
_HANDSHAKE = {channel.TLS: (756, 1216), channel.TLS_PSK: (158, 196), None: (0, 0)}
_HANDSHAKE_TRIPS = {channel.TLS: 2, channel.TLS_PSK: 2, None: 0}
_SENSOR_S = {"tmp117": 0.1, "aht20": 0.1, "tsl2591": 0.1, "bh1750": 0.2, "ds18b20": 0.75, "veml7700": 1.2, "dht22": 2.2}
_QUICK_S = 0.02  # of any other (docs/HARDWARE.md)


@dataclass(frozen=True)
class Chip:
    """What a chip draws, by its data sheet."""

    sleep_ua: float
    awake_ma: float  # radio off
    receive_ma: float
    transmit_ma: float
    source: str


CHIPS = {
    "ESP32": Chip(10, 44, 100, 240, "ESP32 Series Datasheet, current by power mode and of the radio"),
    "ESP8266": Chip(20, 15, 56, 170, "ESP8266EX Datasheet, power consumption"),
}


@dataclass(frozen=True)
class Assumptions:
    """What a board, its network and its flash are taken to do: set them to what yours were measured to do."""

    boot_s: float = 0.5  # from waking to the first line of the program
    load_s: float = 1.0  # what sends is loaded besides
    join_s: float = 2.0  # joining the network and getting an address
    handshake_s: float = 2.0  # the arithmetic of certificates; none with a pre-shared key
    trip_s: float = 0.05  # to the broker and back
    air_bit_s: float = 1_000_000  # the slowest rate of Wi-Fi: an upper bound of the time on air
    erase_cycles: int = 10_000  # that a block of flash stands
    erases_a_write: float = 2.0  # blocks erased for a file written and removed (benchmarks/backlog_wear.py: 1.1 to 1.7)
    worst_block: float = 0.05  # of all erasures that the most worn block takes (the same: 0.03 to 0.05)


@dataclass(frozen=True)
class Cost:
    """What a mote costs a day. Bytes are those that TCP carries; `air_bytes` are all, with headers and time servers."""

    wakings: float
    sessions: float
    records: float
    up_bytes: float
    down_bytes: float
    air_bytes: float
    air_s: float
    awake_s: float
    radio_s: float
    flash_writes: float
    flash_years: float | None  # until the most worn block has been erased as often as it stands; None: never
    held_records: int  # that RTC memory holds
    mah: float | None  # None where the chip's currents are not known
    source: str | None


@dataclass
class Wire:
    """A session: bytes up and down that TCP carries, and how many packets."""

    tls: bool
    up: int = 0
    down: int = 0
    packets: list[int] = field(default_factory=lambda: [0, 0])

    def send(self, size: int) -> None:
        self.up += size + _TLS_RECORD * self.tls
        self.packets[0] += 1

    def take(self, size: int) -> None:
        self.down += size + _TLS_RECORD * self.tls
        self.packets[1] += 1


def cost(settings: Mapping[str, Any], way: str, chip: str, assumed: Assumptions | None = None) -> Cost:
    """What a mote with these device settings costs a day on the channel `way`, on a chip as its board's profile says.

    Raises IronmoteError where it never sleeps deeply.
    """
    assumed = assumed or Assumptions()
    sleep_s = settings.get("sleep_ms", 0) / 1000
    if not sleep_s:
        raise IronmoteError("this mote never sleeps deeply, so it has no wakings; sleep_ms says for how long it sleeps")
    figures = CHIPS.get(chip)
    held = held_records(settings, chip)
    every = settings.get("send_every", 1) if rtc_bytes(chip) else 1
    if not settings.get("backlog", 16_384):
        every = min(every, held + 1)
    wire = session(settings, way, every)
    carrier = channel.parts(way)[0]
    trips = 3 + _HANDSHAKE_TRIPS[carrier] + math.ceil((every + 1) / 4)
    nap_s = assumed.boot_s + max([_SENSOR_S.get(each["kind"], _QUICK_S) for each in settings["sensors"]] or [0])
    radio_s = assumed.load_s + assumed.join_s + trips * assumed.trip_s + settings.get("listen_ms", 2000) / 1000
    radio_s += assumed.handshake_s if carrier == channel.TLS else 0
    cycle_s = every * (sleep_s + nap_s) + radio_s
    sessions = _DAY_S / cycle_s
    ntp_bytes = 2 * _NTP_BYTES if settings.get("ntp") else 0
    headers = _IP_TCP * (2 * sum(wire.packets) + 3)  # each packet is acknowledged, and TCP begins with three segments
    air_bytes = (wire.up + wire.down + headers + ntp_bytes) * sessions
    air_s = air_bytes * 8 / assumed.air_bit_s
    # Where nothing outlives the sleep, each waking begins an epoch: the boot counter is written.
    writes = ((every - 1) // (held + 1) if rtc_bytes(chip) else 1) * sessions
    worn = writes * assumed.erases_a_write * assumed.worst_block * _YEAR_DAYS
    awake_s = (every * nap_s + radio_s) * sessions
    mah = None
    if figures:
        sleeping = (_DAY_S - awake_s) * figures.sleep_ua / 1000
        receiving = max(radio_s * sessions - air_s, 0) * figures.receive_ma
        mah = sleeping + every * nap_s * sessions * figures.awake_ma + receiving + air_s * figures.transmit_ma
        mah /= 3600
    return Cost(
        wakings=every * sessions,
        sessions=sessions,
        records=every * sessions,
        up_bytes=wire.up * sessions,
        down_bytes=wire.down * sessions,
        air_bytes=air_bytes,
        air_s=air_s,
        awake_s=awake_s,
        radio_s=radio_s * sessions,
        flash_writes=writes,
        flash_years=assumed.erase_cycles / worn if worn else None,
        held_records=held,
        mah=mah,
        source=figures.source if figures else None,
    )


def rtc_bytes(chip: str) -> int:
    """The RTC memory that MicroPython gives a program on this chip, in bytes; 0 where there is none."""
    if chip == "ESP8266":
        return 492
    return 2048 if chip.startswith("ESP32") else 0


def held_records(settings: Mapping[str, Any], chip: str) -> int:
    """How many records RTC memory holds over a sleep, no command being remembered."""
    asleep = rtc.Asleep(
        bytes(13), _SEQUENCE, _SEQUENCE, 1, 1, 0, _TIME * 1000, settings.get("sleep_ms", 0), 1, 0, 0, 0, []
    )
    room = rtc_bytes(chip) - rtc.REST_AT - len(rtc.pack(asleep, b""))
    parcels: list[bytes] = []
    while len(batch.pack([*parcels, parcel.pack((1, _BOOT, 1), None, 0, _readings(settings))], None, 0, b"")) <= room:
        parcels.append(parcel.pack((1, _BOOT, 1), None, 0, _readings(settings)))
    return len(parcels)


def session(settings: Mapping[str, Any], way: str, records: int, status: Mapping[str, Any] | None = None) -> Wire:
    """What TCP carries in one session of a waking that sends so many records.

    `status` is what the mote says of itself, if that is known.
    """
    carrier, seals = channel.parts(way)
    wire = Wire(carrier is not None)
    mote = settings["mote"]
    status = dict(status or _status(settings, way))
    gone = {"online": False, "boot": _BOOT, "connection": _SEQUENCE}
    leaves = ("state", "up", "down")
    at = {name: topics.sealed_topic(mote, name) if seals else topics.open_topic(mote, name) for name in leaves}
    readings = _readings(settings)

    def payload(name: str, value: Any, kid: bytes = sealed.UPLINK) -> bytes:
        if not seals:
            made: bytes = value if isinstance(value, bytes) else json.dumps(value).encode()
            return made
        epoch = sealed.make_epoch(settings["generation"], _BOOT, bytes(8))
        context = sealed.Context(_STATE_BYTES, settings["fleet"], kid, epoch, AESCCM)
        plain = value if isinstance(value, bytes) else cbor.encode(value)
        found: bytes = context.seal(_SEQUENCE, topics.name(mote, name), plain)
        return found

    head = topics.base_name(mote), _TIME, record.identity(settings["generation"], _BOOT, _SEQUENCE)
    taken = record.pack_cbor(*head, readings) if seals else record.pack_json(*head, readings)
    wire.up, wire.down = _HANDSHAKE[carrier]
    will = 2 + len(at["state"]) + 2 + len(payload("state", gone, sealed.WILL))
    password = 0
    if seals and carrier is None:
        counter = 0 if settings["connect"] == "static" else keys.connect_counter(_BOOT, _SEQUENCE)
        password = 4 + len(mote) + len(keys.connect_password(_STATE_BYTES, mote, settings["zone"], counter))
    wire.send(_packet(10 + 2 + len(mote) + will + password))
    wire.take(4)
    wire.send(_packet(2 + 2 + len(at["down"]) + 1))
    wire.take(5)
    for name, message in [("state", payload("state", status))] + [("up", payload("up", taken))] * records:
        wire.send(_packet(2 + len(at[name]) + 2 + len(message)))
        wire.take(4)
    wire.send(2)
    return wire


def _packet(size: int) -> int:
    """The bytes of an MQTT packet of which `size` follow the fixed header."""
    return size + 1 + (1 if size < 128 else 2)


def _readings(settings: Mapping[str, Any]) -> list[record.Reading]:
    return [
        record.Reading(name, record.UNITS[quantity], cbor.single(_VALUE), None)
        for sensor in settings["sensors"]
        for quantity, name in sensor["names"].items()
    ]


def _status(settings: Mapping[str, Any], way: str) -> dict[str, Any]:
    """A status as such a mote says it (mote.health), when all is well."""
    able = settings.get("room", channel.parts(way)[0] is not None)
    facts = channel.Facts(verify=able, psk=able, aes=True, room=able)
    return {
        "online": True, "boot": _BOOT, "connection": _SEQUENCE, "channel": way,
        "why": channel.choose(way, way, facts)[1],
        "board": settings["board"], "generation": settings["generation"], "reset": "deep sleep", "firmware": "1.29.0",
        "version": "0.1.0", "free": 12_345, "used": 23_456, "low": 12_345, "missing": [], "record": _SEQUENCE,
        "before": [], "dropped": 0, "damaged": 0, "refused": 0, "joins": 1, "uptime": 2, "rssi": -57, "clock": "board",
    }  # fmt: skip
