"""ironmote check: what the files of motes would make."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import fleet_arguments
from ..plain import plain
from . import Command

if TYPE_CHECKING:
    from ..fleet_folder import Folder
    from ..mote_file import Known


_NO_NETWORK = "none yet: ssid in [wifi] of fleet.toml, and ironmote wifi NAME for its passphrase"


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="motes/<id>.toml, one or several")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _run(arguments: argparse.Namespace) -> int:
    from ..mote_file import MoteFileError

    found = []
    for path in arguments.files:
        try:
            found.append({"file": str(path), "errors": []} | _made(path))
        except MoteFileError as error:
            found.append({"file": str(path), "errors": list(error.errors)})
        except OSError as error:
            found.append({"file": str(path), "errors": [f"{path}: {error.strerror or error}"]})
    if arguments.json:
        fleet_arguments.print_json(found)
    else:
        for each in found:
            _show(each)
    return 1 if any(each["errors"] for each in found) else 0


def _made(path: Path) -> dict[str, Any]:
    """What the mote of the file will be. Raises MoteFileError."""
    import dataclasses

    from mote import channel

    from .. import boards, heap, memory_estimate, mote_file, pins
    from ..errors import IronmoteError
    from ..fleet_file import FleetFileError
    from ..fleet_folder import FolderError
    from ..registry import Entry

    file = mote_file.load(path)
    profile = boards.load(file.board)
    folder = _folder(path)
    known = _known(folder)
    settings = mote_file.compile(file, profile, known)
    wanted = (dict(known.defaults) | dict(file.fields)).get("channel", channel.AUTO)
    # What the board's firmware can do is asked when it is provisioned; this is what such boards can.
    facts = channel.Facts(verify=profile.room, psk=profile.room, aes=True, room=profile.room)
    try:
        decided, why = channel.choose(wanted, settings["floor"], facts)
    except channel.ChannelError as error:
        raise mote_file.MoteFileError([f"{path}: channel: {error}"]) from error
    mote_file.compile(file, profile, dataclasses.replace(known, channel=decided))
    try:
        zone = folder.zone_of(file, Entry(channel=decided)).name if folder else None
    except (FolderError, FleetFileError) as error:
        raise mote_file.MoteFileError([str(error)]) from error
    try:
        heap.check(profile, settings | {"mote": path.stem})
    except IronmoteError as error:
        raise mote_file.MoteFileError([f"{path}: {error}"]) from error
    estimate = memory_estimate.of(profile, settings)
    return {
        "board": profile.name,
        "channel": decided,
        "why": why,
        "zone": zone,
        "networks": _networks(folder, settings),
        "sensors": [
            {"kind": sensor["kind"], "names": dict(sensor["names"]), "at": _at(sensor)}
            for sensor in settings["sensors"]
        ],
        "actuators": [{"kind": each["kind"], "name": each["name"]} for each in settings["actuators"]],
        "values": [
            {"name": each["name"], "with": [part for part in each if part != "name"]}
            for each in settings.get("values", ())
        ],
        "rules": [
            {"kind": each["kind"], "actuator": each["actuator"], "sensor": each.get("sensor")}
            for each in settings.get("rules", ())
        ],
        "sample_ms": settings["sample_ms"],
        "sleep_ms": settings.get("sleep_ms", 0),
        "pins": {use.field: use.pin for use in pins.uses(settings)},
        "memory": {"code": estimate.code, "running": estimate.running, "heap": estimate.heap, "fits": estimate.fits},
        "heap_source": profile.heap_source,
    }


def _networks(folder: "Folder | None", settings: dict[str, Any]) -> list[str] | None:
    """The networks that the mote joins, as far as fleet and file name them; None where there is no fleet."""
    from ..mote_file import NOBODY

    if folder is None:
        return None
    wifi = settings["wifi"]
    first = [] if wifi["ssid"] == NOBODY.wifi["ssid"] else [wifi["ssid"]]
    return first + list(wifi.get("more", ()))


def _folder(path: Path) -> "Folder | None":
    """The fleet in whose folder the file is."""
    from ..fleet_folder import Folder, FolderError

    try:
        return Folder.find(path.parent)
    except FolderError:
        return None


def _known(folder: "Folder | None") -> "Known":
    """What stands for the fleet: its defaults and networks, where there is one."""
    import dataclasses

    from ..mote_file import NOBODY

    if folder is None:
        return NOBODY
    fleet = folder.file
    return dataclasses.replace(NOBODY, defaults=fleet.defaults, wifi=fleet.wifi or NOBODY.wifi)


def _at(sensor: dict[str, Any]) -> str:
    return f"0x{sensor['address']:02x}" if "address" in sensor else ""


def _show(found: dict[str, Any]) -> None:
    for line in found["errors"]:
        print(plain(line), file=sys.stderr)
    if found["errors"]:
        return
    memory = found["memory"]
    sleep = f", deep sleep of {found['sleep_ms'] / 1000:g} s" if found["sleep_ms"] else ""
    rows = [
        ("board", found["board"]),
        ("channel", f"{found['channel']}: {found['why']}"),
        *([("zone", found["zone"])] if found["zone"] else []),
        *([] if found["networks"] is None else [("networks", ", ".join(found["networks"]) or _NO_NETWORK)]),
        ("samples", f"every {found['sample_ms'] / 1000:g} s{sleep}"),
    ]
    for sensor in found["sensors"]:
        names = ", ".join(f"{name} ({quantity})" for quantity, name in sensor["names"].items())
        rows.append(("sensor", f"{sensor['kind']} {sensor['at']}".strip() + f": {names}"))
    rows += [("value", f"{each['name']}: {', '.join(each['with']) or 'as it was read'}") for each in found["values"]]
    rows += [("actuator", f"{each['kind']}: {each['name']}") for each in found["actuators"]]
    for rule in found["rules"]:
        by = f", by {rule['sensor']}" if rule["sensor"] else ""
        rows.append(("rule", f"{rule['kind']}: {rule['actuator']}{by}"))
    rows.append(("pins", ", ".join(f"{pin} {field}" for field, pin in found["pins"].items()) or "none"))
    words = f"about {(memory['code'] + memory['running']) // 1000} of {memory['heap'] // 1000} KB of heap"
    code = f"code {memory['code'] // 1000}" if memory["code"] else "the code is in the image"
    room = "" if memory["fits"] else "; it may not fit: leave something out, or freeze the mote into the image"
    rows.append(("memory", f"{words}, {code} (heap: {found['heap_source']}){room}"))
    print(f"{plain(found['file'])}: good")
    fleet_arguments.print_table(("", ""), [("  " + name, words) for name, words in rows])


COMMAND = Command(
    "check",
    "check the files of motes, and say what each mote will be; needs no passphrase and no board",
    (
        ("ironmote check motes/kitchen.toml", "its sensors, pins, channel and memory, or what is wrong and where"),
        ("ironmote check motes/*.toml --json", "all of them, for a script; status 1 where one is wrong"),
    ),
    _options,
    _run,
)
