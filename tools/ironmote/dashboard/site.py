"""The addresses of the dashboard: the page, and what it asks for. Every answer is JSON but the page's own files.

GET  /                      the page; /static/<name> its files; neither holds anything of the fleet
POST /api/sign-in           {name, passphrase} or {token} → {name, role, csrf}
POST /api/sign-out
GET  /api/session           who is signed in
GET  /api/fleet             every mote, its last values, what happened            monitor
GET  /api/events            what is new, as Server-Sent Events                    monitor
GET  /api/motes/ID/history  ?name=…&range=1h|24h|7d                               monitor
GET  /api/motes/ID/wire     the last messages, as others see them                 monitor
POST /api/motes/ID/send     {name, value, for_s}; answers with what the mote said controller
POST /api/motes/ID/revoke   administrator
POST /api/motes/ID/rotate   administrator
POST /api/alerts/ID/acknowledge   administrator
"""

import asyncio
import contextlib
import functools
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from mote import topics
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ..errors import IronmoteError
from ..gateway.owner import Owner
from .accounts import ADMINISTRATOR, CONTROLLER, MONITOR, Account, Accounts
from .attempts import Attempts
from .files import Files
from .invitation import Invitation
from .live import Live
from .past import RANGES, Past
from .sessions import IDLE_S, LONGEST_S, Session, Sessions
from .share import Share
from .wire_view import Link, views

_T = TypeVar("_T")
_TURN_S = 0.2  # how often pages are told
_BEAT_S = 15.0  # a word for a page that hears nothing, and a look whether its session goes on
_MOST_PAGES, _PAGES_OF_ONE = 64, 16
_TRIES_AT_A_TIME = 2  # of passphrases: each takes 64 MiB
_TRIES_WAITING = 16
_MOST_COMMANDS, _COMMANDS_OF_ONE = 16, 4  # that wait for motes, which may take 20 s
_MOST_ORDERS = 4  # of administrators, for whom nobody is to be in the way
_LONGEST_NAME = 64
_WITHIN_S = 20.0
_ALERTS_S = 7 * 86_400.0  # how far back the alerts go that a page begins with
_MOST_ALERTS = 200


@dataclass(frozen=True)
class Sources:
    """What the site is made of. `accounts` or `invitation` let people in; `done` is told who did what, in words."""

    owner: Owner
    live: Live
    past: Past
    accounts: Accounts | None = None
    invitation: Invitation | None = None
    link: Link | None = None
    done: Callable[[str], None] = lambda words: None
    title: str = ""


class Site:
    """Answers requests. `secure` says that they come by TLS; the cookie is for nothing else then."""

    def __init__(self, sources: Sources, secure: bool) -> None:
        self._from = sources
        self._secure = secure
        # "__Host-" (RFC 6265bis, 4.1.3.2): no other host and no plain connection can have set it.
        self._cookie = "__Host-ironmote" if secure else "ironmote"
        self._sessions = Sessions(self._still)
        self._attempts = Attempts()
        self._files = Files()
        self._pages = Share(_MOST_PAGES, _PAGES_OF_ONE)
        self._ending = False
        self._trying = 0
        self._try = asyncio.Semaphore(_TRIES_AT_A_TIME)
        self._commands = Share(_MOST_COMMANDS, _COMMANDS_OF_ONE)
        self._orders = Share(_MOST_ORDERS, _MOST_ORDERS)
        self.app = Starlette(
            routes=[
                Route("/", self._files.page),
                Route("/static/{name}", self._files.file),
                Route("/api/session", self._session),
                Route("/api/sign-in", self._sign_in, methods=["POST"]),
                Route("/api/sign-out", self._sign_out, methods=["POST"]),
                Route("/api/fleet", self._fleet),
                Route("/api/events", self._events),
                Route("/api/motes/{mote}/history", self._history),
                Route("/api/motes/{mote}/wire", self._wire),
                Route("/api/motes/{mote}/send", self._send, methods=["POST"]),
                Route("/api/motes/{mote}/revoke", self._revoke, methods=["POST"]),
                Route("/api/alerts/{alert}/acknowledge", self._acknowledge, methods=["POST"]),
            ],
            exception_handlers={HTTPException: _refused, IronmoteError: _failed, OSError: _failed},
        )

    def _still(self, account: Account) -> bool:
        if self._from.accounts is None or account.phc == "":
            return True
        return self._from.accounts.all().get(account.name) == account

    def end(self) -> None:
        """Let go of the pages that are open."""
        self._ending = True

    # ---- who it is

    async def _sign_in(self, request: Request) -> Response:
        said, address = await _said(request), request.client.host if request.client else ""
        name, passphrase, token = (said.get(key, "") for key in ("name", "passphrase", "token"))
        if not all(isinstance(each, str) for each in (name, passphrase, token)):
            raise HTTPException(400, "a name and a passphrase, please")
        name = name[:_LONGEST_NAME]
        wait_s = self._attempts.begin(name, address)
        if wait_s > 0:
            seconds = int(wait_s) + 1
            raise HTTPException(429, f"too many tries; again in {seconds} s", {"Retry-After": str(seconds)})
        if token:
            account = self._from.invitation.take(token) if self._from.invitation is not None else None
        else:
            account = await self._verified(name, passphrase)
        if account is None:
            self._from.done(f"{address} tried to sign in as {name or 'the owner'!r} and was refused")
            raise HTTPException(401, "this link was used, or is another's" if token else "no such name and passphrase")
        self._attempts.succeeded(account.name, address)
        self._end(request)
        key, session = self._sessions.begin(account)
        self._from.done(f"{account.name} signed in from {address} as {account.role}")
        response = JSONResponse(self._who(session))
        response.set_cookie(
            self._cookie, key, max_age=LONGEST_S, path="/", secure=self._secure, httponly=True, samesite="strict"
        )
        return response

    async def _verified(self, name: str, passphrase: str) -> Account | None:
        if self._from.accounts is None:
            return None
        if self._trying >= _TRIES_WAITING:
            raise HTTPException(503, "many are trying to sign in; again in a while")
        self._trying += 1
        try:
            async with self._try:
                return await run_in_threadpool(self._from.accounts.verified, name, passphrase)
        finally:
            self._trying -= 1

    async def _sign_out(self, request: Request) -> Response:
        session = self._may(request, MONITOR, change=True)
        self._end(request)
        self._from.done(f"{session.account.name} signed out")
        response = JSONResponse({})
        response.delete_cookie(self._cookie, path="/", secure=self._secure, httponly=True, samesite="strict")
        return response

    def _end(self, request: Request) -> None:
        if (key := request.cookies.get(self._cookie)) is not None:
            self._sessions.end(key)

    async def _session(self, request: Request) -> Response:
        return JSONResponse(self._who(self._may(request, MONITOR)))

    def _who(self, session: Session) -> dict[str, Any]:
        account = session.account
        return {
            "name": account.name,
            "role": account.role,
            "may": {"switch": account.may(CONTROLLER), "manage": account.may(ADMINISTRATOR)},
            "csrf": session.csrf,
            "title": self._from.title,
            "ranges": list(RANGES),
            "idle_s": IDLE_S,
        }

    def _may(self, request: Request, role: str, change: bool = False) -> Session:
        """The session of a request. Raises HTTPException where there is none, or it may not."""
        session = self._sessions.find(request.cookies.get(self._cookie, ""))
        if session is None:
            raise HTTPException(401, "sign in first")
        if change and not session.matches(request.headers.get("x-csrf", "")):
            raise HTTPException(403, "this did not come from your page; load it again")
        if not session.account.may(role):
            raise HTTPException(403, f"a {session.account.role} may not do that; it takes a {role}")
        return session

    # ---- what there is to see

    async def _fleet(self, request: Request) -> Response:
        self._may(request, MONITOR)
        live, owner = self._from.live, self._from.owner
        said: dict[str, Any] = {"motes": [], "away": live.away, "series": live.series(), "rate": live.rate}
        said["now"] = round(time.time(), 3)
        try:
            said["motes"] = await run_in_threadpool(owner.overview)
        except IronmoteError as error:
            said["away"] = str(error)
        feed, alerts = live.feed(), None
        with contextlib.suppress(IronmoteError):  # a gateway may make none
            alerts = await run_in_threadpool(functools.partial(owner.ask, "alerts", since=time.time() - _ALERTS_S))
            feed = [line for line in feed if line["event"] != "alert"] + alerts[:_MOST_ALERTS]
        said |= {"feed": sorted(feed, key=lambda line: float(line["time"])), "alerts": alerts is not None}
        return _json(said)

    async def _events(self, request: Request) -> Response:
        session = self._may(request, MONITOR)
        if not self._pages.has_room(session.account.name):
            raise HTTPException(503, "too many pages are open")
        return StreamingResponse(
            self._stream(session), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    async def _stream(self, session: Session) -> AsyncIterator[str]:
        # Taken here and not before: a visitor who goes at once would leave it taken for ever.
        if not self._pages.take(session.account.name):
            return
        page = self._from.live.open()
        try:
            yield f"retry: 2000\nevent: hello\ndata: {json.dumps({'away': self._from.live.away})}\n\n"
            beat = time.monotonic()
            while not self._ending and self._sessions.lives(session):
                lines, behind = page.take()
                if behind:
                    return  # the page connects again, and asks for everything anew
                if lines:
                    yield f"data: {_dumped(lines)}\n\n"
                    beat = time.monotonic()
                elif time.monotonic() - beat > _BEAT_S:
                    yield ": still here\n\n"
                    beat = time.monotonic()
                await asyncio.sleep(_TURN_S)
            if not self._ending:
                yield "event: ended\ndata: {}\n\n"
        finally:
            self._pages.give(session.account.name)
            self._from.live.shut(page)

    async def _history(self, request: Request) -> Response:
        self._may(request, MONITOR)
        mote, name = _mote(request), request.query_params.get("name", "")
        range_ = request.query_params.get("range", "1h")
        if range_ not in RANGES or not 0 < len(name) <= _LONGEST_NAME:
            raise HTTPException(400, "a name, and a range of " + ", ".join(RANGES))
        chart = await run_in_threadpool(self._from.past.chart, mote, name, range_)
        said = {"points": chart.points, "before": chart.before, "range_s": RANGES[range_]}
        return _json(said | {"now": round(time.time(), 3)})

    async def _wire(self, request: Request) -> Response:
        self._may(request, MONITOR)
        mote = _mote(request)
        found = await run_in_threadpool(self._from.owner.wire, mote)
        captured = self._from.link(mote) if self._from.link is not None else ()
        told = []
        for each in found:
            record = each.get("record")
            opened = self._from.live.opened(mote, (record[0], record[1])) if record else []
            told.append(
                {name: each[name] for name in ("direction", "zone", "transport", "topic", "arrived", "record")}
                | {"views": views(each, captured), "opened": opened}
            )
        return _json({"messages": told})

    # ---- what there is to do

    async def _send(self, request: Request) -> Response:
        session, mote, said = self._may(request, CONTROLLER, change=True), _mote(request), await _said(request)
        name, value, for_s = said.get("name"), said.get("value"), said.get("for_s")
        if not isinstance(name, str) or not isinstance(value, int | float | str):
            raise HTTPException(400, "an actuator's name and a value, please")
        if for_s is not None and (not isinstance(for_s, int) or isinstance(for_s, bool)):
            raise HTTPException(400, "for_s is a whole number of seconds")
        self._from.live.asked(mote, name, _WITHIN_S)
        command = functools.partial(self._from.owner.send, mote, name, value, _WITHIN_S, for_s)
        outcome = await _shared(self._commands, session, command)
        self._from.done(f"{session.account.name} set {name} of {mote} to {value!r}: {outcome.get('result')}")
        return _json(outcome)

    async def _revoke(self, request: Request) -> Response:
        session, mote = self._may(request, ADMINISTRATOR, change=True), _mote(request)
        await _shared(self._orders, session, functools.partial(self._from.owner.revoke, mote))
        self._from.done(f"{session.account.name} revoked {mote}")
        return _json({})

    async def _acknowledge(self, request: Request) -> Response:
        session, alert = self._may(request, ADMINISTRATOR, change=True), request.path_params["alert"]
        order = functools.partial(self._from.owner.ask, "acknowledge", alert=alert)
        line = await _shared(self._orders, session, order)
        self._from.done(f"{session.account.name} acknowledged alert {alert}")
        self._from.live.tell(line)
        return _json({})


async def _shared(share: Share, session: Session, call: Callable[[], _T]) -> _T:
    """Call what waits for a mote, or for the gateway; only so many at a time, and of one account fewer."""
    account = session.account.name
    if not share.take(account):
        raise HTTPException(503, "too many commands wait for an answer; again in a while")
    try:
        return await run_in_threadpool(call)
    finally:
        share.give(account)


def _mote(request: Request) -> str:
    mote: str = request.path_params["mote"]
    if not topics.is_id(mote):
        raise HTTPException(404, "there is no such mote")
    return mote


async def _said(request: Request) -> dict[str, Any]:
    try:
        found = json.loads(await request.body(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise HTTPException(400, "that is no JSON object")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _dumped(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _json(value: Any) -> Response:
    return Response(_dumped(value), media_type="application/json", headers={"Cache-Control": "no-store"})


async def _refused(_: Request, error: Exception) -> Response:
    status, words, headers = 500, "", None
    if isinstance(error, HTTPException):
        status, words, headers = error.status_code, error.detail, error.headers
    return JSONResponse({"error": words}, status, {"Cache-Control": "no-store", **(headers or {})})


async def _failed(_: Request, error: Exception) -> Response:
    words = str(error) if isinstance(error, IronmoteError) else "the disk did not do its part"
    return JSONResponse({"error": words}, 400, {"Cache-Control": "no-store"})
