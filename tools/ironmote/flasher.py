"""The flash of a chip through its bootloader: the only module that knows esptool."""

import contextlib
import io
from collections.abc import Callable, Iterator

from esptool import cmds
from esptool.loader import ESPLoader
from esptool.logger import EsptoolLogger, log
from esptool.targets import CHIP_DEFS
from esptool.util import FatalError

from .boards import Profile
from .errors import BoardError, IronmoteError
from .firmware_file import Firmware

_BAUD = 460_800
_ATTEMPTS = 7


def begins(chip: str) -> int:
    """The flash address at which firmware for `chip` begins."""
    at: int = _definition(chip).BOOTLOADER_FLASH_OFFSET
    return at


def number(chip: str) -> int | None:
    """The number of `chip` in the header of its images; None where they have none (ESP8266)."""
    found: int | None = getattr(_definition(chip), "IMAGE_CHIP_ID", None)
    return found


def write(
    port: str,
    profile: Profile,
    firmware: Firmware,
    erase: bool,
    on_phase: Callable[[str], None] = lambda words: None,
    on_progress: Callable[[int, int], None] = lambda done, count: None,
    attempts: int = _ATTEMPTS,
) -> None:
    """Write `firmware` to the chip at `port`, read it back, and reset the chip; `erase` all of its flash before.

    Raises BoardError where the chip is another than the profile's or the firmware's, cannot be reached, or does not
    hold afterwards what was written.
    """
    with _chip(port, on_phase, on_progress, attempts) as chip:
        found = str(chip.CHIP_NAME)
        if _plain(found) != _plain(profile.chip):
            raise BoardError(
                f"{port}: this is an {found}, and {profile.name} has an {profile.chip}; nothing was written"
            )
        if _plain(firmware.chip) != _plain(found):
            raise BoardError(f"this firmware is for an {firmware.chip}, not for an {found}; nothing was written")
        if erase:
            on_phase("erasing")
            cmds.erase_flash(chip)
        on_phase("writing")
        cmds.write_flash(chip, [(firmware.at, firmware.content)])
        on_phase("reading back")
        cmds.verify_flash(chip, [(firmware.at, firmware.content)])
        cmds.reset_chip(chip, "hard-reset")


def detect(port: str, attempts: int = _ATTEMPTS) -> str:
    """The name of the chip at `port`. Raises BoardError where its bootloader does not answer."""
    with _chip(port, lambda words: None, lambda done, count: None, attempts) as chip:
        return str(chip.CHIP_NAME)


class _Heard(EsptoolLogger):  # type: ignore[misc]  # esptool has no types
    """Takes what esptool says, and passes on how far it is."""

    def __init__(self, on_progress: Callable[[int, int], None]) -> None:
        super().__init__()
        self._on_progress = on_progress

    def print(self, *args: object, **kwargs: object) -> None:
        """Say nothing: what goes wrong is raised."""

    note = warn = warning = err = error = hint = debug = stage = print

    def progress_bar(self, cur_iter: int, total_iters: int, *args: object, **kwargs: object) -> None:
        """Pass on how far it is."""
        self._on_progress(cur_iter, total_iters)


@contextlib.contextmanager
def _chip(
    port: str, on_phase: Callable[[str], None], on_progress: Callable[[int, int], None], attempts: int
) -> Iterator[ESPLoader]:
    on_phase("asking which chip this is")
    heard = io.StringIO()
    log.set_logger(_Heard(on_progress))
    chip = None
    try:
        with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(heard):
            chip = cmds.detect_chip(port, connect_attempts=attempts)
            chip = cmds.run_stub(chip)
            cmds.attach_flash(chip)
        yield chip
    except FatalError as error:
        raise BoardError(f"{port}: {str(error).splitlines()[0]}{_cure(str(error))}") from error
    except (OSError, RuntimeError) as error:
        raise BoardError(f"{port}: the line to the chip was cut; plug it in and give the same command again") from error
    finally:
        if chip is not None:
            with contextlib.suppress(OSError, AttributeError):
                chip._port.close()
        log.set_logger(EsptoolLogger())


def _cure(words: str) -> str:
    if "connect" in words.lower():
        return "; hold its BOOT button (GPIO 0 to ground), press reset, and try again"
    return ""


def _definition(chip: str) -> type[ESPLoader]:
    for definition in CHIP_DEFS.values():
        if _plain(definition.CHIP_NAME) == _plain(chip):
            found: type[ESPLoader] = definition
            return found
    raise IronmoteError(f"esptool knows no chip called {chip}")


def _plain(chip: str) -> str:
    return chip.upper().replace("-", "")
