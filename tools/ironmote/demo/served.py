"""The dashboard of a demo: on this machine alone, signed in to by a link that is good once."""

import contextlib
from collections.abc import Callable, Iterator

from ..alerts.desk import Desk
from ..alerts.expected import Expected
from ..alerts.kept import Kept
from ..dashboard.invitation import Invitation
from ..dashboard.live import Live
from ..dashboard.past import Past
from ..dashboard.server import LOOPBACK, Server
from ..dashboard.site import Sources
from ..dashboard.wire_view import Captured
from ..gateway.database import open_beside
from .stage import Stage
from .tap import Tap
from .wire import Direction, Kind

_TITLE = "demo"
_SILENT_S = 60.0
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
    with contextlib.closing(live), contextlib.closing(Past(stage.store)) as past, _alerts(stage):
        sources = Sources(
            stage.owner,
            live,
            past,
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


@contextlib.contextmanager
def _alerts(stage: Stage) -> Iterator[None]:
    """Alerts are made of what the gateway tells, but for what is unusual: nothing has been usual yet."""
    motes = stage.fleet.motes
    desk = Desk(
        lambda: Kept(open_beside(stage.store)),
        lambda mote: Expected(
            _SILENT_S, actuators=frozenset(each["name"] for each in stage.fleet.motes[mote].actuators)
        ),
        lambda: motes,
        lambda alert: stage.owner.tell(alert.line()),
        unusual=False,
    )
    desk.start()
    try:
        stage.owner.offer("alerts", desk.alerts)
        stage.owner.offer("acknowledge", lambda alert: desk.acknowledge(alert))
        end = stage.hub.add(desk.take)
        yield
        end()
    finally:
        desk.stop()


def seen(tap: Tap) -> list[Captured]:
    """What was captured on a link, as the page shows it."""
    return [
        Captured(each.at, each.direction is Direction.UP, each.packet.caption, each.packet.data, each.packet.legible)
        for each in tap.captured()
        if each.packet.kind in _SHOWN
    ]
