"""The generations of umqtt.simple that users meet, made from the pinned one by editing its text.

The package index has none after 1.3.4; later ones come frozen in firmware. Their source is not kept here: it is made
from the pinned archive by the edits below, after micropython-lib's micropython/umqtt.simple/umqtt/simple.py at the
commit named. When the edits were written, what they make of 1.8.0 was compared whole with that file, of the other two
by reading and by its length; the SHA-256 here is of what they make, so it stays what was compared.
"""

import hashlib
import re
from pathlib import Path

from ironmote import packages

_FORMATTED = [
    (r"\n+(class .*:\n)\n*", r"\n\n\n\1"),
    (r"#print\(", "# print("),
    (r"self\.user is not None", "self.user"),
    (r"(elif op & 6 == 4:\s+assert 0\n)", r"\1        return op\n"),
]
_CONTEXT_ALONE = [
    (r"ssl=False,\s+ssl_params=\{\}", "ssl=None"),
    (r" +self\.ssl_params = .*\n", ""),
    (r" +import ussl\n", ""),
    (r"ussl\.wrap_socket\(self\.sock, .*\)", "self.ssl.wrap_socket(self.sock, server_hostname=self.server)"),
]
_EITHER = [
    (r"import u(\w+) as \w+", r"import \1"),
    (r"from u(\w+) import", r"from \1 import"),
    (r"ssl=False,\s+ssl_params", "ssl=None, ssl_params"),
    (r"import ussl\n( +)(.*) ussl\.(wrap_socket\(self\.sock, )(.*)\)",
     r"# Legacy support for ssl=True and ssl_params arguments.\n\1import ssl\n\n\1\2 ssl.\3\4)\n"
     r"        elif self.ssl:\n\1\2 self.ssl.\3server_hostname=self.server)"),
    (r"if self\.ssl:\n( +#)", r"if self.ssl is True:\n\1"),
    (r"(def connect\(.*)\):\n( +)(.*)\n", r"\1, timeout=None):\n\2if self.sock:\n\2    self.sock.close()\n\2\3\n"
     r"\2self.sock.settimeout(timeout)\n"),
    # One function for what CONNECT and PUBLISH did each for itself.
    (r"(?s)(\n\nclass MQTTClient.*assert sz < 2097152\n)((?:    {4}.*?\n){6})",
     lambda found: "\n\ndef _encode_len(pkt, sz):\n" + found[2].replace("    ", "", 1).replace("\n    ", "\n")
     + "    return i\n" + found[1] + "        i = _encode_len(pkt, sz)\n"),
    (r"        i = 1\n(?:.*\n){5}(\n +self\.sock\.write\(premsg)", r"        i = _encode_len(premsg, sz)\n\1"),
]  # fmt: skip
_UNSUBSCRIBES = [
    (r"def subscribe\(self, topic, qos=0\):\n( +assert .*\n)(?s:.*?)(        self\.pid \+= 1\n)(?:.*\n){3}(.*\n).*\n",
     r"def _send_subunsub(self, topic, typ, ack_op, ack_n, qos=0):\n        pkt = bytearray(4)\n        pkt[0] = typ\n"
     r"\2        pid = self.pid\n        i = _encode_len(pkt, 4 + len(topic) + (ack_n > 3))\n"
     r'        self.sock.write(pkt, i + 1)\n        struct.pack_into("!H", pkt, 0, pid)\n'
     r"        self.sock.write(pkt, 2)\n\3        if ack_n > 3:\n            self.sock.write(bytes((qos,)))\n@@\1"),
    (r"(?s)@@( +assert .*?\n)( +while 1:.*?return\n)",
     r"\2\n    def subscribe(self, topic, qos=0):\n\1        self._send_subunsub(topic, 0x82, 0x90, 4, qos)\n\n"
     r"    def unsubscribe(self, topic):\n        self._send_subunsub(topic, 0xA2, 0xB0, 3)\n"),
    (r"op == 0x90", "op == ack_op"),
    (r"resp = self\.sock\.read\(4\)\n +# print.*\n( +).*\n +if resp",
     r"resp = self.sock.read(ack_n)\n\1assert (resp[1] << 8 | resp[2]) == pid\n\1if ack_n > 3 and resp"),
]  # fmt: skip
_SHORT_ANSWERS = [
    (r"(?s)        assert resp\[0\] == 0x20 and (resp\[1\] == 0x02)\n.*?(return resp\[2\] & 1\n)",
     r"        r = -1\n        if resp and len(resp) > 3 and resp[0] == 0x20 and \1:\n            r = resp[3]\n"
     r"            if not r:\n                \2        raise MQTTException(r)\n"),
]  # fmt: skip

# version: micropython-lib's commit, the file's SHA-256, what is to be edited
_MADE = {
    "1.4.0": (
        "35d41dbb0e4a",
        "15d58cad0f4ccbb004a46587394e89538f1873a361a87297f2f2f3d0323783e4",
        _FORMATTED + _CONTEXT_ALONE,
    ),
    "1.8.0": (
        "5e49b1bd41d3",
        "3cfd101ef774e0c6f9543425650ddc36168a7bbf4b8b8b71667e27023dfd951f",
        _FORMATTED + _EITHER + _UNSUBSCRIBES,
    ),
    "1.8 of August 2026": (
        "20475d37e8bb",
        "5458b97fc074db01263e82ae898727aee2a15079ea5cff9d2f6d6abbea8ea217",
        _FORMATTED + _EITHER + _UNSUBSCRIBES + _SHORT_ANSWERS,
    ),
}
VERSIONS = ("1.3.4", *_MADE)


def source(version: str) -> str:
    """The text of umqtt/simple.py of `version`."""
    text = (packages.fetch("umqtt-simple") / "umqtt" / "simple.py").read_text()
    if version not in _MADE:
        return text
    _, digest, edits = _MADE[version]
    for pattern, new in edits:
        text, count = re.subn(pattern, new, text)
        assert count, f"the pinned text has no {pattern}"
    text = re.sub(r"0x[0-9a-f]{2}\b", lambda found: "0x" + found[0][2:].upper(), text)
    text = re.sub(
        r"(__init__\()(.*,\s+.*)(\):)",
        lambda found: (
            found[1] + "".join(f"\n        {one.strip()}," for one in found[2].split(",")) + "\n    " + found[3]
        ),
        text,
    )
    assert hashlib.sha256(text.encode()).hexdigest() == digest, "what the edits make is not micropython-lib's file"
    return text


def install(version: str, folder: Path) -> Path:
    """Make `folder`/umqtt/simple.py of `version`; return `folder`."""
    (folder / "umqtt").mkdir(parents=True, exist_ok=True)
    (folder / "umqtt" / "simple.py").write_text(source(version))
    return folder
