"""A small board with all that it may have: twelve sensors with a value each, four actuators and their rules."""


def _on_i2c(kind, address, **names):
    return {"kind": kind, "address": address, "names": names}


SENSORS = [
    _on_i2c("bme280", 0x76, temperature="air", humidity="damp", pressure="weather"),
    _on_i2c("bmp280", 0x77, temperature="loft", pressure="loft-pa"),
    _on_i2c("sht3x", 0x45, temperature="hall", humidity="hall-rh"),
    _on_i2c("sht4x", 0x44, temperature="bath", humidity="bath-rh"),
    _on_i2c("aht20", 0x38, temperature="shed", humidity="shed-rh"),
    _on_i2c("tmp117", 0x48, temperature="frost"),
    _on_i2c("bh1750", 0x23, illuminance="sky"),
    _on_i2c("tsl2591", 0x29, illuminance="dawn"),
    _on_i2c("veml7700", 0x10, illuminance="desk"),
    {"kind": "ds18b20", "rom": bytes.fromhex("28ff4a2b3c4d5e4b"), "names": {"temperature": "boiler"}},
    {"kind": "ds18b20", "rom": bytes.fromhex("28ff4a2b3c4d5f15"), "names": {"temperature": "return"}},
    {"kind": "ntc", "pin": 0, "grounded": True, "r_series": 10_000, "r_25": 10_000, "beta": 3984,
     "names": {"temperature": "tank"}},
]  # fmt: skip
VALUES = [
    {"name": "air", "offset": -0.4, "median": 3, "deadband": 0.1, "above": 28, "below": 5, "hysteresis": 1},
    {"name": "damp", "smooth": 0.25, "deadband": 1},
    {"name": "loft", "scale": 1.01, "offset": 0.2, "deadband": 0.1},
    {"name": "hall", "offset": 0.3, "smooth": 0.5, "every": 3},
    {"name": "bath", "offset": 0.1, "above": 24, "hysteresis": 1},
    {"name": "shed", "median": 5},
    {"name": "frost", "below": 3, "hysteresis": 0.5},
    {"name": "sky", "every": 4, "stats": True},
    {"name": "desk", "table": [[0, 0], [100, 110], [1000, 950], [100_000, 98_000]]},
    {"name": "boiler", "offset": -0.5, "above": 80, "hysteresis": 5},
    {"name": "return", "offset": -0.25, "deadband": 0.2},
    {"name": "tank", "table": [[-20, -20.4], [0, -0.3], [10, 9.9], [90, 90.2]], "median": 3},
]
ACTUATORS = [
    {"kind": "relay", "name": "pump", "pin": 12, "safe": 0},
    {"kind": "dimmer", "name": "fan", "pin": 13, "safe": 0, "freq_hz": 1000},
    {"kind": "relay", "name": "heater", "pin": 15, "safe": 0, "longest_s": 3600},
    {"kind": "dimmer", "name": "lamp", "pin": 2, "safe": 0, "freq_hz": 500},
]
SETTINGS = {
    "sensors": SENSORS,
    "values": VALUES,
    "actuators": ACTUATORS,
    "onewire": {"pin": 14},
    "i2c": {"sda": 4, "scl": 5, "freq_hz": 100_000},
}

# What a board of 36 KB has room for.
_FITS = ("tank", "boiler", "frost", "sky")
FITS = SETTINGS | {
    "sensors": [each for each in SENSORS if set(_FITS) & set(each["names"].values())],
    "values": [each for each in VALUES if each["name"] in _FITS],
}
