"""An image of a mote's flash holds what a board needs: MicroPython mounts it, and the mote on it takes a reading."""

import struct
import zlib

import pytest
from cable_bench import PASSWORD, Bench
from ironmote import boards, image, partitions
from ironmote.commission import Choice
from ironmote.errors import IronmoteError
from mote.channel import Facts

BEGINS = 0x1000
TABLE = {"nvs": (1, 2, 0x9000, 0x6000), "phy_init": (1, 1, 0xF000, 0x1000), "factory": (0, 0, 0x10000, 0x1F0000)}
FILES = {"vfs": (1, 0x81, 0x200000, 0x200000)}
CHOICE = Choice("sealed", "", Facts(False, False, True, False))


def firmware(table):
    """A firmware as its makers build it, as far as its partitions go: the bootloader's magic, a table, a program."""
    entries = [
        struct.pack("<2sBBII16sI", b"\xaa\x50", kind, sub, at, size, name.encode(), 0)
        for name, (kind, sub, at, size) in table.items()
    ]
    start = b"\xe9" + bytes(0x8000 - BEGINS - 1)
    return start + b"".join(entries).ljust(0x8000, b"\xff") + b"program" * 100


def blobs(storage):
    """What a reader that knows only ESP-IDF's format finds in NVS: {namespace: {name: blob}}."""
    spaces, found = {}, {}
    for page in range(0, len(storage), 4096):
        at = page + 64
        while at < page + 4096 and storage[at : at + 1] != b"\xff":
            space, kind, span, _chunk, crc, name = struct.unpack_from("<BBBBI16s", storage, at)
            entry = storage[at : at + 4] + storage[at + 8 : at + 32]
            assert crc == zlib.crc32(entry, 0xFFFFFFFF)
            name = name.rstrip(b"\0").decode()
            if space == 0:
                spaces[storage[at + 24]] = name
            elif kind == 0x42:  # the data of a blob
                size = struct.unpack_from("<H", storage, at + 24)[0]
                found.setdefault(spaces[space], {})[name] = storage[at + 32 : at + 32 + size]
            at += 32 * max(span, 1)
    return found


def test_micropython_mounts_the_file_system_and_the_mote_on_it_takes_a_reading(tmp_path):
    bench = Bench(tmp_path / "board", "esp32")
    bench.log = "debug"
    content = bench.content(CHOICE, None)
    whole = image.build(bench.profile, firmware(TABLE | FILES), BEGINS, content.files, content.secrets)
    assert whole[BEGINS:0x9000] == firmware(TABLE | FILES)[: 0x9000 - BEGINS]
    assert whole[0x10000 : 0x10000 + 700] == b"program" * 100
    kept = blobs(whole[0x9000:0xF000])
    assert kept == {"ironmote": content.secrets}
    for name, secret in kept["ironmote"].items():
        (tmp_path / "board/nvs/ironmote").mkdir(exist_ok=True)
        (tmp_path / f"board/nvs/ironmote/{name}.blob").write_bytes(secret)
    (tmp_path / "board/flash.img").write_bytes(whole[0x200000:].ljust(0x200000, b"\xff"))
    bench.board.plug()
    try:
        bench.says("channel sealed")
        bench.says("debug record: 1.1.")  # a record was taken: generation, boot, number
    finally:
        bench.board.pull()


def test_no_secret_is_in_an_image_that_was_not_asked_to_hold_them(tmp_path):
    bench = Bench(tmp_path / "board", "esp32")
    bench.mote.root = bytes(range(32))
    content = bench.content(CHOICE, None)
    whole = image.build(bench.profile, firmware(TABLE), BEGINS, content.files)  # without "vfs", as since 1.26
    assert whole[0x200000:] == image.file_system(content.files, 0x200000)
    assert bench.mote.root not in whole
    assert PASSWORD not in whole


@pytest.mark.parametrize(
    ("board", "table", "files", "words"),
    [
        ("esp32", {}, {}, "no partition table"),
        ("esp32", {"factory": (0, 0, 0x10000, 0x1F0000)}, {}, "no partition called nvs"),
        ("esp32", TABLE | {"vfs": (1, 0x81, 0x200000, 0x4000)}, {"/big": bytes(65536)}, "do not fit"),
        ("esp32", TABLE | {"vfs": (1, 0x81, 0x10000, 0x4000)}, {}, "reaches into its own file system"),
        ("esp8266", TABLE | FILES, {}, "by cable"),
    ],
)
def test_what_cannot_be_made_into_an_image_is_one_line(board, table, files, words):
    with pytest.raises(IronmoteError, match=words):
        image.build(boards.load(board), firmware(table), BEGINS, files, {})


def test_secrets_that_do_not_fit_are_refused_and_partitions_are_read_where_firmware_begins():
    with pytest.raises(IronmoteError, match="do not fit"):
        image.storage({f"n{number}": bytes(4000) for number in range(9)}, 0x6000)
    assert partitions.of_firmware(firmware(TABLE), BEGINS)["nvs"] == partitions.Partition(0x9000, 0x6000)
