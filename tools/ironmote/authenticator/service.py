"""The authenticator as a NATS client: it answers the servers' callouts, and ends the sessions of motes taken off.

Any number of these may run; a server's question goes to one of them (a queue group). When none runs, or none answers
in time, the server lets nobody in.
"""

import asyncio
import contextlib
import json
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nats
from mote import topics
from nats.aio.client import Client
from nats.aio.msg import Msg

from . import nkey
from .callout import SUBJECT, Callout, CalloutError
from .roster import Roster, RosterError, RosterFile
from .verifier import Verifier

_QUEUE = "authenticators"
_RETRY_S = 0.5
_WATCH_S = 0.2
_AGAIN_S = 5.0  # longer than a server waits for us: a session that was just being let in is there by then
_COLLECT_S = 0.5
_REQUEST_S = 2.0
_PAGE = 256
_AT_ONCE = 64

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NatsAccess:
    """How to reach the servers of one zone: TLS, as two users, one for callouts and one of the system account."""

    servers: tuple[str, ...]
    ca: Path
    cert: Path
    key: Path
    account: str
    user: str
    password: str = field(repr=False)
    system_user: str
    system_password: str = field(repr=False)
    issuer: str = field(repr=False)  # the seed that answers are signed with

    def tls(self) -> ssl.SSLContext:
        """TLS with our certificate, to servers whose certificate the fleet's authority has signed."""
        context = ssl.create_default_context(cafile=str(self.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.cert, self.key)
        return context


class Service:
    """Answers for one zone until it is cancelled."""

    def __init__(self, access: NatsAccess, roster: RosterFile, verifier: Verifier) -> None:
        """Raises nkey.NkeyError where the issuer is no seed."""
        self._access = access
        self._roster = roster
        self._callout = Callout(verifier, nkey.KeyPair.from_seed(access.issuer), access.account)
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = asyncio.Event()

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Connect, and again whenever the connection is lost; `on_ready` is called once the first question may come.

        Raises nats' ConnectionClosedError where the servers do not take us any more: then somebody has to look.
        """
        callouts = await self._connect(self._access.user, self._access.password)
        system = await self._connect(self._access.system_user, self._access.system_password)
        try:
            await callouts.subscribe(SUBJECT, queue=_QUEUE, cb=self._asked)
            await callouts.flush()
            on_ready()
            async with asyncio.TaskGroup() as both:
                watching = both.create_task(self._watch(Evictor(system, self._access.account)))
                await self._closed.wait()
                watching.cancel()
            raise nats.errors.ConnectionClosedError
        finally:
            for client in (callouts, system):
                await client.close()

    async def _connect(self, user: str, password: str) -> Client:
        return await nats.connect(
            list(self._access.servers),
            user=user,
            password=password,
            tls=self._access.tls(),
            name="ironmote authenticator",
            allow_reconnect=True,
            max_reconnect_attempts=-1,
            reconnect_time_wait=_RETRY_S,
            error_cb=_said,
            closed_cb=self._was_closed,
        )

    async def _was_closed(self) -> None:
        self._closed.set()

    async def _asked(self, message: Msg) -> None:
        # Verifying waits for the disk: in a thread, so that one slow answer does not hold up the others.
        await self._slots.acquire()
        task = asyncio.create_task(self._answer(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: self._slots.release())

    async def _answer(self, message: Msg) -> None:
        try:
            answer = await asyncio.to_thread(self._callout.answer, message.data)
        except CalloutError as error:
            _log.warning("ignored: %s", error)
            return
        if answer.admitted is None:
            _log.warning("refused %.40r: %s", answer.asked_for, answer.why)
        else:
            _log.info("admitted %s: %s", answer.admitted, answer.why)
        with contextlib.suppress(nats.errors.Error):  # the server is gone, and with it who asked
            await message.respond(answer.jwt.encode())

    async def _watch(self, evictor: "Evictor") -> None:
        """End the sessions of those who are not on the roster: at the start, and whenever it changes."""
        known: Roster | None = None
        again_at: float | None = 0.0
        loop = asyncio.get_running_loop()
        while True:
            try:
                roster = self._roster.current()
            except RosterError as error:
                # Nobody is let in meanwhile. Those who are in stay: what the owner wants is not known.
                _log.error("%s", error)
                await asyncio.sleep(_AGAIN_S)
                continue
            changed = roster is not known
            if changed or (again_at is not None and loop.time() >= again_at):
                again_at = loop.time() + _AGAIN_S if changed else None
                replaced = _replaced(known, roster)
                known = roster
                try:
                    for name in await evictor.sweep(lambda name: name in roster.entries and name not in replaced):  # noqa: B023 - awaited here
                        _log.info("ended the session of %s", name)
                except (nats.errors.Error, OSError, ValueError, KeyError, TypeError) as error:
                    _log.error("sessions could not be looked through: %r", error)
                    again_at = loop.time() + _AGAIN_S
            await asyncio.sleep(_WATCH_S)


def _replaced(old: Roster | None, new: Roster) -> set[str]:
    """The motes none of whose keys of before is good any more: reprovisioned after a loss, so who is in must go."""
    if old is None:
        return set()
    before = {name: set(entry.keys) for name, entry in old.entries.items()}
    return {name for name, entry in new.entries.items() if name in before and not before[name] & set(entry.keys)}


class Evictor:
    """Finds and ends sessions, through the servers' system account."""

    def __init__(self, system: Client, account: str) -> None:
        self._system = system
        self._account = account

    async def sweep(self, stays: Callable[[str], bool]) -> list[str]:
        """End every MQTT session in the account of a mote that may not stay; gives their names. Raises nats' errors."""
        ended = []
        for server in await self._servers():
            for connection in await self._sessions(server):
                name = connection["authorized_user"]
                if _is_mote(name) and not stays(name):
                    await self._ask(f"$SYS.REQ.SERVER.{server}.KICK", {"cid": connection["cid"]})
                    ended.append(name)
        return ended

    async def _servers(self) -> list[str]:
        """The ids of all servers that answer within a short time."""
        inbox = self._system.new_inbox()
        subscription = await self._system.subscribe(inbox)
        found = []
        try:
            await self._system.publish("$SYS.REQ.SERVER.PING.IDZ", reply=inbox)
            while True:
                answer = await subscription.next_msg(_COLLECT_S)
                found.append(str(json.loads(answer.data)["id"]))
        except nats.errors.TimeoutError:
            return found
        finally:
            await subscription.unsubscribe()

    async def _sessions(self, server: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            options = {"auth": True, "acc": self._account, "limit": _PAGE, "offset": len(found)}
            page = (await self._ask(f"$SYS.REQ.SERVER.{server}.CONNZ", options))["data"]["connections"]
            found += page
            if len(page) < _PAGE:
                return [each for each in found if each.get("type") == "mqtt"]

    async def _ask(self, subject: str, options: dict[str, Any]) -> dict[str, Any]:
        answer = await self._system.request(subject, json.dumps(options).encode(), timeout=_REQUEST_S)
        found: dict[str, Any] = json.loads(answer.data)
        return found


def _is_mote(name: str) -> bool:
    """False for the users that the servers know themselves: the gateway's name has a dot, which no mote's id has."""
    try:
        topics.check_id(name)
    except topics.TopicError:
        return False
    return True


async def _said(error: Exception) -> None:
    _log.warning("nats: %r", error)
