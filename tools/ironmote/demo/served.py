"""The dashboard of a demo: on this machine alone, signed in to by a link that is good once."""

import contextlib
from collections.abc import Callable, Iterator

from ..dashboard.invitation import Invitation
from ..dashboard.live import Live
from ..dashboard.server import LOOPBACK, Server
from ..dashboard.site import Sources
from ..dashboard.wire_view import Captured
from .stage import Stage
from .tap import Tap
from .wire import Direction, Kind

_TITLE = "demo"
_SHOWN = (Kind.TLS_DATA, Kind.MQTT_PUBLISH)


@contextlib.contextmanager
def served(stage: Stage, told: Callable[[str], None], renewed: Callable[[str], None]) -> Iterator[Server]:
    """The dashboard of `stage`, until the block ends.

    `renewed` is given the link to sign in with, at once and, since each is good once, whenever one was used; `told`
    who did what.
    """

    def renew() -> None:
        renewed(invitation.link(server.url))

    invitation = Invitation(renew)
    live = Live(stage.owner)
    with contextlib.closing(live):
        sources = Sources(
            stage.owner,
            live,
            invitation=invitation,
            link=lambda mote: seen(stage.taps[mote]) if mote in stage.taps else (),
            done=told,
            title=_TITLE,
        )
        server = Server(sources, LOOPBACK, 0)
        server.start()
        try:
            renew()
            yield server
        finally:
            server.stop()


def seen(tap: Tap) -> list[Captured]:
    """What was captured on a link, as the page shows it."""
    return [
        Captured(each.at, each.direction is Direction.UP, each.packet.caption, each.packet.data, each.packet.legible)
        for each in tap.captured()
        if each.packet.kind in _SHOWN
    ]
