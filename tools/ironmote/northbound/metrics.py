"""Prometheus metrics of a gateway: what it told, counted. Names and labels are in docs/CLIENTS.md.

Each collector has a registry of its own, so that nothing but the gateway's metrics is served, and two do not meet.
"""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from ..errors import IronmoteError
from ..gateway.events import CommandEnded, Event, MessageRefused, RecordSeen, RecordsMayBeMissing, StateSeen

_LAGS_S = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600, 86_400)
_NOBODY = ""  # the label of what names no mote of ours


@dataclass
class _Numbers:
    """The records of a boot, from the first that was heard here on; each is told once."""

    boot: tuple[int, int]
    first: int
    highest: int = 0
    count: int = 0

    def take(self, number: int) -> int:
        """Count a record; how many are missing now."""
        if number >= self.first:
            self.highest = max(self.highest, number)
            self.count += 1
        return self.highest - self.first + 1 - self.count


class MetricsError(IronmoteError):
    """The metrics cannot be served."""


class Metrics:
    """Counts what it is told. `event` is for one thread; the numbers may be read by any."""

    def __init__(self, motes: Iterable[str]) -> None:
        """`motes` are the ids that have a line from the start, though nothing was heard of them."""
        self.registry = CollectorRegistry(auto_describe=True)
        self._numbers: dict[str, _Numbers] = {}
        self._online = self._gauge("online", "1 while the mote is there, as far as is known")
        self._heard = self._gauge(
            "heard_seconds", "when something of the mote was verified last, in seconds since 1970"
        )
        self._records = self._counter("records", "records that were verified and stored")
        self._readings = self._counter("readings", "readings in them")
        self._unconfirmed = self._counter("unconfirmed_records", "records of motes that had not yet been challenged")
        self._lost = self._gauge(
            "records_lost", "numbers of the mote's newest boot that were passed over, and not come yet"
        )
        self._missing = self._counter("maybe_missing", "how often records may be missing, as after a power cut")
        self._commands = Counter(
            "ironmote_commands", "commands by their outcome", ("mote", "result"), registry=self.registry
        )
        self._refused = Counter(
            "ironmote_refused", "messages that were not believed", ("mote", "kind", "alert"), registry=self.registry
        )
        self._lag = Histogram(
            "ironmote_lag_seconds", "from when a record was taken to when it arrived, by the mote's clock",
            registry=self.registry, buckets=_LAGS_S,
        )  # fmt: skip
        self._answer = Histogram(
            "ironmote_command_seconds", "from a command to its answer",
            registry=self.registry, buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60),
        )  # fmt: skip
        self._free = self._gauge("heap_free_bytes", "free memory, as the mote said")
        self._rssi = self._gauge("rssi_dbm", "strength of its Wi-Fi")
        self._dropped = self._gauge("records_dropped", "records that it has dropped since it started")
        self._uptime = self._gauge("uptime_seconds", "since it started")
        for mote in motes:
            self._online.labels(mote).set(0)

    def event(self, event: Event) -> None:
        """Count an event of the gateway."""
        if isinstance(event, RecordSeen):
            self._record(event)
        elif isinstance(event, StateSeen):
            self._state(event)
        elif isinstance(event, CommandEnded):
            self._commands.labels(event.mote, event.result).inc()
            if event.result in ("done", "refused"):
                self._answer.observe(event.ms / 1000)
        elif isinstance(event, MessageRefused):
            labels = event.mote or _NOBODY, event.kind, str(event.alert).lower()
            self._refused.labels(*labels).inc(event.times)
        elif isinstance(event, RecordsMayBeMissing):
            self._missing.labels(event.mote).inc()

    def _record(self, event: RecordSeen) -> None:
        self._online.labels(event.mote).set(1)
        self._heard.labels(event.mote).set(event.arrived)
        self._records.labels(event.mote).inc()
        self._readings.labels(event.mote).inc(len(event.readings))
        numbers = self._numbers.get(event.mote)
        if numbers is None or numbers.boot < (event.generation, event.boot):
            numbers = self._numbers[event.mote] = _Numbers((event.generation, event.boot), event.number)
        if numbers.boot == (event.generation, event.boot):
            self._lost.labels(event.mote).set(numbers.take(event.number))
        if not event.confirmed:
            self._unconfirmed.labels(event.mote).inc()
        if event.taken is not None:
            self._lag.observe(max(0.0, event.arrived - event.taken))

    def _state(self, event: StateSeen) -> None:
        state = event.state
        self._online.labels(event.mote).set(state.online)
        if not state.online:
            return
        self._heard.labels(event.mote).set(time.time())
        for gauge, value in (
            (self._free, state.free),
            (self._rssi, state.rssi),
            (self._dropped, state.dropped),
            (self._uptime, state.uptime),
        ):
            if value is not None:
                gauge.labels(event.mote).set(value)

    def _gauge(self, name: str, about: str) -> Gauge:
        return Gauge(f"ironmote_{name}", about, ("mote",), registry=self.registry)

    def _counter(self, name: str, about: str) -> Counter:
        return Counter(f"ironmote_{name}", about, ("mote",), registry=self.registry)


class MetricsServer:
    """Serves them over HTTP at `host`:`port`, for Prometheus to fetch; by default this machine alone may."""

    def __init__(self, metrics: Metrics, host: str = "127.0.0.1", port: int = 9464) -> None:
        """Raises MetricsError where nobody can listen there. Port 0 is any free one."""
        try:
            found: tuple[WSGIServer, threading.Thread] = start_http_server(port, host, metrics.registry)
        except OSError as error:
            raise MetricsError(f"metrics cannot be served at {host}:{port}: {error.strerror or error}") from error
        self._server, self._thread = found
        self.port: int = self._server.server_port

    def stop(self) -> None:
        """End it; nothing is left running."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
