"""What every request has to show before the site sees it, and what every answer carries.

The name that was asked for is one of ours (else a stranger's name that leads here, by DNS, would be as good); a change
comes from a page of ours, as JSON, and is short. Answers forbid the page everything but its own files.
"""

import json

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_BODY = 4_096
_READS = ("GET", "HEAD")
_JSON = b"application/json"
_ALWAYS = [
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        b"manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        b"require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-embedder-policy", b"require-corp"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=(), serial=()"),
]
_HSTS = (b"strict-transport-security", b"max-age=31536000")


class Gate:
    """Stands before `site`. `hosts` are the values of Host that are ours, `secure` says that this is TLS."""

    def __init__(self, site: ASGIApp, hosts: frozenset[str], secure: bool) -> None:
        self._site = site
        self._hosts = hosts
        self._secure = secure
        self._origins = {f"{'https' if secure else 'http'}://{host}" for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or answer it."""
        if scope["type"] != "http":
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").lower()

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *self._dress(host)]
            await send(message)

        refused = self._refuse(scope["method"], host, headers)
        if refused is not None:
            await answer(dressed, *refused)
            return
        if scope["method"] in _READS:
            await self._site(scope, receive, dressed)
            return
        body = await _body(receive)
        if body is None:
            await answer(dressed, 413, "that is too long")
            return
        told = False

        async def again() -> Message:
            nonlocal told
            if told:
                return await receive()
            told = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._site(scope, again, dressed)

    def _refuse(self, method: str, host: str, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        if host not in self._hosts:
            return 421, "there is no such host here"
        if method in _READS:
            return None
        if method != "POST":
            return 405, "there is no such method here"
        if headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != _JSON:
            return 415, "changes come as JSON"
        if headers.get(b"origin", b"").decode("latin-1").lower() not in self._origins:
            return 403, "changes come from the dashboard's own page"
        if headers.get(b"sec-fetch-site", b"same-origin") != b"same-origin":
            return 403, "changes come from the dashboard's own page"
        return None

    def _dress(self, host: str) -> list[tuple[bytes, bytes]]:
        # It would hold for every port of this machine's own name.
        lasting = self._secure and not host.startswith("localhost")
        return [*_ALWAYS, _HSTS] if lasting else _ALWAYS


async def answer(send: Send, status: int, error: str) -> None:
    """Answer with an error."""
    body = json.dumps({"error": error}).encode()
    headers = [
        (b"content-type", _JSON),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _body(receive: Receive) -> bytes | None:
    """All that was sent, None where that is too much."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        more: bytes = message.get("body", b"")
        body += more
        if len(body) > LONGEST_BODY:
            return None
        if not message.get("more_body", False):
            return body
