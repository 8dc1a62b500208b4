"""What a sealed mote takes as a command: fresh, its own, once; everything else is refused."""

import time

from harness import raises
from mote import command, protect, sealed, uptime

FLEET = bytes(range(16))
ROOT = bytes(range(32))
EPOCH = sealed.make_epoch(1, 7, b"8 random")
SENDER = sealed.DOWNLINK + b"sixsix"
ORDER = command.Command(b"01234567", "dimmer", 40, 0, 1800000000, None)


def mote(epoch=EPOCH, max_age_ms=60000):
    return protect.Sealed("cellar", "clear", FLEET, ROOT, epoch, 7, True, max_age_ms)


def gateway(kid=SENDER, epoch=EPOCH):
    from mote import keys

    return sealed.Context(keys.subkey(ROOT, FLEET, keys.SEAL), FLEET, kid, epoch)


def sealed_order(sequence=5, order=ORDER, name=b"cellar/down", kid=SENDER, epoch=EPOCH):
    return gateway(kid, epoch).seal(sequence, name, command.encode_command_cbor(order))


def test_fresh_command_is_taken():
    one = mote()
    one.state({"online": True})
    assert one.command(sealed_order()) == ORDER


def test_replayed_command_is_refused():
    one = mote()
    one.state({"online": True})
    one.command(sealed_order())
    raises(sealed.Replayed, one.command, sealed_order())
    raises(sealed.Replayed, one.command, sealed_order(sequence=4))
    other = sealed.DOWNLINK + b"second"
    raises(sealed.Replayed, one.command, sealed_order(sequence=5, kid=other))
    assert one.command(sealed_order(sequence=6, kid=other)) == ORDER


def test_command_of_an_earlier_boot_is_refused():
    one = mote(sealed.make_epoch(1, 8, b"8 random"))
    one.state({"online": True})
    raises(sealed.Refused, one.command, sealed_order())


def test_command_for_another_topic_or_from_another_sender_is_refused():
    one = mote()
    one.state({"online": True})
    raises(sealed.Refused, one.command, sealed_order(name=b"attic/down"))
    raises(sealed.Refused, one.command, sealed_order(name=b"cellar/up"))
    raises(sealed.Refused, one.command, sealed_order(kid=sealed.UPLINK))
    raises(sealed.Refused, one.command, sealed_order(kid=sealed.DOWNLINK))


def test_own_uplink_reflected_is_refused():
    one = mote()
    raises(sealed.Refused, one.command, one.state({"online": True}))
    raises(sealed.Refused, one.command, one.will(1, {"online": False}))


def test_flipped_bit_anywhere_is_refused_and_changes_nothing():
    one = mote()
    one.state({"online": True})
    good = sealed_order()
    for i in range(len(good) * 8):
        bad = bytearray(good)
        bad[i // 8] ^= 1 << i % 8
        raises(sealed.Refused, one.command, bytes(bad))
    assert one.command(good) == ORDER


def test_truncation_at_every_length_is_refused():
    one = mote()
    one.state({"online": True})
    good = sealed_order()
    for size in range(len(good)):
        raises(sealed.Refused, one.command, good[:size])
    raises(sealed.Refused, one.command, good + b"\x00")


def test_oversize_is_refused():
    raises(sealed.Refused, mote().command, bytes(1025))


def test_anchor_that_is_unknown_or_too_old_is_expired():
    one = mote()
    for anchor in (None, 0, 3):
        order = command.Command(b"01234567", "dimmer", 40, anchor, None, None)
        raises(protect.Expired, one.command, sealed_order(10 if anchor is None else 11 + anchor, order))
    one = mote()
    for _ in range(17):
        one.state({"online": True})
    raises(protect.Expired, one.command, sealed_order(order=ORDER))  # anchored to uplink 0, and 16 came after it
    one = mote(max_age_ms=20)
    one.state({"online": True})
    time.sleep_ms(40)
    raises(protect.Expired, one.command, sealed_order())


def test_equal_readings_have_nothing_in_common_on_the_wire():
    from mote import record

    one = mote()
    readings = [record.Reading("temperature", "Cel", 21.5, None)]
    first = sealed.parse(one.up(None, "1.7.1", readings), 4096).ciphertext
    second = sealed.parse(one.up(None, "1.7.1", readings), 4096).ciphertext
    pieces = {bytes(first[i : i + 4]) for i in range(len(first) - 3)}
    assert not any(bytes(second[i : i + 4]) in pieces for i in range(len(second) - 3))


class FakeClock:
    """A clock that says what the test wants."""

    def __init__(self, now):
        self._now = now

    def now(self):
        return self._now


def in_tls(deadline, anchor=None):
    return command.Command(ORDER.id, ORDER.name, ORDER.value, anchor, deadline, None)


def test_inside_tls_a_command_is_taken_until_its_deadline_and_only_with_a_clock():
    order = in_tls(ORDER.deadline)
    payload = command.encode_command_json(order)
    assert protect.InTls("kitchen", FakeClock(ORDER.deadline), 7).command(payload) == order
    raises(protect.Expired, protect.InTls("kitchen", FakeClock(ORDER.deadline + 1), 7).command, payload)
    raises(protect.Expired, protect.InTls("kitchen", FakeClock(None), 7).command, payload)


def test_inside_tls_a_command_that_is_sent_again_is_taken_in_the_boot_that_it_names_alone():
    one = protect.InTls("kitchen", FakeClock(ORDER.deadline), 7)
    again = in_tls(ORDER.deadline, 7)
    assert one.command(command.encode_command_json(again)) == again
    for boot in (0, 6, 8):
        raises(protect.Expired, one.command, command.encode_command_json(in_tls(ORDER.deadline, boot)))


def test_true_command_that_is_not_newer_is_told_from_a_forged_one():
    one = mote()
    one.state({"online": True})
    one.command(sealed_order(9))
    assert one.down == 9
    raises(protect.Behind, one.command, sealed_order(3, kid=sealed.DOWNLINK + b"backup"))
    forged = bytearray(sealed_order(3))
    forged[-1] ^= 1
    assert not isinstance(raises(sealed.Refused, one.command, bytes(forged)), protect.Behind)
    assert one.down == 9


def test_keys_that_have_sealed_their_share_are_spent_long_before_the_bound():
    from mote import limits

    assert limits.SEALS < limits.SPENT < 2**23
    one = mote()
    one.resume(limits.SEALS - 1, -1, 0)
    assert not one.spent
    one.state({"online": True})
    assert one.spent
    one.resume(limits.SPENT, -1, 0)
    raises(protect.Spent, one.state, {"online": True})
    one.begin(sealed.make_epoch(1, 8, b"8 random"), 8, ROOT)
    assert not one.spent
    assert sealed.parse(one.state({"online": True}), 4096).sequence == 0


def test_failed_openings_are_counted_whoever_claims_to_send_and_spend_the_keys():
    from mote import limits

    one = mote()
    for sender in (b"first ", b"second"):
        forged = bytearray(sealed_order(kid=sealed.DOWNLINK + sender))
        forged[-1] ^= 1
        raises(sealed.Refused, one.command, bytes(forged))
    assert one.failed == 2
    one.failed = limits.FAILURES - 1
    assert not one.spent
    raises(sealed.Refused, one.command, bytes(forged))
    assert one.spent


def test_password_of_the_older_root_is_tried_when_that_of_the_newest_is_refused():
    other = bytes(32)
    one = protect.Sealed("cellar", "clear", FLEET, other, EPOCH, 7, True, 1000)
    older = mote().password(1)
    newest = one.password(1)
    assert not one.refused()
    one.begin(EPOCH, 7, other, ROOT)
    assert one.password(1) == newest
    assert one.refused()
    assert one.password(1) == older
    one.accepted()
    one.down = 0
    assert not one.proven  # the broker knows the older one only
    assert one.refused()
    assert one.password(1) == newest
    one.accepted()
    assert one.proven


def test_anchor_from_before_a_sleep_is_expired():
    one = mote()
    one.resume(20, 4, 3)
    raises(sealed.Replayed, one.command, sealed_order(4))
    order = command.Command(b"01234567", "dimmer", 40, 19, None, None)
    raises(protect.Expired, one.command, sealed_order(5, order))


def test_failed_openings_before_a_sleep_still_count():
    from mote import limits

    one = mote()
    one.resume(20, 4, limits.FAILURES)
    assert one.spent


def longest():
    return command.Command(b"01234567", "!" + "n" * 32, bytes(128), 2**40 - 1, 2**40 - 1, None)


def test_longest_command_is_opened_and_what_is_longer_is_refused_before_a_key_is_derived():
    one = mote()
    assert len(sealed_order(2**40 - 1, longest())) == protect.LONGEST_DOWN
    assert raises(protect.Expired, one.command, sealed_order(2**40 - 1, longest())).command == longest()
    derived = []
    one._context = derived.append
    stranger = sealed.DOWNLINK + b"others"
    forged = gateway(stranger).seal(2**40 - 1, b"cellar/down", bytes(199))
    assert len(forged) > protect.LONGEST_DOWN
    raises(sealed.Refused, one.command, forged)
    raises(sealed.Refused, one.command, gateway(stranger).seal(5, b"cellar/down", bytes(900)))
    assert derived == []


class Ticks:
    """Ticks that wrap as on a board, at 2^30 ms, and go on when the test says so."""

    now = 0

    def ticks_ms(self):
        return self.now % (1 << 30)

    def ticks_diff(self, a, b):
        return (a - b + (1 << 29)) % (1 << 30) - (1 << 29)

    def wait_days(self, days):
        for _ in range(round(days * 8)):  # a mote asks more often than every three hours
            self.now += 3 * 3600 * 1000
            uptime.ms()


def test_anchor_stays_too_old_for_ever_though_the_ticks_wrap():
    kept, uptime.time = uptime.time, Ticks()
    try:
        for days in (0.125, 1, 6.25, 9, 12.375, 12.5, 20, 24.875):
            uptime.time.now = 0
            uptime._last = None
            one = mote()
            one.state({"online": True})
            assert one.command(sealed_order()) == ORDER
            uptime.time.wait_days(days)
            raises(protect.Expired, one.command, sealed_order(6))
    finally:
        uptime.time = kept
        uptime._last = None
