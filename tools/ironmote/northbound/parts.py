"""What hangs on a gateway for other programs, as parts of its service (gateway.service.PARTS)."""

import contextlib
import logging
import queue
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

from ..errors import MissingTool
from ..gateway.events import Event, RecordSeen, StateSeen
from . import described, tables
from .discovery import Discovery
from .home_assistant import Described

if TYPE_CHECKING:
    from ..gateway.service import Service

_AGAIN_S = 1.0  # after which it is tried again to say what waits for a broker
_MOST_WAITING = 4_096  # events: those that are left out are told of by the mote's next record or status
MEMORY = "home_assistant.json"
_log = logging.getLogger(__name__)


@contextlib.contextmanager
def home_assistant(service: "Service") -> Iterator[None]:
    """Announces the fleet's entities, where gateway.toml has the table [home_assistant]."""
    if tables.HOME_ASSISTANT not in service.settings.tables:
        yield
        return
    with _Announcer(service):
        yield


@contextlib.contextmanager
def prometheus(service: "Service") -> Iterator[None]:
    """Serves metrics, where gateway.toml has the table [prometheus]. Raises IronmoteError where it cannot."""
    table = service.settings.tables.get(tables.PROMETHEUS)
    if table is None:
        yield
        return
    try:
        from .metrics import Metrics, MetricsServer
    except ImportError:
        raise MissingTool("metrics need the package prometheus-client: pip install prometheus-client") from None
    metrics = Metrics(service.roster.entries)
    server = MetricsServer(metrics, *tables.server(table))
    end = service.hub.add(metrics.event)
    try:
        yield
    finally:
        end()
        server.stop()


class _Nothing:
    """Nothing came in time."""


_NOTHING = _Nothing()
_Item: TypeAlias = Event | Mapping[str, Described] | _Nothing | None


class _Announcer:
    """Discovery on a thread of its own: it writes a file, for which no message waits."""

    def __init__(self, service: "Service") -> None:
        self._service = service
        gateway = service.gateway
        self._discovery = Discovery(
            service.folder.file.id.hex(),
            {},
            lambda topic, payload: gateway.publish(topic, payload, retain=True),
            service.folder.paths.gateway / MEMORY,
        )
        self._queue: queue.Queue[_Item] = queue.Queue(_MOST_WAITING)
        self._thread = threading.Thread(target=self._work, name="home assistant", daemon=True)

    def __enter__(self) -> None:
        self._queue.put(self._motes())
        self._ends = [self._service.hub.add(self._take), self._service.rosters.add(lambda roster: self._renew())]
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        for end in self._ends:
            end()
        self._queue.put(None)
        self._thread.join()

    def _take(self, event: Event) -> None:
        if isinstance(event, RecordSeen | StateSeen):
            with contextlib.suppress(queue.Full):
                self._queue.put_nowait(event)

    def _renew(self) -> None:
        self._queue.put(self._motes())

    def _motes(self) -> dict[str, Described]:
        known = self._service.roster.entries
        return {name: each for name, each in described.of_folder(self._service.folder).items() if name in known}

    def _work(self) -> None:
        while True:
            item: _Item = _NOTHING
            with contextlib.suppress(queue.Empty):
                item = self._queue.get(timeout=_AGAIN_S if self._discovery.waits else None)
            if item is None:
                return
            try:
                if isinstance(item, Mapping):
                    self._discovery.announce(item)
                elif not isinstance(item, _Nothing):
                    self._discovery.event(item)
                if self._queue.empty():
                    self._discovery.flush()
            except OSError as error:  # the disk does not take what was announced: the next one tries again
                _log.error("Home Assistant's entities are not remembered: %s", error)
