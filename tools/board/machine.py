"""`machine` as on the ESP32 and its kin, the ESP8266 and the RP2040.

Classes that a program does not name are not loaded: on a board they cost no heap either.
"""

from micropython import const

import _hardware

if _hardware.chip == "esp8266":
    PWRON_RESET, WDT_RESET, SOFT_RESET, DEEPSLEEP_RESET, HARD_RESET = 0, 1, 4, 5, 6
elif _hardware.chip == "rp2040":
    PWRON_RESET, WDT_RESET = 1, 3
else:
    PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
    PIN_WAKE, TIMER_WAKE = 2, 4

_LAZY = {
    "Pin": "_pins",
    "Signal": "_signal",
    "ADC": "_adc",
    "PWM": "_pwm",
    "I2C": "_buses",
    "SoftI2C": "_buses",
    "RTC": "_rtc",
    "WDT": "_watchdog",
    "Timer": "_timer",
    "dht_readinto": "_dht",
}
_RESET = const(71)
_DEEP_SLEEP = const(72)
_SOFT_RESET = const(73)
_frequency_hz = 80000000 if _hardware.chip == "esp8266" else 160000000


def __getattr__(name):
    if name not in _LAZY:
        raise AttributeError(name)
    value = getattr(__import__(_LAZY[name]), name)
    globals()[name] = value
    return value


def unique_id():
    """Return the number that the chip was made with: 6 bytes, on the ESP8266 4, on the RP2040 that of its flash, 8."""
    return bytes.fromhex(_hardware.config["unique_id"])


def reset_cause():
    """Return why the board started: one of the _RESET constants."""
    if _hardware.chip == "rp2040" and _hardware.cause in ("HARD_RESET", "DEEPSLEEP_RESET"):
        return WDT_RESET  # it is the watchdog that ends both
    return globals().get(_hardware.cause, PWRON_RESET)


def wake_reason():
    """Return TIMER_WAKE after a deep sleep, else 0."""
    return TIMER_WAKE if _hardware.cause == "DEEPSLEEP_RESET" else 0


def reset():
    """Start the board anew; the host does it when this process has ended."""
    # On the ESP8266 a restart asked for by software is what it calls a soft reset.
    _hardware.write("reset_cause", "SOFT_RESET" if _hardware.chip == "esp8266" else "HARD_RESET")
    raise SystemExit(_RESET)


def soft_reset():
    """Start the program anew."""
    raise SystemExit(_SOFT_RESET)


def deepsleep(time_ms=0):
    """Sleep `time_ms` milliseconds (0: for good), then start anew; the host does it."""
    _hardware.write("sleep_ms", str(int(time_ms)))
    _hardware.write("reset_cause", "DEEPSLEEP_RESET")
    raise SystemExit(_DEEP_SLEEP)


def lightsleep(time_ms=0):
    """Stop for `time_ms` milliseconds."""
    from utime import sleep_ms

    sleep_ms(time_ms)


def idle():
    """Wait for something to happen; here, a moment."""
    from utime import sleep_ms

    sleep_ms(1)


def freq(hz=None):
    """Return the processor's frequency in hertz, or set it."""
    global _frequency_hz
    if hz is None:
        return _frequency_hz
    if hz not in (20000000, 40000000, 80000000, 160000000, 240000000):
        raise ValueError("frequency must be 20MHz, 40MHz, 80Mhz, 160MHz or 240MHz")
    _frequency_hz = hz
    return None


def disable_irq():
    """Return a state for enable_irq; nothing interrupts a simulated board."""
    return 0


def enable_irq(state=0):
    """Undo disable_irq."""
