"""Whoever may send texts does not fill the mote's memory with letters that MicroPython keeps for ever."""

import gc

from mote import cbor, command, record


def _in_use():
    gc.collect()
    return gc.mem_alloc()


def _letters(first):
    """Thirty letters from `first` on, by way of UTF-8: chr() would keep them itself."""
    return b"".join([bytes((0xC0 | code >> 6, 0x80 | code & 0x3F)) for code in range(first, first + 30)]).decode()


def test_many_different_letters_leave_nothing_behind():
    order = command.Command(b"01234567", "dimmer", "warm", 1, None, None)
    before = None
    for first in range(0x100, 0x7C0, 32):
        text = _letters(first)
        assert cbor.decode(cbor.encode(text)) == text
        assert record.is_text(text, 80)
        assert not record.is_name(text)
        for encode, decode in (
            (command.encode_command_cbor, command.decode_command_cbor),
            (command.encode_command_json, command.decode_command_json),
        ):
            made = command.Command(order.id, order.name, text[:12], order.anchor, None, None)
            assert decode(encode(made)).value == made.value
        if before is None:
            before = _in_use()
    assert _in_use() - before < 512
