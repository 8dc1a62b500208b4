"""Alerts as a POST: JSON, signed, over TLS that is verified; no redirect is followed and no proxy asked."""

import contextlib
import hashlib
import hmac
import http.client
import json
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from .limit import within
from .rules import Webhook

_TIMEOUT_S = 10.0  # of each step
_LONGEST_S = 30.0  # of all of them: a server that drips holds nobody longer


def poster(webhook: Webhook, fleet: str) -> Callable[[Sequence[Mapping[str, Any]]], None]:
    """What posts lines of alerts as `{"fleet": …, "alerts": […]}`.

    `X-Ironmote-Time` has seconds since 1970, `X-Ironmote-Signature` "sha256=" and HMAC-SHA256 (RFC 2104), in
    hexadecimal, of that time, a full stop and the body, under the key. It raises OSError or HTTPException where it was
    not taken, ValueError where the certificates for it cannot be read.
    """
    parts = urlsplit(webhook.url)
    context = ssl.create_default_context(cafile=webhook.ca) if parts.scheme == "https" else None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def post(lines: Sequence[Mapping[str, Any]]) -> None:
        body = json.dumps({"fleet": fleet, "alerts": list(lines)}).encode()
        now = str(int(time.time()))
        signature = hmac.new(webhook.key, f"{now}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "ironmote",
            "X-Ironmote-Time": now,
            "X-Ironmote-Signature": f"sha256={signature}",
        }
        connection = _connection(parts.hostname or "", parts.port, context)
        with contextlib.closing(connection), within(_LONGEST_S, lambda: connection.sock):
            connection.request("POST", path, body, headers)
            status = connection.getresponse().status
        if not 200 <= status < 300:
            raise http.client.HTTPException(f"answered {status}")

    return post


def _connection(host: str, port: int | None, context: ssl.SSLContext | None) -> http.client.HTTPConnection:
    if context is None:
        return http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    return http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=context)
