"""The dashboard served for tests, beside a real gateway at a real broker, and a visitor that says what it likes."""

import contextlib
import http.client
import json
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway_bench import Client
from gateway_motes import SealingMote, a_fleet
from ironmote.brokers.nats import NatsBroker
from ironmote.certificates import Authority
from ironmote.dashboard.accounts import ROLES, Accounts
from ironmote.dashboard.live import Live
from ironmote.dashboard.past import Past
from ironmote.dashboard.server import Certificate, Server
from ironmote.dashboard.site import Sources
from ironmote.encrypted import Cost
from ironmote.gateway import Gateway, roster
from ironmote.gateway.hub import Hub
from ironmote.gateway.owner import LiveOwner
from mote import command

PASSPHRASE = "a passphrase of this account"
CHEAP = Cost(memory_kib=64, passes=1, lanes=1)
WAIT_S = 30


class Answer:
    """Status, headers (lower case) and body of an answer."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def cookie(self) -> str:
        """name=value of the cookie that it sets."""
        return self.headers["set-cookie"].partition(";")[0]


class Visitor:
    """A client without a browser's manners: it sends the headers that it is told to, and keeps one cookie."""

    def __init__(self, server: Server, trusted: ssl.SSLContext | None = None) -> None:
        self.server = server
        self.trusted = trusted
        self.cookie = ""
        self.csrf = ""

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str | None) -> Answer:
        """Ask once. Names of `headers` have _ for -; None leaves one out that would be sent."""
        sent = {"Host": self.server.url.split("/")[2], "Cookie": self.cookie or None}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        kind = http.client.HTTPConnection if self.trusted is None else http.client.HTTPSConnection
        options = {} if self.trusted is None else {"context": self.trusted}
        link = kind("127.0.0.1", self.server.port, timeout=WAIT_S, **options)
        with contextlib.closing(link):
            link.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.items():
                if value is not None:
                    link.putheader(name, value)
            if body is not None:
                link.putheader("Content-Length", str(len(body)))
            link.endheaders(body)
            found = link.getresponse()
            return Answer(found.status, {name.lower(): value for name, value in found.getheaders()}, found.read())

    def get(self, path: str, **headers: str | None) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, path: str, said: Any = None, **headers: str | None) -> Answer:
        """A change as the page makes it, but for what `headers` say."""
        usual = {
            "Content_Type": "application/json",
            "Origin": self.server.url.rstrip("/"),
            "X_CSRF": self.csrf or None,
        }
        return self.ask("POST", path, json.dumps(said or {}).encode(), **(usual | headers))

    def sign_in(self, name: str, passphrase: str = PASSPHRASE) -> Answer:
        answer = self.post("/api/sign-in", {"name": name, "passphrase": passphrase})
        if answer.status == 200:
            self.cookie, self.csrf = answer.cookie, answer.json["csrf"]
        return answer


class House:
    """A fleet of which cellar is sealed and heard; a gateway, and the dashboard with an account of each role."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fleet = a_fleet()
        self.authority = Authority.create()
        self.broker = NatsBroker(self.fleet, self.authority, folder / "broker")
        self.broker.start()
        served, hub = roster.of_fleet(self.fleet), Hub()
        self.gateway = Gateway(self.fleet.id, served.members, self.broker.gateway, folder / "g.db", hub)
        self.owner = LiveOwner(self.gateway, served)
        hub.add(self.owner.take)
        self.gateway.start()
        self.live = Live(self.owner)
        self.past = Past(folder / "g.db")
        self.accounts = Accounts(folder / "dashboard" / "accounts.json", CHEAP)
        for role in ROLES:
            self.accounts.add(role, role, PASSPHRASE)
        self.done: list[str] = []
        self.sources = Sources(self.owner, self.live, self.past, accounts=self.accounts, done=self.done.append)
        self.servers: list[Server] = []
        self.mote = SealingMote(self.fleet, "cellar")
        self.client = Client(self.broker, self.fleet, self.mote)
        threading.Thread(target=self._obey, daemon=True).start()

    def serve(self, certificate: Certificate | None = None, sources: Sources | None = None) -> Server:
        server = Server(sources or self.sources, "127.0.0.1", 0, certificate)
        server.start()
        self.servers.append(server)
        return server

    def certificate(self) -> Certificate:
        """One of the fleet's authority."""
        found = self.authority.issue("localhost", ["localhost"], True, ["127.0.0.1"])
        path, key = self.folder / "certificate.pem", self.folder / "key.pem"
        path.write_bytes(found.cert_pem)
        key.write_bytes(found.key_pem)
        return Certificate(path, key, ("localhost", "127.0.0.1"))

    def trusting(self) -> ssl.SSLContext:
        """What a browser that has the fleet's authority would trust."""
        return ssl.create_default_context(cadata=self.authority.ca_pem.decode())

    def heard(self, name: str = "temperature") -> None:
        """Wait until the gateway has told of the reading."""
        self.until(lambda: name in self.live.series().get("cellar", {}))

    def until(self, condition) -> None:
        end = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < end, "it did not happen"
            time.sleep(0.02)

    def close(self) -> None:
        for server in self.servers:
            server.end()
        for server in self.servers:
            server.stop()
        self.live.close()
        self.past.close()
        self.client.close()
        self.gateway.stop()
        self.broker.stop()

    def _obey(self) -> None:
        """Do what the mote is told, and say so; a lamp there is not."""
        self.obeyed: list[tuple[str, Any]] = []
        while True:
            order, _ = self.mote.open_command(self.client.downs.get())
            self.obeyed.append((order.name, order.value))
            result = command.REFUSED if order.name == "lamp" else command.DONE
            self.client.publish("ack", self.mote.answer(order, result, int(order.value) if result == "done" else None))


@contextlib.contextmanager
def a_house(folder: Path) -> Iterator[House]:
    """A House, taken down whatever happens."""
    house = House(folder)
    try:
        yield house
    finally:
        house.close()
