"""The channel follows from facts and from what was asked for, never below the floor; else there is none."""

from harness import raises
from mote import channel
from mote.channel import ChannelError, Facts, choose

ALL = Facts(True, True, True, True)


def test_parts_of_every_channel():
    assert [channel.parts(each) for each in channel.CHANNELS] == [
        ("tls", True),
        ("tls-psk", True),
        ("tls", False),
        ("tls-psk", False),
        (None, True),
    ]


def test_auto_takes_the_best_that_is_possible_and_seals_inside_tls_only_when_asked():
    assert choose("auto", "sealed", ALL)[0] == "tls"
    assert choose("auto", "sealed", Facts(False, True, True, True))[0] == "tls-psk"
    assert choose("auto", "sealed", Facts(False, False, True, True))[0] == "sealed"
    assert choose("auto", "sealed", Facts(True, True, True, False))[0] == "sealed"


def test_what_is_asked_for_is_had_or_nothing():
    for wanted in channel.CHANNELS:
        found, why = choose(wanted, "sealed", ALL)
        assert found == wanted
        assert why
    for wanted, facts in (
        ("tls", Facts(False, True, True, True)),
        ("tls+sealed", Facts(False, True, True, True)),
        ("tls+sealed", Facts(True, True, False, True)),
        ("tls-psk", Facts(True, False, True, True)),
        ("tls-psk+sealed", Facts(True, False, True, True)),
        ("tls-psk+sealed", Facts(True, True, False, True)),
        ("tls", Facts(True, True, True, False)),
        ("tls-psk", Facts(True, True, True, False)),
        ("sealed", Facts(True, True, False, True)),
    ):
        raises(ChannelError, choose, wanted, "sealed", facts)


def test_nothing_is_chosen_below_the_floor():
    for place, floor in enumerate(channel.CHANNELS):
        for wanted in channel.CHANNELS[place + 1 :]:
            raises(ChannelError, choose, wanted, floor, ALL)
        assert choose(floor, floor, ALL)[0] == floor
    raises(ChannelError, choose, "auto", "tls", Facts(False, True, True, True))
    raises(ChannelError, choose, "auto", "tls-psk", Facts(False, False, True, True))
    raises(ChannelError, choose, "auto", "tls+sealed", Facts(False, True, True, True))


def test_unknown_words_choose_nothing():
    for wanted, floor in (
        ("plain", "sealed"),
        ("tls", "plain"),
        ("", "sealed"),
        ("auto", "auto"),
        ("tls+tls", "sealed"),
    ):
        raises(ChannelError, choose, wanted, floor, ALL)
