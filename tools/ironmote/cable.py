"""A board at the end of a cable: what it holds, and putting onto it what a plan says (ironmote.provision).

Everything is done by short programs at its prompt, which compute hashes there: nothing is sent that the board has, and
nothing counts as written before the board has read it back. A file is written beside its place and renamed, so a cable
that is pulled leaves it as it was or whole.
"""

import ast
import binascii
import hashlib
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from mote import channel, epoch, vault

from .boards import Profile
from .errors import BoardError
from .prompt import Prompt
from .provision import Held, Place, Write

_CHUNK = 768  # base64 makes a kilobyte of it, which the smallest board's prompt compiles
_CODE = "/lib/mote"
_LONGEST_SECRET = 512

# On the board. Names of one letter and one line each: a prompt's memory is small.
_TOOLS = f"""
import os, hashlib, gc
from binascii import hexlify, a2b_base64
try:
    from esp32 import NVS
    N = NVS({vault.NAMESPACE!r})
except ImportError:
    N = None
def H(d):
    return hexlify(hashlib.sha256(d).digest()).decode()
def F(p):
    h = hashlib.sha256()
    b = bytearray(512)
    m = memoryview(b)
    try:
        with open(p, 'rb') as f:
            while True:
                n = f.readinto(b)
                if not n:
                    return hexlify(h.digest()).decode()
                h.update(m[:n])
    except OSError as e:
        if e.errno != 2:
            raise
def V(n):
    b = bytearray({_LONGEST_SECRET})
    try:
        if N:
            return bytes(b[:N.get_blob(n, b)])
        with open({vault.FOLDER!r} + '/' + n, 'rb') as f:
            return f.read()
    except OSError as e:
        if e.errno not in (2, -0x1102):
            raise
def D(p):
    for i in range(1, len(p)):
        if p[i] == '/':
            try:
                os.mkdir(p[:i])
            except OSError as e:
                if e.errno != 17:
                    raise
def W(p):
    global f
    D(p)
    f = open(p + '.part', 'wb')
def A(d):
    f.write(a2b_base64(d))
def E(p, h):
    f.close()
    if F(p + '.part') != h:
        raise ValueError('not read back as written')
    os.rename(p + '.part', p)
def L(p):
    try:
        for e in os.ilistdir(p):
            if e[1] == 0x4000:
                L(p + '/' + e[0])
            else:
                print(repr(p + '/' + e[0]) + ',')
    except OSError as e:
        if e.errno != 2:
            raise
"""


class Cable:
    """The board at `prompt`, which is stopped when this is made. Its methods raise BoardError.

    So does this where it is not of the kind `profile`; None takes any kind.
    """

    def __init__(self, prompt: Prompt, profile: Profile | None) -> None:
        self._prompt = prompt
        prompt.stop()
        prompt.run(_TOOLS)
        self._nvs = self._value("N is not None", bool)
        if profile is not None and self._nvs is not profile.nvs:
            has = "has no" if profile.nvs else "has"
            raise BoardError(f"{prompt.port}: this is no {profile.name}: it {has} non-volatile storage of an ESP32")
        machine = self.identity()["machine"]
        if profile is not None and " with " in machine and not machine.endswith(f" {profile.machine}"):
            raise BoardError(f"{prompt.port}: this is a {machine}, and {profile.name} has an {profile.chip}")

    def held(self, writes: Iterable[Write]) -> Held:
        """What the board holds of what `writes` name."""
        writes = list(writes)
        files = list({each.name: None for each in writes if each.place is Place.FLASH})
        secrets = list({each.name: None for each in writes if each.place is Place.VAULT})
        # A root key that came over the air is the middle of its slot (mote.roots).
        lived = [
            self._digest(f"(lambda d: d and len(d) == 39 and H(d[3:-4]) or None)(V({name!r}))")
            for name in ("root", "root2")
        ]
        return Held(
            self._hashes("F({!r})", files),
            self._hashes("(lambda d: None if d is None else H(d))(V({!r}))", secrets),
            self.counters(),
            [each for each in lived if each],
        )

    def counters(self) -> list[bytes]:
        """What is in the slots of the boot counter (mote.epoch); they are no secret."""
        return [each for each in (self._value(f"V({name!r})", bytes, type(None)) for name in epoch.SLOTS) if each]

    def write(self, write: Write) -> None:
        """Put `write` onto the board; it has been read back when this returns."""
        if write.place is Place.FLASH:
            self._write_file(write.name, write.content)
        elif self._nvs:
            self._prompt.run(f"N.set_blob({write.name!r}, a2b_base64({_base64(write.content)!r}))\nN.commit()")
            if self._value(f"H(V({write.name!r}))", str) != hashlib.sha256(write.content).hexdigest():
                raise BoardError(f"{self._prompt.port}: {write.name} was not kept; is the board's storage full?")
        else:
            self._write_file(f"{vault.FOLDER}/{write.name}", write.content)

    def remove_stale(self, wanted: Collection[str]) -> list[str]:
        """Remove what is in the mote's folder and not among `wanted`, which are paths; returns what was removed.

        An old module of the same name could hide the new one, and takes room.
        """
        stale = [path for path in self.listing(_CODE) if path not in wanted]
        for path in stale:
            self._prompt.run(f"os.remove({path!r})")
        return stale

    def listing(self, folder: str) -> list[str]:
        """The files below `folder`, by path."""
        found = self._read(f"({self._prompt.run(f'L({folder!r})')})", tuple)
        return sorted(self._typed(each, str) for each in found)

    def read(self, path: str) -> bytes | None:
        """The content of a file of at most some kilobytes; None where there is none. No secret is read this way."""
        if self._value(f"F({path!r})", str, type(None)) is None:
            return None
        content: bytes = self._value(f"open({path!r}, 'rb').read()", bytes)
        return content

    def set_clock(self) -> None:
        """Set the board's clock to this computer's, in UTC."""
        now = time.gmtime()
        parts = (now.tm_year, now.tm_mon, now.tm_mday, now.tm_wday, now.tm_hour, now.tm_min, now.tm_sec, 0)
        self._prompt.run(f"import machine\nmachine.RTC().datetime({parts})")

    def facts(self, room: bool) -> channel.Facts:
        """What the board's firmware can do, measured by the mote's own code, which has to be on the board.

        `room` is what its profile says of its memory.
        """
        self._prompt.run("gc.collect()\nfrom mote import facts")
        found = self._value(f"tuple(facts.measure({room}))", tuple)
        if len(found) != len(channel.Facts._fields):
            raise self._garbled()
        return channel.Facts(*(self._typed(each, bool) for each in found))

    def identity(self) -> Mapping[str, Any]:
        """What the board says that it is.

        "firmware", "version" (three numbers), "machine", "free" and "room": bytes of heap, and of its file system,
        that are free, "id" (hex).
        """
        self._prompt.run("import sys, machine\ngc.collect()")
        name, version = self._value("sys.implementation[0]", str), self._value("sys.implementation[1]", tuple)
        machine = self._value("getattr(sys.implementation, '_machine', '')", str)
        free = self._value("gc.mem_free()", int)
        room = self._value("(lambda s: s[0] * s[3])(os.statvfs('/'))", int)
        number = self._value("hexlify(machine.unique_id()).decode()", str)
        return {
            "firmware": name, "version": tuple(self._typed(each, int) for each in version[:3]), "machine": machine,
            "free": free, "room": room, "id": number,
        }  # fmt: skip

    def start(self) -> None:
        """Reset the board: it runs what it holds. Starts that failed before are forgotten."""
        if self._value("F('/settings.cbor')", str, type(None)) is not None:
            self._prompt.run("gc.collect()\nfrom mote import guard\nguard.healthy()")
        self._prompt.reset()

    def _write_file(self, path: str, content: bytes) -> None:
        self._prompt.run(f"W({path!r})")
        for at in range(0, len(content), _CHUNK):
            self._prompt.run(f"A({_base64(content[at : at + _CHUNK])!r})")
        self._prompt.run(f"E({path!r}, {hashlib.sha256(content).hexdigest()!r})")

    def _hashes(self, form: str, names: Sequence[str]) -> dict[str, bytes]:
        found = {name: self._digest(form.format(name)) for name in names}
        return {name: digest for name, digest in found.items() if digest is not None}

    def _digest(self, expression: str) -> bytes | None:
        found = self._value(expression, str, type(None))
        try:
            return None if found is None else binascii.unhexlify(found)
        except ValueError:
            raise self._garbled() from None

    def _value(self, expression: str, *kinds: type) -> Any:
        """The value of `expression` on the board, of one of these `kinds`: what a board says may be anything."""
        return self._read(self._prompt.run(f"print(repr({expression}))").strip(), *kinds)

    def _read(self, text: str, *kinds: type) -> Any:
        try:
            return self._typed(ast.literal_eval(text), *kinds)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            raise self._garbled() from None

    def _typed(self, found: Any, *kinds: type) -> Any:
        if type(found) not in kinds:
            raise self._garbled()
        return found

    def _garbled(self) -> BoardError:
        return BoardError(f"{self._prompt.port}: the board's answer was garbled; is the cable good?")


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode()
