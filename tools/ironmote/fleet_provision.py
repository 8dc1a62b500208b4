"""A board at a cable becomes one of the fleet's motes: what `provision`, `bulk` and `simulate` share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import boards, mote_content
from .brokers import written as brokers
from .commission import Choice, Content, commission
from .open_folder import OpenFolder


@dataclass(frozen=True)
class Provisioned:
    """What was done: `files`, `secrets` and `removed` count what was written and what was removed."""

    mote: str
    port: str
    board: str
    channel: str
    why: str
    generation: int
    files: int
    secrets: int
    removed: int
    broker: str = ""  # what the broker of the fleet's folder was told; "" where none was written


def provision(
    held: OpenFolder,
    mote_id: str,
    port: str,
    on_phase: Callable[[str], None] = lambda words: None,
    on_step: Callable[[int, int, str], None] = lambda done, count, what: None,
    accept: Callable[[Mapping[str, Any] | None], None] = lambda before: None,
) -> Provisioned:
    """Make the board at `port` the mote `mote_id`. Raises IronmoteError; the same call again goes on.

    `accept` may raise one when it sees the settings that the board holds now, or None: nothing was written then.
    """
    file = held.folder.mote_file(mote_id)
    profile = boards.load(file.board)
    mote = mote_content.find(held, mote_id)

    def content(choice: Choice, before: Mapping[str, Any] | None) -> Content:
        return mote_content.content(held, mote_id, choice, before)

    broker = ""

    def written(given: Content) -> None:
        nonlocal broker
        mote_content.note(held, mote_id, given)
        # Before the mote knocks: Mosquitto acknowledges what it has no right to say, and throws it away.
        broker = brokers.renew(held)

    outcome = commission(
        port,
        profile,
        file.channel,
        file.floor,
        content,
        on_phase,
        lambda number, count, write: on_step(number, count, write.name),
        written,
        accept=accept,
        in_force=lambda given: mote_content.hand_out(held, mote_id, given),
    )
    return Provisioned(
        mote_id, port, profile.name, outcome.choice.channel, outcome.choice.why, mote.generation, outcome.files,
        outcome.secrets, outcome.removed, broker,
    )  # fmt: skip
