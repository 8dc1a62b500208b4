"""`machine.Pin`."""

import _hardware

_pins = {}


class Pin:
    """One GPIO pin; the same object each time it is asked for."""

    if _hardware.chip == "esp8266":
        IN, OUT, OPEN_DRAIN = 0, 1, 2
        PULL_UP = 1
    elif _hardware.chip == "rp2040":
        IN, OUT, OPEN_DRAIN, ALT = 0, 1, 2, 3
        PULL_UP, PULL_DOWN = 1, 2
    else:
        IN, OUT, OPEN_DRAIN = 1, 3, 7
        PULL_DOWN, PULL_UP = 1, 2
        DRIVE_0, DRIVE_1, DRIVE_2, DRIVE_3 = 0, 1, 2, 3
        WAKE_LOW, WAKE_HIGH = 4, 5
    IRQ_RISING, IRQ_FALLING = (8, 4) if _hardware.chip == "rp2040" else (1, 2)

    def __new__(cls, number, *args, **options):
        if isinstance(number, Pin):
            return number
        if not isinstance(number, int) or number < 0 or not _hardware.has("gpio", number):
            raise ValueError("invalid pin")
        pin = _pins.get(number)
        if pin is None:
            pin = _pins[number] = object.__new__(cls)
            pin._number = number
            pin._mode = Pin.IN
            pin._level = 0
            pin._pull = -1
            pin._handler = None
        return pin

    def __init__(self, number, mode=-1, pull=-1, value=None, drive=None, hold=None):
        self.init(mode, pull, value, drive, hold)

    def init(self, mode=-1, pull=-1, value=None, drive=None, hold=None):
        """Configure the pin; what is left out stays as it is."""
        if value is not None:
            self._level = 1 if value else 0
        if pull != -1:
            self._pull = pull
        if mode != -1:
            if mode != Pin.IN and _hardware.has("input_only", self._number):
                raise ValueError("pin can only be input")
            self._mode = mode
        self._drive()

    def _drive(self):
        if self._mode == Pin.OUT:
            _hardware.output(self._number, self._level)
        elif self._mode == Pin.OPEN_DRAIN:
            from _lines import driven

            driven(self._number, self._level)

    def value(self, value=None):
        """Return the level, or set it."""
        if value is None:
            if self._mode == Pin.OPEN_DRAIN and self._level:
                from _lines import level

                return level(self._number, self._pull == Pin.PULL_UP)
            return self._level if self._mode != Pin.IN else self._felt()
        self._level = 1 if value else 0
        self._drive()
        return None

    def _felt(self):
        """Return what a part on this pin makes of it, else what its own pull does."""
        for part in _hardware.parts(self._number):
            if hasattr(part, "level"):
                return part.level()
        return 1 if self._pull == Pin.PULL_UP else 0

    __call__ = value

    def on(self):
        """Set the pin high."""
        self.value(1)

    def off(self):
        """Set the pin low."""
        self.value(0)

    def toggle(self):
        """Turn the level over."""
        self.value(1 - self._level)

    def irq(self, handler=None, trigger=3, wake=None):
        """Remember `handler`; nothing outside drives a simulated pin."""
        self._handler = handler

    def __hash__(self):
        return self._number

    def __repr__(self):
        return "Pin(%d)" % self._number
