"""One attack a test: what the gateway must not believe, and that it says why."""

import pytest
from gateway_motes import SealingMote, a_fleet, on_clear, on_home, trusts_of
from ironmote.gateway import reasons
from ironmote.gateway.members import members_of
from ironmote.gateway.uplink import NotBelieved, Uplink
from mote import record, sealed
from mote.record import Reading


class Bench:
    def __init__(self) -> None:
        self.fleet = a_fleet()
        self.trusts = trusts_of(self.fleet)
        self.uplink = Uplink(members_of(self.fleet), self.trusts)
        self.cellar = SealingMote(self.fleet, "cellar")

    def refused(self, message) -> NotBelieved:
        before = [(e.epoch, e.window.highest, e.window.bits, e.will) for t in self.trusts.values() for e in t.epochs]
        with pytest.raises(NotBelieved) as caught:
            self.uplink.take(message)
        after = [(e.epoch, e.window.highest, e.window.bits, e.will) for t in self.trusts.values() for e in t.epochs]
        assert before == after, "a message that does not verify changed what is trusted"
        return caught.value


def test_true_record_is_believed():
    bench = Bench()
    verified = bench.uplink.take(on_clear("sealed/cellar/up", bench.cellar.up(taken=1_760_000_000)))
    assert verified.member.id == "cellar"
    assert [(r.name, r.unit, r.value) for r in verified.content.readings] == [
        ("temperature", "Cel", 23.7),
        ("light", "lx", 585),
    ]
    assert (verified.boot, verified.sequence, verified.current) == (1, 0, True)


def test_any_flipped_bit_refused():
    bench = Bench()
    message = bench.cellar.up()
    for bit in range(len(message) * 8):
        forged = bytearray(message)
        forged[bit // 8] ^= 1 << bit % 8
        bench.refused(on_clear("sealed/cellar/up", bytes(forged)))
    bench.uplink.take(on_clear("sealed/cellar/up", message))


def test_any_truncation_and_extension_refused():
    bench = Bench()
    message = bench.cellar.up()
    for length in range(len(message)):
        bench.refused(on_clear("sealed/cellar/up", message[:length]))
    bench.refused(on_clear("sealed/cellar/up", message + b"\0"))


def test_message_moved_to_another_motes_topic_refused():
    bench = Bench()
    bench.refused(on_clear("sealed/attic/up", bench.cellar.up()))


def test_message_moved_to_another_leaf_refused():
    bench = Bench()
    message = bench.cellar.up()
    bench.refused(on_clear("sealed/cellar/ack", message))
    bench.refused(on_clear("sealed/cellar/state", message))


def test_other_fleets_mote_of_the_same_name_refused():
    bench = Bench()
    bench.refused(on_clear("sealed/cellar/up", SealingMote(a_fleet(), "cellar").up()))


def test_other_generation_refused():
    bench = Bench()
    error = bench.refused(on_clear("sealed/cellar/up", SealingMote(bench.fleet, "cellar", generation=2).up()))
    assert "generation" in error.why


def test_downlink_sent_back_refused():
    bench = Bench()
    message = bench.cellar.seal("up", b"\x80", kid=sealed.DOWNLINK + b"abcdef")
    bench.refused(on_clear("sealed/cellar/up", message))


def test_will_on_records_topic_refused():
    bench = Bench()
    bench.refused(on_clear("sealed/cellar/up", bench.cellar.will()))


def test_too_long_refused():
    bench = Bench()
    error = bench.refused(on_clear("sealed/cellar/up", b"\xd0" + bytes(sealed.MAX_UP)))
    assert error.mote == "cellar"


def test_unknown_mote_refused():
    bench = Bench()
    error = bench.refused(on_clear("sealed/nobody/up", bench.cellar.up()))
    assert error.mote is None


def test_foreign_topics_refused():
    bench = Bench()
    for topic in (
        "",
        "sealed",
        "sealed/cellar",
        "sealed/cellar/up/more",
        "sealed/CELLAR/up",
        "sealed/cellar/down",
        "x",
    ):
        bench.refused(on_clear(topic, bench.cellar.up()))


def test_retained_record_refused():
    bench = Bench()
    assert "retained" in bench.refused(on_clear("sealed/cellar/up", bench.cellar.up(), retained=True)).why
    assert "retained" in bench.refused(on_clear("sealed/cellar/state", bench.cellar.state(), retained=True)).why
    pack = record.pack_json("kitchen/", None, record.identity(1, 1, 1), [Reading("light", "lx", 1, None)])
    assert "retained" in bench.refused(on_home("mote/kitchen/up", pack, retained=True)).why


def test_sealed_mote_in_plain_json_is_a_lesser_channel():
    bench = Bench()
    pack = record.pack_json("cellar/", None, record.identity(1, 1, 1), [Reading("light", "lx", 1, None)])
    error = bench.refused(on_home("mote/cellar/up", pack))
    assert error.alert
    assert "lesser channel" in error.why


def test_tls_mote_on_the_clear_side_is_a_lesser_channel():
    bench = Bench()
    error = bench.refused(on_clear("sealed/kitchen/up", bench.cellar.up()))
    assert error.alert
    assert "lesser channel" in error.why


def test_open_topic_in_the_clear_zone_refused():
    bench = Bench()
    bench.refused(on_clear("mote/kitchen/up", b"[]"))


def test_genuine_seal_around_nonsense_refused_but_used_up():
    bench = Bench()
    message = bench.cellar.seal("up", b"\xff")
    with pytest.raises(NotBelieved) as caught:
        bench.uplink.take(on_clear("sealed/cellar/up", message))
    assert caught.value.alert
    assert "taken" in bench.refused(on_clear("sealed/cellar/up", message)).why


def test_record_with_another_base_name_refused():
    bench = Bench()
    with pytest.raises(NotBelieved):
        bench.uplink.take(on_clear("sealed/cellar/up", bench.cellar.up(base_name="attic/")))


def test_status_text_with_terminal_controls_refused():
    bench = Bench()
    with pytest.raises(NotBelieved):
        bench.uplink.take(on_clear("sealed/cellar/state", bench.cellar.state(why="\x1b[2J")))


def test_bad_json_on_the_trusted_side_refused():
    bench = Bench()
    for payload in (
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 4000,
        b'{"online":true,"boot":NaN,"connection":1}',
        b'{"online":true,"online":false,"boot":1,"connection":1}',
        b'{"online":true,"boot":-1,"connection":1}',
        b'{"online":1,"boot":1,"connection":1}',
        b'{"online":true,"boot":1,"connection":1,"failures":[1,2,3,4,5]}',
        b'{"online":true,"boot":1,"connection":1,"failures":["1"]}',
        b'{"online":true,"boot":1,"connection":1,"failures":[null]}',
    ):
        bench.refused(on_home("mote/kitchen/state", payload))
        bench.refused(on_home("mote/kitchen/up", payload))
        bench.refused(on_home("mote/kitchen/ack", payload))


def test_oversize_json_refused():
    bench = Bench()
    bench.refused(on_home("mote/kitchen/up", b" " * 5000))
    bench.refused(on_home("mote/kitchen/state", b" " * 2000))


def test_last_status_of_a_mote_that_was_removed_is_no_stranger():
    bench = Bench()
    assert bench.refused(on_home("mote/gone/state", b'{"online":true}')).kind == reasons.UNKNOWN
    assert bench.refused(on_home("mote/gone/state", b'{"online":true}', retained=True)).kind == reasons.STRAY
