"""NATS's auth callout: a server asks with a signed JWT whether a client may come in, and is answered with one.

Texts in, text out; the connection is in `service`. (NATS architecture decision record 26; what a server checks of an
answer is repeated by host_tests/test_nats_admits_by_token.py against the real one.)
"""

import time
from dataclasses import dataclass, field
from typing import Any

from ..brokers import rights, subjects
from . import nkey
from .verifier import Verifier

SUBJECT = "$SYS.REQ.USER.AUTH"
_AUDIENCE = "nats-authorization-request"
_VERSION = 2
_LIMIT = 65_536
_NO_LIMIT = -1
MQTT = "MQTT"


class CalloutError(ValueError):
    """A request that no NATS server has made."""


@dataclass(frozen=True)
class Request:
    """What a server asks: who the client says it is, and where the answer must be addressed to."""

    server: str
    user_key: str
    kind: str  # "mqtt", "nats", "websocket"
    client_id: str
    username: str
    password: str = field(repr=False)


def parse(data: bytes) -> Request:
    """The request in a JWT that its server has signed. Raises CalloutError."""
    if len(data) > _LIMIT:
        raise CalloutError("a request that is too long")
    try:
        claims = nkey.open_jwt(data.decode(), nkey.SERVER)
        asked = claims["nats"]
        if claims["aud"] != _AUDIENCE or asked["type"] != "authorization_request":
            raise CalloutError("a JWT for another purpose")
        if asked["server_id"]["id"] != claims["iss"]:
            raise CalloutError("a request in the name of another server")
        nkey.public_key(asked["user_nkey"], nkey.USER)
        client, login = asked["client_info"], asked["connect_opts"]
        return Request(
            claims["iss"],
            asked["user_nkey"],
            _text(client.get("type")),
            _text(client.get("mqtt_id")),
            _text(login.get("user")),
            _text(login.get("pass")),
        )
    except CalloutError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CalloutError("not an authorization request") from error


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


@dataclass(frozen=True)
class Answer:
    """The JWT for the server; `admitted` is the mote's id or None, `why` is for the log."""

    jwt: str = field(repr=False)
    admitted: str | None
    asked_for: str
    why: str


class Callout:
    """Answers requests; `account` is the name of the NATS account that motes live in, `issuer` its signing key."""

    def __init__(self, verifier: Verifier, issuer: nkey.KeyPair, account: str) -> None:
        self._verifier = verifier
        self._issuer = issuer
        self._account = account

    def answer(self, data: bytes) -> Answer:
        """Decide about one request. Raises CalloutError where there is nobody to answer."""
        request = parse(data)
        if request.kind != "mqtt":
            return self._refuse(request, "not by MQTT")
        decision = self._verifier.decide(request.client_id, request.username, request.password)
        if decision.entry is None:
            return self._refuse(request, decision.why)
        granted = subjects.of_rights(rights.of_mote(decision.entry))
        user = self._issuer.sign_jwt(
            {
                "iat": int(time.time()),
                "name": decision.entry.id,
                "sub": request.user_key,
                "aud": self._account,
                "nats": {
                    "type": "user",
                    "version": _VERSION,
                    "pub": {"allow": granted.publish},
                    "sub": {"allow": granted.subscribe},
                    "subs": _NO_LIMIT,
                    "data": _NO_LIMIT,
                    "payload": _NO_LIMIT,
                    # NATS 2.15 does not hold a callout's user to this; a later one may.
                    "allowed_connection_types": [MQTT],
                },
            }
        )
        return Answer(self._respond(request, jwt=user), decision.entry.id, request.username, decision.why)

    def _refuse(self, request: Request, why: str) -> Answer:
        # The server logs the error and the client gets a return code: neither learns the reason.
        return Answer(self._respond(request, error="refused"), None, request.username, why)

    def _respond(self, request: Request, **outcome: str) -> str:
        return self._issuer.sign_jwt(
            {
                "iat": int(time.time()),
                "sub": request.user_key,
                "aud": request.server,
                "nats": {"type": "authorization_response", "version": _VERSION, **outcome},
            }
        )
