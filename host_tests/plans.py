"""Plans that close a board, run: real espsecure, and espefuse on virtual fuses."""

import contextlib
import io
import json
import os

import espefuse
import espsecure
import pytest
import yaml
from ironmote import boards, harden

TOOLS = {"espefuse": espefuse.main, "espsecure": espsecure.main}


@pytest.fixture(autouse=True)
def swift(monkeypatch):
    """The tables of fuses are read by the parser in C, where there is one: the other takes half a second a command."""
    if yaml.__with_libyaml__:
        monkeypatch.setattr(yaml, "safe_load", lambda text: yaml.load(text, Loader=yaml.CSafeLoader))


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """The fleet's signing key, and what two builds leave."""
    root = tmp_path_factory.mktemp("builds")
    for build in ("build", "build-closed"):
        for name, size in (
            ("bootloader/bootloader", 4_000),
            ("partition_table/partition-table", 1_024),
            ("micropython", 5_000),
        ):
            path = root / build / f"{name}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(size))
    return root


def run(command, fuses) -> str:
    """One command of a plan, on the virtual fuses in the file `fuses`; what it said."""
    name, *words = command
    if name == "espefuse":
        at = words.index("--port")
        words[at : at + 2] = ["--virt", "--path-efuse-file", str(fuses), "--do-not-confirm"]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        TOOLS[name](words)
    return said.getvalue()


def planned(board: str, keys, folder):
    return harden.plan(boards.load(board), "PORT", folder, keys / "signing.pem", keys / "build")


def summary(chip: str, fuses) -> dict:
    said = run(["espefuse", "--chip", chip, "--port", "PORT", "summary", "--format", "json"], fuses)
    return json.loads(said[said.index("{") : said.rindex("}") + 1])


def burn(board: str, keys, tmp_path) -> None:
    """Run the plan of a board, and see what its fuses are then, and that its firmware is what the chip would take."""
    fuses, chip = tmp_path / "fuses", board.replace("-", "")
    for step in planned(board, keys, tmp_path):
        for command in step.commands:
            made_before = "generate-signing-key" in command and (keys / "signing.pem").exists()
            if command[0] in TOOLS and not made_before:
                run(command, fuses)
    found = summary(chip, fuses)
    key, digest = ("BLOCK1", "BLOCK2") if board == "esp32" else ("BLOCK_KEY0", "BLOCK_KEY1")
    assert not found[key]["readable"]
    assert not found[key]["writeable"]
    assert found[digest]["readable"]
    assert bytes.fromhex(found[digest]["value"].replace(" ", "")) == (tmp_path / "digest.bin").read_bytes()
    count = found["FLASH_CRYPT_CNT" if board == "esp32" else "SPI_BOOT_CRYPT_CNT"]["value"]
    assert count in (127, "Enable")
    on = {name for name, fuse in found.items() if fuse["value"] is True}
    assert {"ABS_DONE_1", "UART_DOWNLOAD_DIS", "JTAG_DISABLE", "DISABLE_DL_ENCRYPT", "DISABLE_DL_DECRYPT"} <= on or {
        "SECURE_BOOT_EN", "ENABLE_SECURITY_DOWNLOAD", "DIS_DOWNLOAD_MANUAL_ENCRYPT", "SECURE_BOOT_KEY_REVOKE1",
    } <= on  # fmt: skip
    scheme = [] if board == "esp32" else ["--aes-xts"]
    plain = tmp_path / "plain"
    run(
        ["espsecure", "decrypt-flash-data", *scheme, "--keyfile", str(tmp_path / "flash.key"), "--address", "0x10000",
         "--output", str(plain), str(tmp_path / "program-encrypted.bin")],
        fuses,
    )  # fmt: skip
    assert plain.read_bytes().startswith((keys / "build-closed" / "micropython.bin").read_bytes())
