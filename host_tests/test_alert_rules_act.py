"""What the owner's rules do about alerts: tell people, and take something from a mote where that is proven."""

import contextlib
import email
import functools
import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import waits
from alert_receivers import PASSWORD, USER, MailServer, WebServer, closing, server_tls
from gateway_bench import Client, running
from gateway_motes import SealingMote
from ironmote.alerts import dispatch, kinds
from ironmote.alerts import mail as mail_module
from ironmote.alerts.desk import Desk
from ironmote.alerts.dispatch import Dispatch
from ironmote.alerts.expected import Expected
from ironmote.alerts.kept import Kept
from ironmote.alerts.rules import Rules
from ironmote.brokers.nats import NatsBroker
from ironmote.certificates import Authority
from ironmote.errors import IronmoteError
from ironmote.gateway import CommandEnded, MessageRefused, reasons, settings
from ironmote.gateway.controllers import order_of
from ironmote.gateway.database import open_beside, open_database
from mote import command

KEY = "0123456789abcdef0123456789abcdef"
PATIENCE_S = 30.0


until = functools.partial(waits.until, within_s=PATIENCE_S)


def rules_of(folder: Path, text: str) -> Rules:
    """The rules in a gateway.toml with `text` in it, with the secrets that it may name."""
    for name, secret in (("webhook.key", KEY), ("mail.password", PASSWORD)):
        (folder / name).touch(0o600)
        (folder / name).write_text(secret + "\n")
    (folder / "gateway.toml").write_text(text)
    return settings.load(folder / "gateway.toml", bytes(16)).rules


def webhook(port: int, scheme: str = "https", **more: str) -> str:
    lines = {"url": f"{scheme}://localhost:{port}/alerts?of=motes", "key_file": "webhook.key", **more}
    return "[webhook]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items())


def rule(**fields: object) -> str:
    return "[[alert_rule]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in fields.items())


class Stage:
    """A desk and what it does by `rules`; `taken` is what was taken from motes."""

    def __init__(self, store: Path, rules: Rules) -> None:
        self.taken: list[tuple[str, str]] = []
        members = ["attic", "cellar"]
        self.desk = Desk(
            lambda: Kept(open_beside(store)),
            lambda _: Expected(),
            lambda: members,
            lambda alert: self.dispatch.changed(alert),
            unusual=False,
        )
        self.dispatch = Dispatch(
            rules,
            "greenhouse",
            self.desk,
            lambda mote, why: self.taken.append((mote, "quarantine")),
            lambda mote: self.taken.append((mote, "revoke")),
        )

    def happens(self, kind: str, mote: str = "cellar", why: str = "as a test wants it") -> None:
        self.desk.take(MessageRefused(mote, "clear", why, True, 1, kind))

    def alert(self, kind: str) -> dict:
        return until(lambda: [line for line in self.desk.alerts() if line["kind"] == kind])[0]


@contextlib.contextmanager
def stage(folder: Path, rules: Rules) -> Iterator[Stage]:
    store = folder / "g.db"
    if not store.exists():
        open_database(store).close()
    found = Stage(store, rules)
    found.desk.start()
    found.dispatch.start()
    try:
        yield found
    finally:
        found.dispatch.stop()
        found.desk.stop()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebServer]:
    with closing(WebServer(server_tls(Authority.create(), tmp_path))) as server:
        yield server


def test_webhook_gets_a_signed_post_when_an_alert_begins_and_when_it_is_over(tmp_path: Path, web: WebServer):
    rules = rules_of(tmp_path, rule(do=["webhook"]) + webhook(web.port, ca="ca.pem"))
    with stage(tmp_path, rules) as staged:
        staged.happens(reasons.CLONE)
        headers, body = web.posts.get(timeout=PATIENCE_S)
        signed = hmac.new(KEY.encode(), headers["X-Ironmote-Time"].encode() + b"." + body, hashlib.sha256)
        assert headers["X-Ironmote-Signature"] == f"sha256={signed.hexdigest()}"
        said = json.loads(body)
        (line,) = said["alerts"]
        assert (said["fleet"], line["mote"], line["kind"], line["over"]) == ("greenhouse", "cellar", "clone", None)
        until(lambda: staged.alert("clone")["done"])
        staged.desk.acknowledge(line["id"])
        assert json.loads(web.posts.get(timeout=PATIENCE_S)[1])["alerts"][0]["over"] is not None


def test_webhook_that_fails_is_tried_again_said_and_holds_nobody_up(
    tmp_path: Path, web: WebServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ironmote.alerts.sender._PAUSES_S", (0.2,))
    web.answers = [500, 302]  # a redirect is no yes, and is not followed
    rules = rules_of(tmp_path, rule(do=["webhook"]) + webhook(web.port, ca="ca.pem"))
    with stage(tmp_path, rules) as staged:
        staged.happens(reasons.FORGED)
        assert "answered 500" in staged.alert(kinds.ACTION)["text"]
        posts = [json.loads(web.posts.get(timeout=PATIENCE_S)[1])["alerts"] for _ in range(3)]
        assert [[line["kind"] for line in post] for post in posts] == [["forged"]] * 3
        until(lambda: not [line for line in staged.desk.alerts() if line["kind"] == kinds.ACTION])


def test_alert_that_could_not_be_told_is_told_after_a_restart_and_only_then(tmp_path: Path, web: WebServer):
    rules = rules_of(tmp_path, rule(do=["webhook"]) + webhook(web.port, ca="ca.pem"))
    web.answers = [500] * 100
    with stage(tmp_path, rules) as staged:
        staged.happens(reasons.FORGED)
        web.posts.get(timeout=PATIENCE_S)
    web.answers = []
    with stage(tmp_path, rules) as staged:
        begin(staged)
        until(lambda: staged.alert("forged")["done"])
    while not web.posts.empty():
        web.posts.get()
    with stage(tmp_path, rules) as staged:
        begin(staged)
        staged.happens(reasons.GUESSING)
        told = json.loads(web.posts.get(timeout=PATIENCE_S)[1])["alerts"]
        assert [line["kind"] for line in told] == ["guessing"]


def begin(staged: Stage) -> None:
    """What a gateway does when it starts."""
    staged.desk.call(lambda kept, book, now: [staged.dispatch.changed(alert) for alert in book.open])


@pytest.mark.parametrize("name", ["other.invalid", "localhost"])
def test_webhook_of_another_name_or_authority_gets_nothing(tmp_path: Path, name: str):
    authority = Authority.create()
    with closing(WebServer(server_tls(authority, tmp_path, name))) as server:
        if name == "localhost":
            (tmp_path / "ca.pem").write_bytes(Authority.create().ca_pem)
        rules = rules_of(tmp_path, rule(do=["webhook"]) + webhook(server.port, ca="ca.pem"))
        with stage(tmp_path, rules) as staged:
            staged.happens(reasons.FORGED)
            assert "certificate verify failed" in staged.alert(kinds.ACTION)["text"]
        assert server.posts.empty()


def mail(port: int, **more: object) -> str:
    fields = {"host": "localhost", "port": port, "ca": "ca.pem", "from": "fleet@example.org", "to": ["me@example.org"]}
    fields |= {"user": USER, "password_file": "mail.password"} | more
    return "[mail]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in fields.items())


def test_mail_is_sent_over_verified_tls_and_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(dispatch._EVERY_S, "mail", 0.2)
    with closing(MailServer(server_tls(Authority.create(), tmp_path))) as server:
        rules = rules_of(tmp_path, rule(severity="critical", do=["mail"]) + mail(server.port))
        with stage(tmp_path, rules) as staged:
            staged.happens(reasons.FORGED)  # less than critical
            staged.happens(reasons.CLONE, why="two\r\nBcc: everybody@example.org")
            message = email.message_from_bytes(server.mails.get(timeout=PATIENCE_S))
            assert message["Subject"] == "[greenhouse] cellar: clone"
            assert (message["To"], message["Bcc"]) == ("me@example.org", None)
            words = message.get_payload(decode=True).decode()
            assert "ironmote revoke" in words
            assert f"--acknowledge {staged.alert('clone')['id']}" in words
            assert "forged" not in words


def test_mail_server_without_tls_gets_neither_password_nor_alert(tmp_path: Path):
    server_tls(Authority.create(), tmp_path)
    with closing(MailServer(None)) as server:
        rules = rules_of(tmp_path, rule(do=["mail"]) + mail(server.port))
        with stage(tmp_path, rules) as staged:
            staged.happens(reasons.CLONE)
            assert "STARTTLS" in staged.alert(kinds.ACTION)["text"]
        assert server.mails.empty()


def test_mail_server_that_drips_holds_no_alert_back_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Who is on the path to a mail server can be one; what cannot be mailed is told as an alert then."""
    monkeypatch.setattr(mail_module, "_LONGEST_S", 1.0)
    server_tls(Authority.create(), tmp_path)
    ended = threading.Event()

    def drip() -> None:
        link, _ = listening.accept()
        with link, contextlib.suppress(OSError):
            while not ended.wait(0.1):
                link.sendall(b"220-\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=drip, daemon=True).start()
        rules = rules_of(tmp_path, rule(do=["mail"]) + mail(listening.getsockname()[1]))
        try:
            with stage(tmp_path, rules) as staged:
                staged.happens(reasons.CLONE)
                assert "told by mail" in staged.alert(kinds.ACTION)["text"]
        finally:
            ended.set()


def test_secrets_are_in_no_log_and_no_alert(tmp_path: Path, caplog: pytest.LogCaptureFixture, web: WebServer):
    web.answers = [500] * 10
    server = MailServer(None)
    with closing(server):
        text = rule(do=["webhook", "mail"]) + webhook(web.port, ca="ca.pem") + mail(server.port)
        rules = rules_of(tmp_path, text)
        with stage(tmp_path, rules) as staged:
            staged.happens(reasons.CLONE)
            until(lambda: len([line for line in staged.desk.alerts() if line["kind"] == kinds.ACTION]) == 2)
            said = json.dumps(staged.desk.alerts()) + caplog.text + repr(rules)
    assert KEY not in said
    assert PASSWORD not in said


def test_copied_mote_is_revoked_and_another_within_the_hour_is_not(tmp_path: Path):
    rules = rules_of(tmp_path, rule(kinds=["clone"], do=["revoke"]))
    with stage(tmp_path, rules) as staged:
        staged.happens(reasons.CLONE, "cellar")
        until(lambda: staged.alert("clone")["done"])
        staged.happens(reasons.CLONE, "attic")
        assert "do it yourself" in staged.alert(kinds.ACTION)["text"]
        assert staged.taken == [("cellar", "revoke")]


def test_what_a_stranger_can_cause_takes_nothing_from_a_mote(tmp_path: Path):
    rules = rules_of(tmp_path, rule(kinds=["clone"], do=["revoke"]) + rule(kinds=["malformed"], do=["quarantine"]))
    with stage(tmp_path, rules) as staged:
        for kind in (reasons.FORGED, reasons.REPLAY, reasons.FORGED_WILL, reasons.SET_BACK, reasons.LESSER):
            staged.happens(kind)
            staged.alert(kind)
        assert staged.taken == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (rule(kinds=["replay"], do=["revoke"]), ":2: alert_rule[0].kinds: revoke takes something from a mote"),
        (rule(do=["quarantine"]), "a stranger can cause"),
        (rule(kinds=["clone"], do=["rotate"]), "ironmote rotate"),
        (rule(kinds=["clon"], do=["webhook"]), "did you mean clone?"),
        (rule(do=["webhok"]), "did you mean webhook?"),
        (rule(do=["mail"]), "mail needs the table [mail]"),
        (rule(do=[]), "at least one of"),
        ("[webhook]\nurl = 'http://example.org/'\nkey_file = 'webhook.key'\n", ":2: webhook.url: an address that"),
        ("[webhook]\nurl = 'https://me:secret@example.org/'\nkey_file = 'webhook.key'\n", "no password in it"),
        ("[webhook]\nurl = 'https://example.org/'\nkey_file = 'gone'\n", "webhook.key_file: there is no "),
        ("[alert_rule]\ndo = ['webhook']\n", ":1: alert_rule: one table for each: write [[alert_rule]]"),
        (mail(25, to=["me@example.org\r\nBcc: you@example.org"]), "mail.to"),
        (mail(25, ca="gone.pem"), "there is no"),
    ],
)
def test_rule_that_is_wrong_is_refused_with_its_line_and_what_to_do(tmp_path: Path, text: str, words: str):
    (tmp_path / "ca.pem").touch()
    with pytest.raises(settings.SettingsError) as caught:
        rules_of(tmp_path, text)
    assert words in str(caught.value)
    assert "gateway.toml:" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_rule_for_a_mote_that_there_is_not_is_told_with_the_name_that_was_meant(tmp_path: Path):
    rules = rules_of(tmp_path, rule(motes=["celler", "cellar"], kinds=["clone"], do=["revoke"]))
    assert rules.strangers(["cellar", "attic"]) == ["alert_rule: no mote is called celler; did you mean cellar?"]
    assert rules.strangers(["cellar", "celler"]) == []


def test_key_that_others_can_read_is_refused(tmp_path: Path):
    rules_of(tmp_path, "")
    (tmp_path / "webhook.key").chmod(0o640)
    with pytest.raises(settings.SettingsError, match="others can read it: chmod 600"):
        settings.load(_with(tmp_path, webhook(443)), bytes(16))


def _with(folder: Path, text: str) -> Path:
    (folder / "gateway.toml").write_text(text)
    return folder / "gateway.toml"


def _events(bench) -> list:
    """What the gateway has told since this was asked last."""
    found = []
    while not bench.events.empty():
        found.append(bench.events.get())
    return found


def test_mote_in_quarantine_is_stored_unconfirmed_and_sent_nothing_until_it_is_released(tmp_path: Path):
    with running(NatsBroker, tmp_path) as bench:
        mote = SealingMote(bench.fleet, "cellar")
        client = Client(bench.broker, bench.fleet, mote)
        client.publish("up", mote.up())
        until(lambda: bench.rows("SELECT confirmed FROM motes WHERE id = 'cellar' AND confirmed = 1"))
        bench.gateway.quarantined = {"cellar": "clone"}
        client.publish("up", mote.up())
        until(lambda: bench.rows("SELECT 1 FROM records WHERE number = 2"))
        assert bench.rows("SELECT confirmed FROM records WHERE number = 2") == [(0,)]
        with pytest.raises(IronmoteError, match="in quarantine"):
            bench.gateway.send("cellar", "relay", True)
        switch = command.Command(b"8 bytes.", "relay", True, None, int(time.time()) + 20, None)
        wanted = command.encode_command_json(switch)
        bench.gateway._inbox.put(order_of("cellar", wanted, time.time()))  # what a controller publishes
        ended = until(lambda: next((each for each in _events(bench) if isinstance(each, CommandEnded)), None))
        assert (ended.result, "in quarantine" in ended.why) == (command.EXPIRED, True)
        bench.gateway.quarantined = {}
        client.publish("up", mote.up())
        until(lambda: bench.rows("SELECT 1 FROM records WHERE number = 3 AND confirmed = 1"))
        bench.gateway.send("cellar", "relay", True)
        client.close()
