"""A record that a gateway says again is the one that the mote took, whatever is in it; a mark is good for it alone."""

from dataclasses import replace

from gateway_motes import a_fleet
from hypothesis import given
from hypothesis import strategies as some
from ironmote.gateway.marks import Marks
from ironmote.gateway.members import Successor, members_of
from ironmote.gateway.outbox import Unpublished
from ironmote.northbound import messages
from mote import keys, record, senml
from mote.record import Reading

NAMES = some.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,31}", fullmatch=True)
TIMES = some.integers(2**28, 2**40 - 1) | some.floats(2**28, 2**39)
SINGLES = some.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-(2.0**53), max_value=2.0**53)
VALUES = (
    some.booleans()
    | some.integers(-(2**53), 2**53)
    | SINGLES.map(senml.shortest)
    | some.text(max_size=64).filter(lambda text: record.is_text(text, 64))
)
UNITS = some.none() | some.sampled_from(["Cel", "%RH", "/", "rad"])
READINGS = some.lists(some.builds(Reading, NAMES, UNITS, VALUES, some.none() | TIMES), min_size=1, max_size=8)
TOPIC = "mote/cellar/up"


@given(READINGS, some.none() | TIMES, some.booleans())
def test_record_is_read_as_it_was_taken(readings, taken, confirmed):
    stored = Unpublished(1, "cellar", 1, 7, 42, taken, 1_795_000_000.25, "sealed", 7, 41, confirmed, tuple(readings))
    payload = Marks(members_of(a_fleet())).mark("cellar", TOPIC, messages.of_record(stored))
    found = senml.unpack_json(payload, "cellar")
    assert found.identity == (1, 7, 42)
    assert found.base_time == taken
    for got, was in zip(found.readings, readings, strict=True):
        assert (got.name, got.unit, got.value, type(got.value)) == (was.name, was.unit, was.value, type(was.value))
        since = was.time if was.time is not None else taken
        assert got.time == since or abs(got.time - since) < 1e-3


def test_mark_is_as_the_protocol_says():
    member = next(each for each in members_of(a_fleet()) if each.id == "cellar")
    key = keys.hkdf_expand(member.seal_key, b"ironmote 1 republished", 32)
    mark = keys.hmac_sha256(key, TOPIC.encode() + b"\0" + b'"n":1}')[:8].hex()
    assert Marks([member]).mark("cellar", TOPIC, b'{"n":1}') == b'{"mark":"%s","n":1}' % mark.encode()


def test_mark_is_good_for_one_mote_and_topic_and_survives_a_rotation():
    cellar, attic, kitchen = members_of(a_fleet())
    marks = Marks([cellar, attic, kitchen])
    payload = marks.mark("cellar", TOPIC, b'{"online":true}')
    assert payload.startswith(b'{"mark":"')
    assert marks.has("cellar", TOPIC, payload)
    assert Marks([cellar]).has("cellar", TOPIC, payload)  # another gateway of the fleet
    assert not marks.has("cellar", "mote/cellar/state", payload)
    assert not marks.has("attic", TOPIC, payload)
    assert not marks.has("kitchen", TOPIC, payload)
    for at in range(len(payload)):
        assert not marks.has("cellar", TOPIC, payload[:at])
        assert not marks.has("cellar", TOPIC, payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1 :])
    marks.add(replace(cellar, successor=Successor(2, b"2" * 32, b"")))
    assert marks.has("cellar", TOPIC, payload)
    later = marks.mark("cellar", TOPIC, b'{"online":true}')
    assert Marks([cellar]).has("cellar", TOPIC, later)  # a gateway that does not know yet of the new key
    marks.add(replace(cellar, generation=2, seal_key=b"2" * 32))
    assert Marks([replace(cellar, seal_key=b"2" * 32)]).has("cellar", TOPIC, marks.mark("cellar", TOPIC, b'{"n":1}'))
    assert marks.has("cellar", TOPIC, payload)
    assert marks.has("cellar", TOPIC, later)
    marks.forget("cellar")
    assert not marks.has("cellar", TOPIC, payload)
