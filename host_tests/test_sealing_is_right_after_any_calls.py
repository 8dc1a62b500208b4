"""One AesCcm, and one Context, give what another library gives, whatever they were asked before and however it failed.

Both keep what follows from the sizes of a message for the next one. So calls are drawn in any order, with sizes that
come again, forgeries, arguments that are refused, and memory that runs out at any point of a call.
"""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mote import aead, sealed
from mote.aead import AesCcm, InvalidTag

WATCHED = (aead.__file__, sealed.__file__)
# Sizes at the edges: of a block, of what is kept, of what is xored at once, of a message.
SIZES = st.sampled_from(
    [0, 1, 15, 16, 17, 32, 48, 112, 127, 128, 129, 144, 256, 257, 384, 512, 528, 1024, 4080, 4096]
) | st.integers(0, 4096)
AADS = st.sampled_from([0, 1, 13, 14, 15, 30, 46, 62, 0xFEFF, 0xFF00, 0xFF01]) | st.integers(0, 80)


class OutOfMemory:
    """Inside `with`, the step number `left` of what is tried in the watched files fails with a MemoryError."""

    def __init__(self, left: int) -> None:
        self._left = left
        self.happened = False

    def __enter__(self) -> "OutOfMemory":
        self._before = sys.gettrace()
        sys.settrace(self._call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _call(self, frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        if frame.f_code.co_filename not in WATCHED:
            return None
        frame.f_trace_opcodes = True
        return self._step

    def _step(self, frame: FrameType, event: str, _: Any) -> Callable[..., Any]:
        if event == "opcode" and not self.happened:
            self._left -= 1
            if self._left < 0:
                self.happened = True
                raise MemoryError
        return self._step


def material(size: int, salt: int) -> bytes:
    return bytes((i * 31 + salt * 17 + (i >> 8)) & 0xFF for i in range(size))


CALLS = st.lists(
    st.tuples(
        st.sampled_from(["encrypt", "decrypt", "forged", "cut", "nonce", "starved", "starved"]),
        SIZES,
        AADS,
        st.integers(0, 255),
        st.integers(0, 160),
    ),
    min_size=2,
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(
    calls=CALLS,
    key=st.sampled_from([16, 24, 32]),
    nonces=st.lists(st.integers(7, 13), min_size=1, max_size=2),
    tag=st.sampled_from([4, 6, 8, 10, 12, 14, 16]),
)
@example(
    calls=[("encrypt", 100, 40, 1, 0), *(("starved", 20, 40, n, n) for n in range(90)), ("encrypt", 100, 40, 3, 0)],
    key=32,
    nonces=[13],
    tag=16,
)
def test_calls_of_any_sizes_in_any_order_give_what_cryptography_gives(calls, key, nonces, tag):
    ours, theirs = AesCcm(material(key, 1), tag), AESCCM(material(key, 1), tag)
    for number, (what, size, aad_size, salt, step) in enumerate(calls):
        nonce = material(nonces[number % len(nonces)] - 1, number) + bytes([number])
        data, aad = material(size, salt), material(aad_size, salt + 1)
        whole = theirs.encrypt(nonce, data, aad)
        if what == "encrypt":
            assert ours.encrypt(nonce, data, aad) == whole
        elif what == "decrypt":
            assert ours.decrypt(nonce, memoryview(whole), aad) == data
        elif what == "forged":
            changed = bytearray(whole)
            changed[salt * 7 % len(whole)] ^= 1 << salt % 8
            with pytest.raises(InvalidTag):
                ours.decrypt(nonce, bytes(changed), aad)
        elif what == "cut":
            with pytest.raises(InvalidTag):
                ours.decrypt(nonce, whole[: salt % len(whole)], aad)
        elif what == "nonce":
            with pytest.raises(ValueError, match="nonce"):
                ours.encrypt(bytes(14), data, aad)
        else:
            starved(ours, nonce, data, aad, whole, step)


def starved(ours: AesCcm, nonce: bytes, data: bytes, aad: bytes, whole: bytes, step: int) -> None:
    """A call that may run out of memory; where it does not, it is right."""
    try:
        with OutOfMemory(step):
            made = ours.decrypt(nonce, whole, aad) if step % 2 else ours.encrypt(nonce, data, aad)
        assert made == (data if step % 2 else whole)
    except MemoryError:
        pass


@pytest.mark.parametrize("before", [17, 200, 400])
@pytest.mark.parametrize("starving", [0, 20, 385])
@pytest.mark.parametrize("direction", ["encrypt", "decrypt"])
def test_memory_that_runs_out_at_any_step_repeats_no_key_stream_and_takes_no_forgery(direction, before, starving):
    key, aad, other = material(32, 1), material(40, 2), material(41, 3)
    theirs = AESCCM(key)
    step = 0
    while True:
        ours = AesCcm(key)
        data, small = material(before, 4), material(starving, 5)
        assert ours.encrypt(b"\1" * 13, data, aad) == theirs.encrypt(b"\1" * 13, data, aad)
        with OutOfMemory(step) as memory:
            try:
                if direction == "encrypt":
                    ours.encrypt(b"\2" * 13, small, other)
                else:
                    ours.decrypt(b"\2" * 13, theirs.encrypt(b"\2" * 13, small, other), other)
            except MemoryError:
                pass
        if not memory.happened:
            break
        whole = theirs.encrypt(b"\3" * 13, data, aad)
        assert ours.encrypt(b"\3" * 13, data, aad) == whole
        assert ours.decrypt(b"\3" * 13, whole, aad) == data
        with pytest.raises(InvalidTag):
            ours.decrypt(b"\3" * 13, bytes([whole[0] ^ 1]) + whole[1:], aad)
        step += 1
    assert step > 20


EPOCH = sealed.make_epoch(1, 7, b"8 random")
NAMES = (b"cellar/up", b"cellar/ack", b"cellar/state", b"a-much-longer-name-of-23/up")


@settings(max_examples=150, deadline=None)
@given(
    messages=st.lists(
        st.tuples(
            st.sampled_from(NAMES),
            st.sampled_from([0, 1, 23, 24, 200, 255, 256, 1000, 4000, 5000]),
            st.sampled_from([1, 2**8, 2**16, 2**24, 2**32]),
            st.none() | st.integers(0, 400),
        ),
        min_size=2,
        max_size=15,
    )
)
def test_messages_of_any_names_numbers_and_sizes_are_opened_by_who_keeps_nothing(messages):
    key, fleet = material(32, 9), material(16, 8)
    sealing = sealed.Context(key, fleet, sealed.UPLINK, EPOCH)
    for number, (name, size, above, step) in enumerate(messages):
        sequence, content = above - 1 + number, material(size, number)
        try:
            if step is None:
                message = sealing.seal(sequence, name, content)
            else:
                with OutOfMemory(step):
                    message = sealing.seal(sequence, name, content)
        except MemoryError:
            continue
        except ValueError:
            assert size == 5000
            continue
        assert len(message) <= sealed.MAX_UP
        envelope = sealed.parse(message, sealed.MAX_UP)
        opening = sealed.Context(key, fleet, sealed.UPLINK, EPOCH, AESCCM)
        assert envelope.sequence == sequence
        assert opening.open(envelope, name) == content
        assert sealing.open(envelope, name) == content
        for wrong in NAMES:
            if wrong != name:
                with pytest.raises(sealed.Refused):
                    sealing.open(envelope, wrong)
