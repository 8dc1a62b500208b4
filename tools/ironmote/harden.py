"""Flash encryption and secure boot of a board: the commands that its owner would give, in order. None of them is run.

After "Security Features Enablement Workflows" of the ESP-IDF Programming Guide, in the words of esptool 5. Flash first:
once the digest of secure boot is kept readable, no key can be hidden any more.
"""

import shlex
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .boards import Profile
from .errors import IronmoteError

FLASH_KEY, SIGNING_KEY, DIGEST = "flash.key", "signing.pem", "digest.bin"
_WIDTH = 100  # of what is shown
_TABLE_AT, _PROGRAM_AT = 0x8000, 0x10000  # partition table and program, where MicroPython's builds have them

# What a firmware must be built with: official ones are built without, so that they can neither be signed nor keep a
# partition encrypted. (ESP-IDF's Kconfig; ports/esp32 of MicroPython, mpconfigport.h.)
_SDKCONFIG = (
    "CONFIG_SECURE_FLASH_ENC_ENABLED=y",
    "CONFIG_SECURE_FLASH_ENCRYPTION_MODE_RELEASE=y",
    "CONFIG_NVS_ENCRYPTION=y",
    "CONFIG_SECURE_BOOT=y",
    "CONFIG_SECURE_BOOT_V2_ENABLED=y",
    "CONFIG_SECURE_BOOT_BUILD_SIGNED_BINARIES=n",
)
# What a build leaves of each part, in its folder.
_FILES = {
    "bootloader": "bootloader/bootloader.bin",
    "partitions": "partition_table/partition-table.bin",
    "program": "micropython.bin",
}
# esptool must not change what is signed and encrypted.
_AS_IT_IS = ("--flash-mode", "keep", "--flash-freq", "keep", "--flash-size", "keep")
_PARTITION = "nvs_keys, data, nvs_keys, , 0x1000, encrypted"
_CLOSED = ("MICROPY_HW_ENABLE_UART_REPL=0", "MICROPY_HW_ESP_USB_SERIAL_JTAG=0", "MICROPY_HW_USB_CDC=0")


@dataclass(frozen=True)
class Chip:
    """What the fuses of a chip are called. `tool` is its name for esptool."""

    tool: str
    flash_key: tuple[str, ...]  # before the file, and after it
    flash_key_purpose: tuple[str, ...]
    encrypt: tuple[str, ...]
    close: tuple[str, ...]
    keep_closed: str
    boot_key: tuple[str, ...]
    boot_key_purpose: tuple[str, ...]
    boot: tuple[str, ...]
    download: str
    sdkconfig: tuple[str, ...] = ()
    revision: str | None = None


def _newer(tool: str, close: Sequence[str]) -> Chip:
    """A chip of the kind that came after the first ESP32."""
    return Chip(
        tool,
        ("BLOCK_KEY0",),
        ("XTS_AES_128_KEY",),
        ("SPI_BOOT_CRYPT_CNT", "7"),
        (*close, "DIS_DOWNLOAD_MANUAL_ENCRYPT"),
        "DIS_ICACHE",
        ("BLOCK_KEY1",),
        ("SECURE_BOOT_DIGEST0",),
        ("SECURE_BOOT_EN", "1", "SECURE_BOOT_KEY_REVOKE1", "1", "SECURE_BOOT_KEY_REVOKE2", "1"),
        "ENABLE_SECURITY_DOWNLOAD",
    )


_CHIPS = {
    "ESP32": Chip(
        "esp32",
        ("flash_encryption",),
        (),
        ("FLASH_CRYPT_CNT", "127", "FLASH_CRYPT_CONFIG", "0xF"),
        ("DISABLE_DL_ENCRYPT", "DISABLE_DL_DECRYPT", "DISABLE_DL_CACHE", "JTAG_DISABLE"),
        "DIS_CACHE",
        ("secure_boot_v2",),
        (),
        ("ABS_DONE_1", "1"),
        "UART_DOWNLOAD_DIS",
        ("CONFIG_ESP32_REV_MIN_3=y",),
        "v3.0",
    ),
    "ESP32-S2": _newer(
        "esp32s2",
        ("DIS_DOWNLOAD_ICACHE", "DIS_DOWNLOAD_DCACHE", "HARD_DIS_JTAG", "DIS_LEGACY_SPI_BOOT", "DIS_BOOT_REMAP"),
    ),
    "ESP32-S3": _newer(
        "esp32s3",
        ("DIS_DOWNLOAD_ICACHE", "DIS_DOWNLOAD_DCACHE", "DIS_DIRECT_BOOT", "DIS_USB_JTAG", "DIS_PAD_JTAG"),
    ),
    "ESP32-C3": _newer("esp32c3", ("DIS_DOWNLOAD_ICACHE", "DIS_DIRECT_BOOT", "DIS_USB_JTAG", "DIS_PAD_JTAG")),
    "ESP32-C6": _newer("esp32c6", ("DIS_DOWNLOAD_ICACHE", "DIS_DIRECT_BOOT", "DIS_USB_JTAG", "DIS_PAD_JTAG")),
}

_CANNOT = {
    "ESP8266": "the ESP8266 has no fuses, no secure boot and no encryption: who holds the board reads its flash and "
    "writes it; revoke a mote that was in other hands",
    "RP2040": "the RP2040 has no secure boot, no encryption and no storage of its own: who holds the board reads its "
    "flash and writes it; revoke a mote that was in other hands",
}


@dataclass(frozen=True)
class Step:
    """A few commands for one end. `for_ever` is what cannot be undone afterwards; `notes` are to be read before."""

    title: str
    commands: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    for_ever: str | None = None

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self)


def cannot(profile: Profile) -> str | None:
    """Why such a board cannot be hardened; None where it can. Raises IronmoteError where it is no board."""
    if profile.chip in _CHIPS:
        return None
    if profile.chip in _CANNOT:
        return _CANNOT[profile.chip]
    raise IronmoteError(f"{profile.name} is no board that has a flash of its own")


def plan(profile: Profile, port: str, folder: Path, signing_key: Path, build: Path, mote: str = "MOTE") -> list[Step]:
    """The steps for a board of `profile` at `port` that shall be `mote`.

    `folder` is where what belongs to this board is made, `signing_key` the fleet's own for secure boot, `build` the
    folder of a firmware that was built for it; one without a console is beside it, in `<build>-closed`. Raises
    IronmoteError where the board cannot.
    """
    why = cannot(profile)
    at = None if profile.flash is None else profile.flash.firmware_offset
    if why is not None or at is None:
        raise IronmoteError(why or f"{profile.name}: its profile does not say where in flash what is")
    return list(_Plan(_CHIPS[profile.chip], port, folder, signing_key, build, at, mote).steps())


class _Plan:
    def __init__(
        self, chip: Chip, port: str, folder: Path, signing_key: Path, build: Path, begins: int, mote: str
    ) -> None:
        self._chip = chip
        self._port = port
        self._mote = mote
        self._folder = folder
        self._signing_key = str(signing_key)
        self._build = build
        self._closed = build.with_name(f"{build.name}-closed")
        self._at = {"bootloader": begins, "partitions": _TABLE_AT, "program": _PROGRAM_AT}

    def steps(self) -> Iterator[Step]:
        chip = self._chip
        least = f" Before revision {chip.revision} there is no secure boot v2." if chip.revision else ""
        yield Step(
            "look at the chip",
            [self._esptool("chip-id"), self._espefuse("summary")],
            [f"It has to be new: no key burned, nothing enabled.{least} Keep its power on until the end."],
        )
        yield Step(
            "build a firmware for it",
            [],
            [
                "Official firmware is built without any of this, so it cannot be used. sdkconfig.board of yours:",
                *(*_SDKCONFIG, *chip.sdkconfig),
                "a line in its partition table, without which secrets in NVS stay readable:",
                _PARTITION,
                f"A second one for the end, in {self._closed}, has no console, so that nobody gets in by the cable; "
                "in MICROPY_DEF_BOARD of its mpconfigboard.cmake:",
                " ".join(_CLOSED),
            ],
        )
        yield Step(
            "make the keys",
            [
                ["umask", "077"],
                ["mkdir", "-p", str(self._folder)],
                ["espsecure", "generate-flash-encryption-key", self._own(FLASH_KEY)],
                ["espsecure", "generate-signing-key", "--version", "2", "--scheme", "rsa3072", self._signing_key],
                ["espsecure", "digest-sbv2-public-key", "--keyfile", self._signing_key, "--output", self._own(DIGEST)],
            ],
            [
                "The key of the flash is this board's alone, and is removed at the end. The signing key is your "
                "fleet's: make it once, keep it off line and in two places. Who has it writes firmware for your "
                "boards; who loses it never can again. Neither is printed, nor given as an argument.",
            ],
        )
        yield Step(
            "encrypt the flash",
            [
                self._esptool("erase-flash"),
                self._espefuse("burn-key", *chip.flash_key, self._own(FLASH_KEY), *chip.flash_key_purpose),
                self._espefuse("burn-efuse", *chip.encrypt),
                self._espefuse("burn-efuse", *(word for name in chip.close for word in (name, "1"))),
                self._espefuse("write-protect-efuse", chip.keep_closed),
            ],
            for_ever="from here on the chip runs nothing but what was encrypted with this key, and JTAG is off",
        )
        yield Step(
            "take nothing but what is signed",
            [
                self._espefuse("burn-key", *chip.boot_key, self._own(DIGEST), *chip.boot_key_purpose),
                self._espefuse("burn-efuse", *chip.boot),
                self._espefuse("write-protect-efuse", "RD_DIS"),
            ],
            for_ever="from here on the chip runs nothing but what your signing key has signed",
        )
        yield Step(
            "write the firmware, signed and encrypted",
            [*self._sealed(tuple(_FILES), self._build), self._write(tuple(_FILES))],
            [
                "The addresses are those of MicroPython's builds; yours prints its own. esptool refuses to write to "
                "such a chip what may be readable, so it is told --force: look twice at the names of the files."
            ],
        )
        yield Step(
            "put the mote onto it",
            [["ironmote", "provision", self._mote, "--port", self._port]],
            [
                "The first start makes the key of NVS, and what is written there is encrypted from then on. The file "
                "system stays readable: no secret is in it."
            ],
        )
        yield Step(
            "take the console away",
            [*self._sealed(("program",), self._closed), self._write(("program",))],
            [
                "With the second build. Left out, who holds the board has a prompt, and by it every secret: then "
                "nothing of the above protects them."
            ],
        )
        yield Step(
            "close the bootloader",
            [self._espefuse("burn-efuse", chip.download, "1"), ["rm", self._own(FLASH_KEY)]],
            ["This comes last: no fuse can be burned afterwards."],
            "from here on this board takes no firmware and no secrets by cable; what must change there is a new board",
        )

    def _own(self, name: str) -> str:
        return str(self._folder / name)

    def _esptool(self, *words: str) -> list[str]:
        return ["esptool", "--chip", self._chip.tool, "--port", self._port, *words]

    def _espefuse(self, *words: str) -> list[str]:
        return ["espefuse", "--chip", self._chip.tool, "--port", self._port, *words]

    def _sealed(self, names: Sequence[str], build: Path) -> Iterator[list[str]]:
        """What makes parts of a firmware such as the chip takes: what runs is signed, and all is encrypted."""
        scheme = [] if self._chip.tool == "esp32" else ["--aes-xts"]
        key = ["--keyfile", self._signing_key]
        for name in names:
            at, plain = f"{self._at[name]:#x}", str(build / _FILES[name])
            if name != "partitions":
                signed = self._own(f"{name}-signed.bin")
                yield ["espsecure", "sign-data", "--version", "2", *key, "--output", signed, plain]
                yield ["espsecure", "verify-signature", "--version", "2", *key, signed]
                plain = signed
            where = ["--keyfile", self._own(FLASH_KEY), "--address", at, "--output", self._encrypted(name)]
            yield ["espsecure", "encrypt-flash-data", *scheme, *where, plain]

    def _write(self, names: Sequence[str]) -> list[str]:
        parts = [word for name in names for word in (f"{self._at[name]:#x}", self._encrypted(name))]
        return self._esptool("write-flash", "--force", *_AS_IT_IS, *parts)

    def _encrypted(self, name: str) -> str:
        return self._own(f"{name}-encrypted.bin")


def show(steps: Sequence[Step]) -> str:
    """The plan for people: a script to read, in which nothing but the commands is not a comment."""
    lines = []
    for number, step in enumerate(steps, 1):
        lines.append(f"# {number}. {step.title}")
        notes = [*step.notes, *([f"CANNOT BE UNDONE: {step.for_ever}"] if step.for_ever else [])]
        lines += [f"#    {line}" for note in notes for line in textwrap.wrap(note, _WIDTH)]
        lines += [shlex.join(command) for command in step.commands]
        lines.append("")
    return "\n".join(lines)
