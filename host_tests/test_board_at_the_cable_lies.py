"""What is plugged in may be anybody's: a thing that imitates MicroPython's prompt and answers what it likes."""

import contextlib
import os
import pty
import select
import threading

import pytest
from ironmote import examination, prompt
from ironmote.errors import BoardError

_LONG = 4096
ENDLESS = None


class Liar:
    """A prompt at `port` that answers `lie` to all it is asked; ENDLESS is an answer without end."""

    def __init__(self, lie):
        self._lie = lie
        self._asked = 0  # the first is to reset itself
        self._end, far = pty.openpty()
        os.set_blocking(self._end, False)
        self._far = far
        self.port = os.ttyname(far)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._talk, daemon=True)

    def __enter__(self):
        prompt.serial.Serial(self.port).close()  # makes the line raw
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join(20)
        for end in (self._end, self._far):
            os.close(end)

    def _talk(self):
        heard = b""
        while not self._over.is_set():
            if not select.select([self._end], [], [], 0.05)[0]:
                continue
            with contextlib.suppress(OSError):
                heard += os.read(self._end, 65536)
            while heard and not self._over.is_set():
                heard = self._answer(heard)

    def _answer(self, heard):
        raw = b"raw REPL; CTRL-B to exit\r\n>"
        for asked, answer in ((b"\x05A\x01", b"R\x00"), (b"\x02", b"\r\n>>> "), (b"\x01", raw)):
            if heard.startswith(asked):
                self._say(answer)
                return heard[len(asked) :]
        if heard.startswith(b"\x04"):
            self._say(b"OK")
            self._asked += 1
            while self._asked > 1 and self._lie is ENDLESS and not self._over.is_set():
                self._say(b"lie" * 300)
            self._say((self._lie or b"") + b"\x04\x04>")
        return heard[1:]

    def _say(self, data):
        while data and not self._over.is_set():
            if select.select([], [self._end], [], 0.05)[1]:
                with contextlib.suppress(BlockingIOError):
                    data = data[os.write(self._end, data) :]


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (ENDLESS, "talks without end"),
        (b"'" + b"A" * 2 * _LONG + b"'", "talks without end"),
        (b"(" * 3000, "garbled"),
        (b"-" * 3000 + b"1", "garbled"),
        (b"{'a': []}", "garbled"),
        (b"'\x1b[2J'", "garbled"),
        (b"True", "garbled"),
        (b"", "garbled"),
    ],
    ids=["endless", "long", "nested", "chained", "type", "escape", "true", "nothing"],
)
def test_answers_that_are_none_are_one_line_and_take_no_memory(monkeypatch, lie, said):
    monkeypatch.setattr(prompt, "_LONGEST_ANSWER", _LONG)
    with Liar(lie) as liar, pytest.raises(BoardError, match=said):
        examination.examine(liar.port, None)


def test_line_without_end_is_shown_in_pieces(monkeypatch):
    monkeypatch.setattr(prompt, "_LONGEST_LINE", 64)
    with Liar(ENDLESS) as liar, contextlib.closing(prompt.console(liar.port)) as lines:
        os.write(liar._end, b"B" * 200)  # waits at the line until it is opened
        threading.Timer(1, os.write, (liar._end, b"B" * 200)).start()
        assert next(lines).startswith("B" * 65)
