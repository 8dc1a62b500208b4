"""What lies under the board's modules: its description, its state on the host, its parts, its clock.

Nothing here has a counterpart on a board; device code never imports it.
"""

import _thread
import os

from micropython import const
from utime import time_ns

_STATE = "/.state/"
_FROM_1970_TO_2000_US = const(946684800000000)
_FROM_1970_TO_2021_US = const(1609459200000000)
_OFFSET_BYTES = const(8)
BOOT = const(-1)  # in the tally: the board starts

config = None
chip = "esp32"
cause = "PWRON_RESET"
world = None
rtc = None  # bytearray: the clock's offset in microseconds (8 bytes), then the memory of machine.RTC
time_offset_us = 0
skipped_us = 0  # of sleep that nobody waited for
start_new_thread = _thread.start_new_thread  # taken here: firmware without threads has timers all the same

_outputs = {}
_i2c = None
_on_pins = None
_faults = None
_clock_fault = None
_recorded = False


def power_on(board, rows, consume):
    """Bring the hardware up as `board` (the dict of board.json) describes it.

    `consume` says that this is a start of the board, so the cause of the reset is used up.
    """
    global config, chip, cause, rtc, time_offset_us, skipped_us, _faults
    config = board
    chip = board["chip"]
    time_offset_us = int(board.get("time_offset_s", 0) * 1000000)
    skipped_us = int(read("skipped_ms") or 0) * 1000
    data = read("reset_cause")
    if data:
        cause = data.decode().strip()
        if consume:
            os.remove(_STATE + "reset_cause")
    # Without power the clock and the memory are lost. Those of the RP2040 are at every reset of the chip.
    lost = cause != "SOFT_RESET" if chip == "rp2040" else cause == "PWRON_RESET"
    data = None if lost else read("rtc")
    if data:
        rtc = bytearray(data)
    else:
        start_us = _FROM_1970_TO_2021_US if chip == "rp2040" else _FROM_1970_TO_2000_US
        rtc = bytearray((_now_us() - start_us).to_bytes(_OFFSET_BYTES, "little"))
        if consume:
            write("rtc", rtc)
    if consume:
        _let_go()
    _make_world(board.get("world") or {"kind": "room"}, rows)
    if board.get("faults"):
        from _faults import Faults

        _faults = Faults()
        if consume:
            tally(BOOT)


def _let_go():
    """Take what the pins drove from the host's sight: from a reset on they float."""
    try:
        os.remove(_STATE + "pins.json")
    except OSError:
        pass  # nothing was driven


def _make_world(world_config, rows):
    global world, _recorded
    if rows:
        from world import Replay

        world = Replay(rows)
        _recorded = True
    else:
        from world import Room

        world = Room(world_config.get("day_s", 86400), world_config.get("seed", 0))


def read(name):
    """Return the bytes of the state file `name`, or None."""
    try:
        with open(_STATE + name, "rb") as file:
            return file.read()
    except OSError:
        return None


def write(name, data):
    """Write the state file `name`, whole or not at all."""
    path = _STATE + name
    part = path + ".part"
    with open(part, "wb" if not isinstance(data, str) else "w") as file:
        file.write(data)
    os.rename(part, path)


def has(what, pin):
    """True where the chip's `pin` is one of `what`: gpio, input_only, adc or adc_without_wifi."""
    return bool(config[what] >> pin & 1)


def _now_us():
    """Return the host's time in microseconds since 1970, as if every sleep had been waited for."""
    return time_ns() // 1000 + skipped_us


def true_us():
    """Return the true time of the simulated world, in microseconds since 1970."""
    return _now_us() + time_offset_us


def clock_us():
    """Return the board's own clock, in microseconds since 1970."""
    global _clock_fault
    moved = fault("clock")
    if moved != _clock_fault:
        _clock_fault = moved
        if moved is not None:
            set_clock_us(moved * 1000000)
    return (_now_us() - int.from_bytes(rtc[:_OFFSET_BYTES], "little")) & 0xFFFFFFFFFFFFFFFF


def set_clock_us(now):
    """Set the board's own clock to `now`, in microseconds since 1970."""
    offset = _now_us() - now
    # Kept modulo 2**64, which lets a clock be set ahead of the host's.
    rtc[:_OFFSET_BYTES] = (offset & 0xFFFFFFFFFFFFFFFF).to_bytes(_OFFSET_BYTES, "little")
    write("rtc", rtc)


def memory(data=None):
    """Return the memory of machine.RTC, or set it to `data`."""
    if data is None:
        return bytes(rtc[_OFFSET_BYTES:])
    rtc[_OFFSET_BYTES:] = data
    write("rtc", rtc)
    return None


def output(pin, state):
    """Tell the host what `pin` drives now: `<dir>/pins.json`, written only on a change.

    Where there may be faults `<dir>/driven` holds each of them: a line `<ms since 1970> <pin> <what>`.
    """
    name = str(pin)
    if _outputs.get(name) != state:
        _outputs[name] = state
        import json

        write("pins.json", json.dumps(_outputs))
        if _faults or _recorded:
            # Where a recording is felt, the time is how much of it was.
            when = world.felt if _recorded else true_us() // 1000
            with open(_STATE + "driven", "a") as file:
                file.write("%d %s %s\n" % (when, name, json.dumps(state)))


def driven(pin):
    """Return what `pin` drives: a level, or a dict of frequency and duty; None where it floats."""
    return _outputs.get(str(pin))


def parts(bus):
    """Return the parts on the I2C bus ("i2c", a dict by address) or on a pin (its number)."""
    global _i2c, _on_pins
    if _i2c is None:
        _i2c = {}
        _on_pins = {}
        for number, description in enumerate(config.get("parts", ())):
            kind = description["part"]
            part = __import__("parts." + kind, None, None, (kind,)).Part(world, number, description)
            if "address" in description:
                _i2c[description["address"]] = part
            else:
                _on_pins.setdefault(description["pin"], []).append(part)
    if _faults:
        _faults.apply(_i2c, _on_pins)
    return _i2c if bus == "i2c" else _on_pins.get(bus, ())


def wired(sda, scl):
    """True where the I2C parts hang on these two pins."""
    pins = config.get("i2c")
    return bool(pins) and pins["sda"] == sda and pins["scl"] == scl


def tally(value):
    """Note that a part has given `value`: a line `<ms since 1970> <value>` in `<dir>/taken`, where there may be faults.

    What the host counts from: whatever becomes of a reading later, here it was taken. BOOT is a start of the board.
    """
    if _faults:
        with open(_STATE + "taken", "a") as file:
            file.write("%d %d\n" % (true_us() // 1000, value))


def use(what):
    """Note that `what` was used: a line in `<dir>/used`, where there may be faults. The host counts wear and radio."""
    if _faults:
        with open(_STATE + "used", "a") as file:
            file.write(what + "\n")


def fault(name):
    """Return the fault that the host has put on `name`, or None."""
    return _faults.get(name) if _faults else None
