"""Those whom alerts are sent to: a web server and a mail server of this machine, with certificates of an authority."""

import asyncio
import contextlib
import http.server
import queue
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult
from ironmote.certificates import Authority

USER, PASSWORD = "greenhouse", "a password of the tests"


def server_tls(authority: Authority, folder: Path, name: str = "localhost") -> ssl.SSLContext:
    """TLS of a server called `name`, and the authority's certificate in `folder`/ca.pem."""
    found = authority.issue(name, (name,), server=True)
    (folder / "ca.pem").write_bytes(authority.ca_pem)
    (folder / "server.pem").write_bytes(found.cert_pem)
    (folder / "server.key").write_bytes(found.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context


class WebServer:
    """Keeps what is posted to it; `answers` are the statuses of the next posts, then 204."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self.posts: queue.Queue[tuple[dict[str, str], bytes]] = queue.Queue()
        self.answers: list[int] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.posts.put((dict(self.headers), body))
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                self.send_header("Location", "https://elsewhere.invalid/")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class MailServer:
    """Keeps what is mailed to it, after STARTTLS and a sign-in."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self.mails: queue.Queue[bytes] = queue.Queue()

        def sign_in(server, session, envelope, mechanism, data) -> AuthResult:
            good = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
            return AuthResult(success=good, handled=good)

        def session() -> SMTP:
            return SMTP(
                self,
                tls_context=context,
                require_starttls=context is not None,
                auth_required=context is not None,
                authenticator=sign_in,
                loop=self._loop,
            )

        self._loop = asyncio.new_event_loop()
        server = self._loop.run_until_complete(self._loop.create_server(session, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    async def handle_DATA(self, server, session, envelope) -> str:
        self.mails.put(envelope.content)
        return "250 taken"

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


@contextlib.contextmanager
def closing(server: WebServer | MailServer) -> Iterator[WebServer | MailServer]:
    try:
        yield server
    finally:
        server.close()
