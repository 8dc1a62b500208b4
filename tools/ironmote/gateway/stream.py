"""A NATS zone by its own protocol: gateways of one fleet take turns at one durable consumer, and one of them may die.

What motes publish at QoS 1 is in a JetStream stream of NATS's own before they are told so. A durable consumer of that
stream is what waits for the gateways; one at a time has it (the server pins it), since what a mote says counts in its
order. The next is given it when the first was not heard for a few seconds, and by then all that the first had not
acknowledged is due again, so it comes first: docs/decisions/0020-gateways-take-turns.md.
"""

import asyncio
import contextlib
import json
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import nats
from mote import sealed
from nats.aio.client import Client
from nats.aio.msg import Msg

from ..brokers import GatewayAccess
from ..brokers.subjects import CONSUMER, STORED, STREAM
from ..roles import UPWARD
from .uplink import Message
from .zone import AWAY_S, LONGEST_TOPIC, AnyReceipt, AnyZone, Sending, StreamReceipt, ZoneError, tls_of

_GROUP = "gateways"
_ON_THEIR_WAY = 256  # to a gateway, and not acknowledged
_BATCH = 128
_EXPIRES_S = 1.0
_AGAIN_S, _TURN_S = 2, 3  # the second is longer: when the turn is another's, what the first had is due again
_REQUEST_S = 5.0
_RETRY_S = 0.5
_NANOSECONDS = 1_000_000_000
_IN_USE = 10058  # what JetStream says where there is a stream of this name
_NOT_THE_PIN = "423"


class StreamZone:
    """One zone, with the face of Zone. `on_message` is called on a thread of its own."""

    is_trusted = False  # what is said to other programs is said by MQTT

    def __init__(self, access: GatewayAccess, on_message: Callable[[AnyZone, Message, AnyReceipt], None]) -> None:
        self.access = access
        self.settles_s = self.settled = 0.0  # what comes again comes first
        self._on_message = on_message
        self._servers = [f"tls://{host}:{port}" for host, port in [(access.host, access.port), *access.more]]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"stream-{access.zone}", daemon=True)
        self._ready = threading.Event()
        self._ended = asyncio.Event()
        self._client: Client | None = None
        self._left: float | None = None  # monotonic seconds; since when there is no connection
        self._turn: dict[str, str] = {}  # what a request says besides, while it is our turn
        self._missing = 0  # messages of a request that have not come
        self._done = asyncio.Event()
        self._acks: deque[str] = deque()

    def start(self, timeout_s: float | None) -> None:
        """See Zone."""
        self._thread.start()
        if timeout_s is not None and not self._ready.wait(timeout_s):
            self.stop()
            raise ZoneError(f"zone {self.access.zone}: its broker does not answer")

    @property
    def trouble(self) -> str:
        """See Zone."""
        return "" if self._ready.is_set() and self._left is None else "its broker does not answer"

    def check(self) -> None:
        """See Zone."""
        left = self._left
        if left is not None and time.monotonic() - left > AWAY_S:
            raise ZoneError(f"zone {self.access.zone}: its broker cannot be reached")

    def stop(self) -> None:
        """Take leave, with what was acknowledged; what was not comes to whoever has the next turn."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
            self._loop.call_soon_threadsafe(self._done.set)
            self._thread.join()

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> Sending:
        """Send to a mote, at most once; lost while there is no connection, as a broker may lose it any time."""
        subject = topic.replace("/", ".")
        self._loop.call_soon_threadsafe(lambda: self._loop.create_task(self._say(subject, payload)))
        return Sending(())

    def acknowledge(self, receipt: AnyReceipt) -> None:
        """Tell the server that it may forget a message."""
        if isinstance(receipt, StreamReceipt):
            self._acks.append(receipt.reply)
            if len(self._acks) == 1:  # else somebody is on the way already
                self._loop.call_soon_threadsafe(lambda: self._loop.create_task(self._flush()))

    def _run(self) -> None:
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(nats.errors.Error, OSError, asyncio.TimeoutError, ssl.SSLError, ValueError):
                await self._connected()
            if not self._ended.is_set():
                self._left = self._left or time.monotonic()
                await asyncio.sleep(_RETRY_S)

    async def _connected(self) -> None:
        """Pull for as long as one connection holds. Where it breaks, the next server is tried."""
        self._servers.append(self._servers.pop(0))
        closed = asyncio.Event()

        async def gone() -> None:
            closed.set()
            self._done.set()

        client = await nats.connect(
            list(self._servers), user=self.access.username, password=self.access.password, tls=tls_of(self.access),
            name="ironmote gateway", allow_reconnect=False, dont_randomize=True, ping_interval=5, error_cb=_ignored,
            closed_cb=gone, disconnected_cb=gone, connect_timeout=_REQUEST_S,
        )  # fmt: skip
        try:
            await self._prepare(client)
            self._client, self._left, self._turn = client, None, {}
            self._ready.set()
            await self._pull(client, closed)
            await self._flush()
            await client.flush()
        finally:
            self._client = None
            with contextlib.suppress(nats.errors.Error, OSError, asyncio.TimeoutError):
                await client.close()

    async def _prepare(self, client: Client) -> None:
        """Make sure that there are a stream, which the server else makes when the first mote comes, and our consumer.

        Both before any mote sends: the stream keeps only what a consumer waits for.
        """
        if "error" in (await _ask(client, f"STREAM.INFO.{STREAM}", {})):
            made = await _ask(
                client, f"STREAM.CREATE.{STREAM}",
                {"name": STREAM, "subjects": [f"{STORED}>"], "retention": "interest", "storage": "file",
                 "num_replicas": len(self._servers)},
            )  # fmt: skip
            _check(made, _IN_USE)
        wanted = [f"{STORED}{self.access.prefix}.*.{leaf}" for leaf in UPWARD]
        config = {
            "durable_name": CONSUMER, "filter_subjects": wanted, "deliver_policy": "all", "ack_policy": "explicit",
            "ack_wait": _AGAIN_S * _NANOSECONDS, "max_ack_pending": _ON_THEIR_WAY, "priority_groups": [_GROUP],
            "priority_policy": "pinned_client", "priority_timeout": _TURN_S * _NANOSECONDS,
        }  # fmt: skip
        subject = f"CONSUMER.DURABLE.CREATE.{STREAM}.{CONSUMER}"
        _check(await _ask(client, subject, {"stream_name": STREAM, "config": config}))

    async def _pull(self, client: Client, closed: asyncio.Event) -> None:
        inbox = client.new_inbox()
        await client.subscribe(inbox, cb=self._heard)
        request = {"batch": _BATCH, "expires": int(_EXPIRES_S * _NANOSECONDS), "group": _GROUP}
        while not closed.is_set() and not self._ended.is_set():
            self._missing = _BATCH
            self._done.clear()
            wanted = json.dumps({**request, **self._turn}).encode()
            await client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{CONSUMER}", wanted, reply=inbox)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._done.wait(), 3 * _EXPIRES_S)

    async def _heard(self, found: Msg) -> None:
        headers = found.headers or {}
        if not found.subject.startswith(STORED):  # no message: how a request ended
            if headers.get("Status") == _NOT_THE_PIN:
                self._turn = {}
            self._done.set()
            return
        if pin := headers.get("Nats-Pin-Id"):
            self._turn = {"id": pin}
        self._missing -= 1
        if not self._missing:
            self._done.set()
        topic = found.subject[len(STORED) :].replace(".", "/")[:LONGEST_TOPIC]
        again = found.reply.split(".")[4] != "1"  # $JS.ACK.<stream>.<consumer>.<times delivered>.…
        message = Message(
            self.access.zone, self.access.prefix, topic, bytes(found.data[: sealed.MAX_UP + 1]), False, again, True
        )
        self._on_message(self, message, StreamReceipt(found.reply))

    async def _flush(self) -> None:
        while self._acks and self._client is not None:
            await self._say(self._acks.popleft(), b"+ACK")

    async def _say(self, subject: str, payload: bytes) -> None:
        if self._client is not None:
            with contextlib.suppress(nats.errors.Error, OSError):
                await self._client.publish(subject, payload)


async def _ask(client: Client, subject: str, what: dict[str, Any]) -> dict[str, Any]:
    answer = await client.request(f"$JS.API.{subject}", json.dumps(what).encode(), timeout=_REQUEST_S)
    found: dict[str, Any] = json.loads(answer.data)
    return found


def _check(answer: dict[str, Any], but: int | None = None) -> None:
    """Raise ValueError where the server refuses, for another reason than `but`."""
    error = answer.get("error")
    if error and error.get("err_code") != but:
        raise ValueError(error.get("description", "refused"))


async def _ignored(error: Exception) -> None:
    """A connection that breaks is made again; who waits for it asks `trouble`."""
