"""The channel follows from facts alone, and fails closed."""

from harness import raises
from mote import channel
from mote.channel import CHANNELS, ChannelError, Facts, choose

ALL = Facts(True, True, True, True)
ESP8266 = Facts(False, False, True, False)
OLD = Facts(True, False, True, True)  # before MicroPython 1.29: no TLS with pre-shared keys


def every_facts():
    for i in range(16):
        yield Facts(bool(i & 1), bool(i & 2), bool(i & 4), bool(i & 8))


def able(name, facts):
    """What the table of the channels says, once more."""
    if name.startswith("tls-psk") and not (facts.psk and facts.room):
        return False
    if name in ("tls", "tls+sealed") and not (facts.verify and facts.room):
        return False
    return facts.aes or not name.endswith("sealed")


def test_auto_takes_tls_then_psk_then_sealed():
    assert choose("auto", "sealed", ALL)[0] == "tls"
    assert choose("auto", "sealed", Facts(False, True, True, True))[0] == "tls-psk"
    assert choose("auto", "sealed", ESP8266)[0] == "sealed"
    assert choose("auto", "sealed", OLD)[0] == "tls"


def test_auto_seals_inside_tls_only_where_the_floor_asks():
    assert choose("auto", "tls+sealed", ALL)[0] == "tls+sealed"
    assert choose("auto", "tls-psk+sealed", Facts(False, True, True, True))[0] == "tls-psk+sealed"
    raises(ChannelError, choose, "auto", "tls+sealed", Facts(True, True, False, True))


def test_never_below_the_floor_and_never_what_the_board_cannot():
    for facts in every_facts():
        for floor in CHANNELS:
            for wanted in ("auto",) + CHANNELS:
                try:
                    chosen, why = choose(wanted, floor, facts)
                except ChannelError:
                    if wanted == "auto":
                        assert not any(
                            able(name, facts)
                            for name in CHANNELS[: CHANNELS.index(floor) + 1]
                            if name in ("tls", "tls-psk", "sealed")
                        )
                    else:
                        assert not able(wanted, facts) or CHANNELS.index(wanted) > CHANNELS.index(floor)
                    continue
                assert able(chosen, facts) and CHANNELS.index(chosen) <= CHANNELS.index(floor)
                assert wanted in ("auto", chosen)
                assert why and why[0] != " " and not why.endswith(".")


def test_what_is_wanted_is_had_or_nothing():
    assert choose("sealed", "sealed", ALL)[0] == "sealed"
    raises(ChannelError, choose, "tls", "sealed", ESP8266)
    raises(ChannelError, choose, "sealed", "tls", ALL)


def test_no_facts_no_channel():
    for wanted in ("auto",) + CHANNELS:
        raises(ChannelError, choose, wanted, "sealed", Facts(False, False, False, False))


def test_no_room_is_no_tls_whatever_ssl_can_do():
    assert choose("auto", "sealed", Facts(True, True, True, False))[0] == "sealed"


def test_words_say_why():
    why = choose("auto", "sealed", ESP8266)[1]
    assert "cannot verify" in why and "no room" in why and "AES" in why
    error = raises(ChannelError, choose, "tls", "sealed", ESP8266)
    assert "cannot verify" in str(error)


def test_unknown_names_are_refused():
    for wanted, floor in (("mqtt", "sealed"), ("", "sealed"), (None, "sealed"), ("tls", "none"), ("auto", "auto")):
        raises(ChannelError, choose, wanted, floor, ALL)


def test_strength_is_the_order():
    assert (
        channel.reaches("tls", "sealed") and channel.reaches("tls", "tls") and not channel.reaches("tls", "tls+sealed")
    )
