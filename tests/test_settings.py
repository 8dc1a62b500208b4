"""Settings are taken whole or not at all, and a refusal names the field."""

from harness import raises
from mote import cbor, settings
from mote.settings import Settings, SettingsError


def good(**more):
    fields = {
        "v": 1,
        "mote": "kitchen",
        "fleet": bytes(16),
        "board": "esp32",
        "zone": "home",
        "generation": 1,
        "channel": "auto",
        "floor": "sealed",
        "room": True,
        "wifi": {"ssid": "net"},
        "broker": {"host": "broker.local", "port": 8883, "name": "broker.local"},
        "connect": "token",
        "keepalive_s": 30,
        "timeout_ms": 10000,
        "sample_ms": 1000,
        "command_age_s": 60,
        "clock_floor": 1760000000,
        "ntp": "pool.ntp.org",
        "i2c": {"sda": 21, "scl": 22, "freq_hz": 100000},
        "onewire": {"pin": 4},
        "sensors": [
            {"kind": "bme280", "address": 0x76, "names": {"temperature": "temperature", "pressure": "pressure"}},
            {"kind": "bh1750", "address": 0x23, "names": {"illuminance": "light"}},
            {"kind": "ds18b20", "names": {"temperature": "water"}},
        ],
        "actuators": [
            {"kind": "relay", "name": "relay", "pin": 5, "safe": 0},
            {"kind": "dimmer", "name": "dimmer", "pin": 18, "freq_hz": 1000, "safe": 0},
        ],
        "led": 2,
        "outbox": 32,
    }
    fields.update(more)
    return fields


def said(fields):
    """Return what is said of wrong fields, by the host and by the mote alike."""
    error = raises(SettingsError, settings.to_cbor, fields)
    try:
        encoded = cbor.encode(fields)
    except cbor.CborError:
        return str(error)
    assert str(raises(SettingsError, Settings.from_cbor, encoded)) == str(error)
    return str(error)


def test_settings_come_back_as_attributes():
    found = Settings.from_cbor(settings.to_cbor(good()))
    assert (found.mote, found.fleet, found.channel, found.room) == ("kitchen", bytes(16), "auto", True)
    assert (found.broker.host, found.broker.port, found.wifi.ssid) == ("broker.local", 8883, "net")
    assert (found.i2c.sda, found.i2c.scl, found.i2c.freq_hz, found.onewire.pin) == (21, 22, 100000, 4)
    assert [each.kind for each in found.sensors] == ["bme280", "bh1750", "ds18b20"]
    assert found.sensors[0].names == {"temperature": "temperature", "pressure": "pressure"}
    assert (found.sensors[0].address, found.sensors[2].rom) == (0x76, None)
    assert (found.actuators[1].freq_hz, found.actuators[0].freq_hz, found.actuators[0].safe) == (1000, None, 0)
    assert found.led == 2


def test_what_is_absent_is_null():
    found = Settings.from_cbor(
        settings.to_cbor(good(i2c=None, onewire=None, led=None, sensors=[], actuators=[], ntp=""))
    )
    assert found.i2c is None and found.onewire is None and found.led is None and found.ntp == ""


def test_every_field_is_needed():
    for name in good():
        fields = good()
        del fields[name]
        assert said(fields) == name + ": is missing"


def test_unknown_fields_are_named():
    assert said(good(keepalive=30)) == "keepalive: no such setting"
    assert said(good(wifi={"ssid": "net", "password": "secret"})) == "wifi.password: no such setting"
    sensor = {"kind": "bh1750", "adress": 0x23, "names": {"illuminance": "light"}}
    assert said(good(sensors=[sensor])) == "sensors[0].adress: no such setting"


FIXED = {"ip": "192.168.1.2", "mask": "255.255.255.0", "gateway": "192.168.1.1", "dns": "192.168.1.1"}
WRONG = {
    "v": (0, 2, "1", True, None, 1.0),
    "mote": ("", "Kitchen", "k" * 24, "a/b", 5, None, b"kitchen"),
    "fleet": (b"", bytes(7), bytes(33), "fleet-id", None, [1]),
    "board": ("", "x" * 17, 5, None, "a\n"),
    "zone": ("", "Home", None),
    "generation": (0, 256, -1, "1", True, 1.5, None),
    "channel": ("", "plain", "TLS", None, 5, []),
    "floor": ("", "auto", "none", None),
    "room": (0, 1, "true", None),
    "wifi": (
        None,
        "net",
        [],
        {},
        {"ssid": ""},
        {"ssid": "x" * 33},
        {"ssid": 5},
        {"ssid": "net", "more": "other"},
        {"ssid": "net", "more": ["a", "b", "c", "d"]},
        {"ssid": "net", "more": [""]},
        {"ssid": "net", "pick": "weakest"},
        {"ssid": "net", "hostname": "My Mote"},
        {"ssid": "net", "country": "DEU"},
        {"ssid": "net", "pm": "off"},
        {"ssid": "net", "address": "192.168.1.2"},
        {"ssid": "net", "address": {"ip": "192.168.1.2", "mask": "255.255.255.0", "gateway": "192.168.1.1"}},
        {"ssid": "net", "address": dict(FIXED, ip="192.168.1.256")},
        {"ssid": "net", "address": dict(FIXED, ip="192.168.1")},
        {"ssid": "net", "address": dict(FIXED, ip="192.168.1.x")},
        {"ssid": "net", "address": dict(FIXED, ip="192.168.1.-1")},
        {"ssid": "net", "address": dict(FIXED, ip="192.168..1")},
        {"ssid": "net", "address": dict(FIXED, dns=b"192.168.1.1")},
    ),
    "broker": (
        None,
        [],
        5,
        "h",
        [{"host": "h", "port": 1883, "name": "h"}] * 5,
        [{"host": "h", "port": 1883, "name": "h"}, {"host": "i", "port": 1883}],
        [{"host": "h", "port": 1883, "name": "h"}, {"host": "i", "port": 1883, "name": "i"}],
        {"host": "h", "port": 1883},
        {"host": "", "port": 1883, "name": "h"},
        {"host": "h", "port": 0, "name": "h"},
        {"host": "h", "port": 65536, "name": "h"},
        {"host": "h", "port": "1883", "name": "h"},
        {"host": "h\0", "port": 1, "name": "h"},
    ),
    "connect": ("", "none", None, True),
    "keepalive_s": (0, 4, 3601, None, "30", 30.5),
    "timeout_ms": (0, 499, 60001, None),
    "sample_ms": (0, 99, 86400001, None),
    "command_age_s": (0, 3601, None),
    "clock_floor": (0, 1500000000, 2**32, None, 1760000000.5),
    "ntp": (None, "x" * 254, 5),
    "i2c": (
        {},
        {"sda": 1, "scl": 2},
        {"sda": -1, "scl": 2, "freq_hz": 100000},
        {"sda": 1, "scl": 64, "freq_hz": 100000},
        {"sda": 1, "scl": 2, "freq_hz": 0},
        5,
    ),
    "onewire": ({}, {"pin": None}, {"pin": True}, {"pin": 64}, 4),
    "sensors": (
        None,
        {},
        [5],
        [{}],
        [{"kind": "", "names": {"temperature": "t"}}],
        [{"kind": "../x", "names": {"temperature": "t"}}],
        [{"kind": "ds18b20", "names": {}}],
        [{"kind": "ds18b20", "names": None}],
        [{"kind": "ds18b20", "names": {"temperatur": "t"}}],
        [{"kind": "ds18b20", "names": {"temperature": "a b"}}],
        [{"kind": "ds18b20", "names": {"temperature": None}}],
        [{"kind": "bme280", "address": 0x78, "names": {"temperature": "t"}}],
        [{"kind": "ds18b20", "names": {"temperature": "t%d" % i}} for i in range(17)],
        [{"kind": "chip", "names": {"temperature": "t"}}, {"kind": "dht22", "pin": 4, "names": {"humidity": "t"}}],
        [{"kind": ["ntc"], "names": {"temperature": "t"}}],
        [{"names": {"temperature": "t"}}],
    ),
    "actuators": (
        None,
        [{}],
        [{"kind": "relay", "name": "relay", "pin": 5}],
        [{"kind": "relay", "name": "", "pin": 5, "safe": 0}],
        [{"kind": "relay", "name": "a b", "pin": 5, "safe": 0}],
        [{"kind": "relay", "name": "relay", "pin": -1, "safe": 0}],
        [{"kind": "relay", "name": "relay", "pin": 5, "safe": "off"}],
        [{"kind": "relay", "name": "relay", "pin": 5, "safe": False}],
        [{"kind": "relay", "name": "relay", "pin": 5, "safe": float("nan")}],
        [{"kind": "dimmer", "name": "d", "pin": 5, "safe": 0, "freq_hz": 0}],
        [
            {"kind": "relay", "name": "relay", "pin": 5, "safe": 0},
            {"kind": "dimmer", "name": "relay", "pin": 6, "safe": 0},
        ],
    ),
    "led": (-1, 64, "2", True),
    "outbox": (3, 257, None),
}


# One of each kind that is not on I2C; and what does not go with it, by field.
NTC = {"kind": "ntc", "pin": 34, "grounded": True, "r_series": 10000, "names": {"temperature": "t"}}
LDR = {"kind": "ldr", "pin": 35, "grounded": False, "r_series": 4700, "names": {"illuminance": "l"}}
BETA = {"r_25": 10000, "beta": 3984}
CURVE = {"steinhart": [1.4e-3, 2.37e-4, 9.9e-8]}
KINDS = (
    ({"kind": "sht4x", "address": 0x44, "names": {"humidity": "h"}}, {"address": (None, 2, 0x78, "44"), "pin": (4,)}),
    ({"kind": "dht22", "pin": 4, "names": {"humidity": "h"}}, {"pin": (None, -1, "4"), "address": (0x44,)}),
    ({"kind": "chip", "names": {"temperature": "t"}}, {"pin": (4,), "address": (0x44,)}),
    (
        {"kind": "ds18b20", "rom": bytes(8), "names": {"temperature": "t"}},
        {"rom": (bytes(7), bytes(9), "28ff"), "address": (0x44,)},
    ),
    (
        dict(NTC, supply_mv=3300, **BETA),
        {
            "pin": (None, 64),
            "grounded": (None, 1),
            "r_series": (None, 0),
            "supply_mv": (0,),
            "beta": (0, "3984"),
        },
    ),
    (dict(NTC, **CURVE), {"steinhart": (5, [1.4e-3, 2.37e-4, 2], [0, 0, 0, 0], [0, 0, "c"])}),
    (dict(LDR, r_10=15000, gamma=0.7), {"gamma": (None, 0, 0.05, 3), "r_10": (None, 0), "beta": (3984,)}),
)


def test_each_kind_of_sensor_takes_what_it_needs_and_nothing_else():
    for sensor, wrong in KINDS:
        found = Settings.from_cbor(settings.to_cbor(good(sensors=[sensor]))).sensors[0]
        for name in sensor:
            taken = sensor[name]
            if name in ("gamma", "steinhart"):
                taken = [cbor.single(each) for each in taken] if name == "steinhart" else cbor.single(taken)
            assert getattr(found, name) == taken, name
        for name in wrong:
            for value in wrong[name]:
                words = said(good(sensors=[dict(sensor, **{name: value})]))
                assert words.startswith("sensors[0]." + name), words


def test_an_ntc_takes_one_curve_whole():
    half = {"beta": 3984}
    for curve in (
        {},
        half,
        {"r_25": 1},
        dict(BETA, **CURVE),
        dict(CURVE, **half),
        {"steinhart": [1, 1]},
        {"steinhart": []},
    ):
        words = said(good(sensors=[dict(NTC, **curve)]))
        assert words == "sensors[0]: an ntc takes either r_25 and beta, or steinhart: three numbers", words


def test_wrong_values_are_refused_by_the_name_of_their_field():
    assert sorted(WRONG) == sorted(good())
    for name in WRONG:
        for value in WRONG[name]:
            words = said(good(**{name: value}))
            assert words.startswith((name + ":", name + ".", name + "[")), words
            assert "secret" not in words


def test_several_brokers_have_an_order_and_one_name():
    second = {"host": "10.0.0.2", "port": 1883, "name": "broker.local"}
    found = Settings.from_cbor(settings.to_cbor(good(broker=[good()["broker"], second])))
    assert [(each.host, each.port) for each in found.brokers] == [("broker.local", 8883), ("10.0.0.2", 1883)]
    assert found.broker is found.brokers[0]
    assert len(Settings.from_cbor(settings.to_cbor(good())).brokers) == 1
    words = "broker[1].name: the same as the first's: another name would be another trust"
    assert said(good(broker=[good()["broker"], dict(second, name="10.0.0.2")])) == words


def test_what_is_said_of_the_network_is_what_it_has():
    found = Settings.from_cbor(settings.to_cbor(good())).wifi
    assert (found.ssid, found.more, found.pick, found.address) == ("net", None, None, None)
    more = {"more": ["b", "c"], "pick": "strongest", "hostname": "k1", "country": "DE", "pm": "none", "address": FIXED}
    found = Settings.from_cbor(settings.to_cbor(good(wifi=dict(more, ssid="a")))).wifi
    assert (found.ssid, found.more, found.pick, found.hostname, found.pm) == (
        "a",
        ["b", "c"],
        "strongest",
        "k1",
        "none",
    )
    assert tuple(found.address) == ("192.168.1.2", "255.255.255.0", "192.168.1.1", "192.168.1.1")


def test_watchdog_is_on_unless_told_otherwise_and_slower_than_what_proves_life():
    assert Settings.from_cbor(settings.to_cbor(good())).watchdog_s == 600
    assert Settings.from_cbor(settings.to_cbor(good(watchdog_s=0))).watchdog_s == 0
    assert Settings.from_cbor(settings.to_cbor(good(watchdog_s=51))).watchdog_s == 51
    words = "watchdog_s: 0, or more than keepalive_s and two timeouts: 50"
    for seconds in (1, 50):
        assert said(good(watchdog_s=seconds)) == words
    assert said(good(keepalive_s=600)).startswith("watchdog_s: 0, or more than")
    for wrong in (-1, 86401, None, 60.5, True):
        assert said(good(watchdog_s=wrong)).startswith("watchdog_s: ")


def test_settings_from_before_there_was_a_backlog_have_one():
    found = Settings.from_cbor(settings.to_cbor(good()))
    assert (found.backlog, found.drop, found.keep_s) == (16384, "oldest", 60)
    found = Settings.from_cbor(settings.to_cbor(good(backlog=0, drop="newest", keep_s=0)))
    assert (found.backlog, found.drop, found.keep_s) == (0, "newest", 0)
    for name, wrong in (("backlog", (-1, 1 << 25, None, True)), ("drop", ("none", None)), ("keep_s", (-1, 90000, 1.5))):
        for value in wrong:
            assert said(good(**{name: value})).startswith(name + ": ")


def test_words_say_what_a_field_takes():
    assert said(good(keepalive_s=0)) == "keepalive_s: a whole number from 5 to 3600"
    assert said(good(broker={"host": "h", "port": 0, "name": "h"})) == "broker.port: a whole number from 1 to 65535"
    assert said(good(connect="none")) == "connect: one of token, static"
    sensor = {"kind": "ds18b20", "names": {"temperature": "a b"}}
    assert said(good(sensors=[sensor])).startswith("sensors[0].names.temperature: a name of")


def test_a_channel_below_its_floor_is_refused():
    assert said(good(channel="sealed", floor="tls")) == "channel: sealed is less than the floor, tls"


def test_damaged_files_are_refused():
    whole = settings.to_cbor(good())
    for size in range(len(whole)):
        raises(SettingsError, Settings.from_cbor, whole[:size])
    for data in (whole + b"\0", b"\x80", b"\xf6", b"\xff" * 50, cbor.encode({1: 2}), cbor.encode({b"v": 1})):
        raises(SettingsError, Settings.from_cbor, data)


def test_every_flipped_bit_is_refused_or_other_settings():
    whole = settings.to_cbor(good())
    for i in range(len(whole)):
        changed = bytearray(whole)
        changed[i] ^= 1 << i % 8
        try:
            Settings.from_cbor(bytes(changed))
        except SettingsError:
            pass


def test_what_is_no_table_is_refused():
    for fields in (None, [], 5, "x"):
        raises(SettingsError, settings.to_cbor, fields)


def test_fractions_of_settings_are_in_single_precision():
    lamp = {"kind": "dimmer", "name": "dimmer", "pin": 18, "freq_hz": 1000, "safe": 33.3}
    data = settings.to_cbor(good(actuators=[lamp]))
    assert b"\xfb" not in data[data.index(b"safe") :][:6]
    assert Settings.from_cbor(data).actuators[0].safe == cbor.single(33.3)


WARM = {"name": "temperature"}
FAR = {"name": "temperature", "above": 30, "below": 5}
MEANINGLESS = (
    ({"table": [[0, 0], [1, 1]], "offset": 1}, "table: either a table, or scale and offset"),
    ({"table": [[0, 0], [1, 1]], "scale": 1}, "table: either a table, or scale and offset"),
    ({"table": [[0, 0]]}, "table: two points or more, each [from, to], in rising order of from"),
    ({"table": [[0, 0], [1]]}, "table: two points or more, each [from, to], in rising order of from"),
    ({"table": [[0, 0], [0, 1]]}, "table: two points or more, each [from, to], in rising order of from"),
    ({"table": [[1, 0], [0, 1]]}, "table: two points or more, each [from, to], in rising order of from"),
    ({"stats": True}, "stats: with every of 2 or more: of one sample there is no least and no greatest"),
    ({"stats": True, "every": 1}, "stats: with every of 2 or more: of one sample there is no least and no greatest"),
    (
        {"stats": True, "every": 2, "deadband": 1},
        "deadband: not with stats: the least and the greatest would be left out with the mean",
    ),
    ({"hysteresis": 1}, "hysteresis: with above or below: it is an alarm's"),
    ({"heartbeat_s": 60}, "heartbeat_s: with deadband, above or below: without them nothing is left out"),
    ({"above": 5, "below": 5}, "above: more than hysteresis above below"),
    ({"above": 9, "below": 5, "hysteresis": 4}, "above: more than hysteresis above below"),
    ({"smooth": 0}, "smooth: a number from 0.0078125 to 1"),
    ({"median": 2}, "median: a whole number from 3 to 9"),
    ({"offset": float("nan")}, "offset: a number from -1000000 to 1000000"),
)


def test_what_is_done_with_a_value_goes_together():
    for change, words in MEANINGLESS:
        assert said(good(values=[dict(WARM, **change)])) == "values[0]." + words, words
    for change in ({"every": 2, "stats": False}, {"above": 1, "heartbeat_s": 9}, {"smooth": 0.0078125}, {"below": 9}):
        Settings.from_cbor(settings.to_cbor(good(values=[dict(WARM, **change)])))
    assert said(good(values=[{"name": "warm", "below": 1}], sensors=[])).endswith(
        "no sensor of that name: there is none"
    )
    assert said(good(values=[WARM, WARM])) == "values[1].name: temperature has an entry already"


def test_points_of_a_table_that_are_one_in_single_precision_are_refused_on_the_host():
    words = raises(SettingsError, settings.to_cbor, good(values=[dict(WARM, table=[[1.0, 0], [1.00000001, 1]])]))
    assert str(words).startswith("values[0].table: two points or more")


def test_names_that_are_made_of_a_value_s_fit_and_are_nobody_elses():
    long = "t" * 28
    sensor = {"kind": "ds18b20", "names": {"temperature": long}}
    Settings.from_cbor(settings.to_cbor(good(sensors=[sensor], values=[{"name": long, "below": 1}])))
    words = said(good(sensors=[sensor], values=[{"name": long, "above": 1}]))
    assert words == "values[0].name:high: a name of 1 to 32 letters, digits and _.:/-"
    taken = {"kind": "relay", "name": "temperature:low", "pin": 5, "safe": 0}
    words = said(good(actuators=[taken], values=[FAR]))
    assert words == "actuators[0].name: the name temperature:low is taken"
    sensor = {"kind": "chip", "names": {"temperature": "temperature:min"}}
    words = said(good(sensors=good()["sensors"] + [sensor], values=[dict(WARM, every=2, stats=True)]))
    assert words == "values[0].name:min: the name temperature:min is taken"


def test_no_board_is_to_sleep_for_longer_than_its_timer_counts():
    assert said(good(board="esp8266", sleep_ms=4200001)) == (
        "sleep_ms: 4200000 at most on an ESP8266, whose timer has no more"
    )
    for board, sleep_ms in (("esp8266", 4200000), ("esp32", 86400000)):
        assert Settings.from_cbor(settings.to_cbor(good(board=board, sleep_ms=sleep_ms))).sleep_ms == sleep_ms


def test_wakings_are_counted_by_motes_that_sleep_alone():
    assert Settings.from_cbor(settings.to_cbor(good())).send_every == 1
    assert Settings.from_cbor(settings.to_cbor(good(sleep_ms=60000, send_every=10))).send_every == 10
    assert said(good(send_every=10)) == "send_every: 1, or give the mote a sleep_ms: only wakings are counted"
    for wrong in (0, 1001, 1.5, True):
        raises(SettingsError, settings.to_cbor, good(sleep_ms=60000, send_every=wrong))


def test_mote_that_sleeps_deeply_treats_the_sample_of_the_moment_alone():
    for change in ({"offset": 1}, {"scale": 2}, {"table": [[0, 0], [1, 1]]}, {"above": 3, "hysteresis": 1}):
        Settings.from_cbor(settings.to_cbor(good(sleep_ms=60000, values=[dict(WARM, **change)])))
    for change in ({"median": 3}, {"smooth": 0.5}, {"every": 2}, {"deadband": 1}):
        words = said(good(sleep_ms=60000, values=[dict(WARM, **change)]))
        assert words.endswith("not with sleep_ms: deep sleep forgets the samples before"), words


def test_limits_of_actuators_that_cannot_be_kept_are_refused_with_what_to_do():
    relay = {"kind": "relay", "name": "relay", "pin": 5, "safe": 0}
    servo = {"kind": "servo", "name": "flap", "pin": 18, "safe": 90}
    for actuator, words in (
        (
            dict(relay, keep=True, longest_s=5),
            "keep: not with longest_s: after a start nobody knows how long it was on",
        ),
        (dict(relay, link_s=31), "link_s: 0, or more than keepalive_s and two timeouts: 50"),
        (dict(relay, link_s=50), "link_s: 0, or more than keepalive_s and two timeouts: 50"),
        (dict(relay, safe=2), "safe: a whole number from 0 to 1"),
        (dict(relay, low=1), "low: true or false"),
        (dict(servo, safe=181), "safe: a number from 0 to 180"),
        (dict(servo, min_us=2500), "max_us: more than min_us: 500 and 2500 where they are left out"),
        (dict(servo, kind="dimmer", safe=101), "safe: a number from 0 to 100"),
        (dict(servo, kind="dimmer", fade_ms=-1), "fade_ms: a whole number from 0 to 60000"),
        (dict(servo, kind="buzzer", freq_hz=400), "safe: 0 or 1: with freq_hz it is off or on"),
        (dict(servo, kind="led"), "safe: a whole number from 0 to 1"),
    ):
        assert said(good(actuators=[actuator])) == "actuators[0]." + words
    words = said(good(actuators=[dict(relay, keep=True)], sleep_ms=1000))
    assert words == "actuators[0].keep: nothing is kept over deep sleep: sleep_ms has to be 0"
    for actuator in (dict(relay, keep=True, link_s=0), dict(relay, link_s=51, longest_s=1, interval_ms=1, low=True)):
        settings.to_cbor(good(actuators=[actuator]))
