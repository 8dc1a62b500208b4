"""The file that a new mote begins with: what its board has, and comments that show what can be said."""

from .boards import Profile
from .fleet_file import quoted

_TEXT = """\
# The mote {id}. What is not said here comes from [defaults] in fleet.toml, then from ironmote itself.
board = {board}

# What hangs on it. I2C is on SDA {sda} and SCL {scl}, one-wire on pin {onewire} of this board, unless it is said here:
# [i2c]
# sda = {sda}
# scl = {scl}

# [[sensor]]
# kind = "sht4x"
# address = 0x44
# names = {{ temperature = "air", humidity = "damp" }}

# [[actuator]]
# kind = "relay"
# name = "pump"
# pin = {relay}
# safe = 0

# How often it measures, and which channel at least it may use: "sealed" (any), "tls" …
# sample_ms = 10000
# floor = "sealed"
"""


def text(mote_id: str, profile: Profile) -> str:
    """The text of motes/<id>.toml for a board of this kind."""
    wiring = profile.wiring
    return _TEXT.format(
        id=mote_id, board=quoted(profile.name), sda=wiring.i2c_sda, scl=wiring.i2c_scl, onewire=wiring.onewire,
        relay=wiring.relay,
    )  # fmt: skip
