"""What one implementation takes the other takes, and nothing else: openers, authenticators and readers of commands.

Sequences and mutations are drawn by hypothesis; both implementations see the same bytes in the same order.
"""

import tempfile
from pathlib import Path

import second_implementation as second
from hypothesis import given, settings
from hypothesis import strategies as st
from ironmote.authenticator import roster
from ironmote.authenticator.marks import Marks
from ironmote.authenticator.roster import Entry, Roster, RosterFile
from ironmote.authenticator.verifier import Verifier
from ironmote.gateway.trust import MoteTrust
from mote import command, sealed
from second_contents import Refused, encode, read_command

FLEET, ROOT = b"an orchard", bytes(range(32))
KEYS = [bytes([value]) * 32 for value in (1, 2, 3)]
SEAL_KEY = second.key_for("seal", ROOT, FLEET)

# (boot counter, which random part, sender, sequence, leaf, leaf that it comes on, byte to flip or none)
MESSAGES = st.lists(
    st.tuples(
        st.integers(1, 7), st.sampled_from([0, 0, 0, 1]), st.sampled_from([b"\x01", b"\x01", b"\x03", b"\x04"]),
        st.one_of(st.integers(0, 90), st.sampled_from([300, 2**40 - 1])), st.sampled_from(["up", "state"]),
        st.sampled_from([None, None, None, "up", "ack"]), st.one_of(st.none(), st.none(), st.integers(0, 60)),
    ),
    min_size=1, max_size=40,
)  # fmt: skip


def tried(call, error):
    """What `call` gives, or None where it raises `error`."""
    try:
        return call()
    except error:
        return None


@settings(max_examples=150, deadline=None)
@given(MESSAGES)
def test_both_openers_take_the_same_messages_in_the_same_order(messages):
    ours = MoteTrust("cellar", 1, SEAL_KEY, FLEET)
    theirs = second.Gateway("cellar", FLEET, {1: SEAL_KEY})
    for counter, random, kid, sequence, leaf, comes_on, flip in messages:
        epoch = second.epoch_of(1, counter, bytes([random] * 8))
        message = bytearray(second.seal(SEAL_KEY, FLEET, epoch, kid, sequence, f"cellar/{leaf}", b"\xa0"))
        if flip is not None:
            message[flip % len(message)] ^= 1
        on, sent = comes_on or leaf, bytes(message)
        opened = tried(lambda on=on, sent=sent: ours.open(on, sent).plaintext, sealed.Refused)
        read = tried(lambda on=on, sent=sent: theirs.open(f"sealed/cellar/{on}", sent)[1], Refused)
        assert opened == read


# (key, counter, client id, zone)
TOKENS = st.lists(
    st.tuples(
        st.sampled_from(KEYS), st.integers(0, 12), st.sampled_from(["cellar", "cellar", "attic", None]),
        st.sampled_from(["clear", "clear", "clear", "home"]),
    ),
    min_size=1, max_size=25,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(TOKENS, st.booleans())
def test_both_authenticators_let_in_the_same_tokens_in_the_same_order(tokens, static):
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        roster.write(folder / "roster.json", Roster("clear", {"cellar": Entry("cellar", tuple(KEYS[:2]), static)}))
        marks = Marks(folder / "marks.db", create=True)
        try:
            ours = Verifier(RosterFile(folder / "roster.json"), marks)
            theirs = second.Authenticator("clear", {"cellar": (KEYS[:2], static)})
            for key, counter, client, zone in tokens:
                token = second.password(key, "cellar", zone, counter)
                decision = ours.decide(client, "cellar", token).entry is not None
                assert decision == theirs.allows("cellar", client, token)
        finally:
            marks.close()


COUNTS = st.one_of(st.integers(-1, 2**41), st.booleans(), st.none(), st.just(2**40 - 1))
TEXTS = st.one_of(st.text(max_size=90), st.sampled_from(["relay", "!challenge", "!", "a" * 33, "é" * 65, "x\x85"]))
VALUES = st.one_of(
    COUNTS, TEXTS, st.binary(max_size=130), st.floats(width=32), st.floats(), st.just(10**9 + 1), st.just([])
)  # fmt: skip
FIELDS = st.fixed_dictionaries(
    {1: st.binary(min_size=7, max_size=9), 2: TEXTS, 3: VALUES},
    optional={4: COUNTS, 5: COUNTS, 6: COUNTS, 8: COUNTS, "a": COUNTS},
)
GOOD = st.fixed_dictionaries(
    {1: st.binary(min_size=8, max_size=8), 2: st.sampled_from(["relay", "!rotate"]), 3: VALUES},
    optional={4: st.integers(0, 2**40 - 1), 5: st.integers(0, 2**40 - 1), 8: st.integers(0, 604_801)},
)


@settings(max_examples=1500, deadline=None)
@given(st.one_of(FIELDS, GOOD), st.integers(0, 10_000))
def test_both_take_the_same_commands(fields, flip):
    data = bytearray(encode(fields))
    if flip < 2000:
        data[flip % len(data)] ^= 1 << flip % 8
    data = bytes(data)
    ours = tried(lambda: command.decode_command_cbor(data), command.CommandError)
    theirs = tried(lambda: read_command(data), Refused)
    assert (ours is None) == (theirs is None), (ours, theirs)
    if ours is not None:
        assert tuple(ours) == tuple(map(theirs.get, (1, 2, 3, 4, 5, 8)))
