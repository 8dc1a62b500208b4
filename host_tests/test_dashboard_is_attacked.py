"""The dashboard against who has no business there, with less right than they want, or with a page of their own.

A real server, beside a real gateway at a real broker; the attacker says what no browser would.
"""

import contextlib
import json
import re
import socket
import stat
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace

import pytest
from dashboard_visitor import PASSPHRASE, House, Visitor, a_house
from ironmote.dashboard.accounts import ADMINISTRATOR, CONTROLLER, MONITOR, ROLES, AccountError, Accounts
from ironmote.dashboard.attempts import Attempts
from ironmote.dashboard.invitation import Invitation
from ironmote.dashboard.server import Server, ServerError
from ironmote.dashboard.sessions import IDLE_S, LONGEST_S, Sessions

SEEN = (
    "/api/session",
    "/api/fleet",
    "/api/events",
    "/api/motes/cellar/history?name=temperature",
    "/api/motes/cellar/wire",
)
DONE = {
    "/api/motes/cellar/send": CONTROLLER,
    "/api/motes/cellar/revoke": ADMINISTRATOR,
    "/api/alerts/1/acknowledge": ADMINISTRATOR,
}
ON = {"name": "relay", "value": True}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with a_house(tmp_path_factory.mktemp("house")) as house:
        house.client.publish("state", house.mote.state())
        house.client.publish("up", house.mote.up())
        house.heard()
        house.serve()
        yield house


@pytest.fixture
def visitor(house: House):
    """One who comes to a server of their own, which has counted nobody's tries yet."""
    return Visitor(house.serve())


def signed_in(house: House, role: str, server: Server | None = None) -> Visitor:
    found = Visitor(server or house.servers[0])
    assert found.sign_in(role).status == 200
    return found


def test_nothing_is_told_or_done_without_signing_in(house: House, visitor: Visitor):
    for path in SEEN:
        answer = visitor.get(path)
        assert (answer.status, answer.json) == (401, {"error": "sign in first"}), path
    for path in DONE:
        assert visitor.post(path, ON).status == 401, path
    assert house.obeyed == []


def test_page_holds_nothing_of_the_fleet_and_runs_nothing_from_elsewhere(visitor: Visitor):
    page = visitor.get("/")
    text = page.body.decode()
    names = re.findall(r'(?:src|href)="([^"#]+)"', text)
    assert page.status == 200
    assert "cellar" not in text
    assert names, "it has files"
    for name in names:
        assert name.startswith("/static/"), "and nothing from elsewhere"
        file = visitor.get(name)
        assert file.status == 200
        assert not re.search(rb"""["'(](?:https?:)?//(?!www\.w3\.org/2000/svg)""", file.body), name
        assert b"innerHTML" not in file.body
        assert visitor.get(name, If_None_Match=file.headers["etag"]).status == 304
    assert not re.search(r"<script>|<style|\son\w+=|\sstyle=", text), "nothing that its policy would forbid"


@pytest.mark.parametrize("path", ["/", "/static/app.js", "/api/session", "/nothing"])
def test_every_answer_forbids_the_page_everything_but_its_own(visitor: Visitor, path):
    headers = visitor.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert "server" not in headers, "nor does it say what it is made of"


def test_unknown_name_and_wrong_passphrase_are_told_apart_by_nothing(visitor: Visitor):
    answers = [visitor.sign_in("monitor", "not this one, no"), visitor.sign_in("nobody", PASSPHRASE)]
    assert [(each.status, each.body) for each in answers] == [(401, answers[0].body)] * 2
    assert "set-cookie" not in answers[0].headers


def test_guessing_is_slowed_down_and_a_right_guess_then_opens_nothing(visitor: Visitor):
    statuses = [visitor.sign_in("administrator", f"guess number {count}").status for count in range(12)]
    assert statuses[:10] == [401] * 10
    assert statuses[10:] == [429] * 2
    late = visitor.sign_in("administrator")
    assert late.status == 429
    assert int(late.headers["retry-after"]) > 0


def test_guessing_from_everywhere_does_not_keep_an_owner_out():
    now = [0.0]
    attempts = Attempts(lambda: now[0])
    assert attempts.begin("anna", "192.168.1.9") == 0
    attempts.succeeded("anna", "192.168.1.9")
    tries = [attempts.begin("anna", f"10.0.{count}.1") for count in range(100)]
    assert sum(wait == 0 for wait in tries) == 19, "the account's bucket is empty"
    assert attempts.begin("anna", "10.9.9.9") > 0
    assert attempts.begin("anna", "192.168.1.9") == 0, "but hers from home is not"
    now[0] += 61
    assert attempts.begin("anna", "10.9.9.9") == 0, "and it fills again"
    for count in range(10):
        attempts.begin("berta", f"2001:db8::{count:x}")
    assert attempts.begin("carla", "2001:db8::ffff") > 0, "a network of IPv6 is one address"


def test_session_that_was_known_before_signing_in_is_worth_nothing(visitor: Visitor):
    visitor.cookie = "ironmote=" + "A" * 43
    first = visitor.sign_in("monitor")
    assert first.cookie != "ironmote=" + "A" * 43
    assert Visitor.get(visitor, "/api/session", Cookie="ironmote=" + "A" * 43).status == 401
    before = visitor.cookie
    assert visitor.sign_in("monitor").status == 200
    assert visitor.cookie != before
    assert visitor.get("/api/session", Cookie=before).status == 401, "nor is the one before"


def test_cookie_is_for_the_server_alone(house: House, visitor: Visitor):
    said = visitor.sign_in("monitor").headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=strict" in said
    assert "path=/" in said
    secure = Visitor(house.serve(house.certificate()), house.trusting())
    said = secure.sign_in("monitor").headers["set-cookie"]
    assert said.startswith("__Host-ironmote=")
    assert "; Secure" in said
    assert "domain" not in said.lower()
    assert secure.get("/api/fleet").status == 200


def test_server_with_a_certificate_speaks_tls_alone(house: House):
    server = house.serve(house.certificate())
    assert server.url.startswith("https://localhost:")
    with socket.create_connection(("127.0.0.1", server.port), 10) as link:
        link.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert not link.recv(100).startswith(b"HTTP/1.1 2")
    with pytest.raises(ServerError, match="without a certificate only this machine"):
        Server(house.sources, "0.0.0.0", 0)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X_CSRF": None}, 403),
        ({"X_CSRF": "A" * 43}, 403),
        ({"Origin": None}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content_Type": "text/plain"}, 415),
        ({"Host": "evil.example"}, 421),
        ({"Cookie": None}, 401),
    ],
)
def test_change_that_no_page_of_ours_asked_for_is_refused(house: House, headers, status):
    visitor = signed_in(house, ADMINISTRATOR)
    obeyed = len(house.obeyed)
    assert visitor.post("/api/motes/cellar/send", ON, **headers).status == status
    assert visitor.post("/api/motes/cellar/revoke", **headers).status == status
    assert len(house.obeyed) == obeyed


def test_token_of_another_session_is_none(house: House):
    server = house.serve()
    one, other = signed_in(house, CONTROLLER, server), signed_in(house, ADMINISTRATOR, server)
    one.csrf = other.csrf
    assert one.post("/api/motes/cellar/send", ON).status == 403


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_change_by_another_method_is_refused(house: House, method):
    visitor = signed_in(house, ADMINISTRATOR)
    assert visitor.ask(method, "/api/motes/cellar/revoke", X_CSRF=visitor.csrf).status == 405
    assert house.owner.overview()[1]["revoked"] is False


@pytest.mark.parametrize("role", ROLES)
def test_nobody_does_more_than_their_role(house: House, role):
    visitor = signed_in(house, role)
    assert visitor.get("/api/fleet").status == 200
    for path, needed in DONE.items():
        if ROLES.index(role) < ROLES.index(needed):
            answer = visitor.post(path, ON)
            assert answer.status == 403, path
            assert needed in answer.json["error"]
    assert house.owner.overview()[1]["revoked"] is False


def test_one_account_keeps_no_other_from_its_pages_and_no_administrator_from_acting(house: House):
    server = house.serve()
    monitor, controller = signed_in(house, MONITOR, server), signed_in(house, CONTROLLER, server)
    administrator, other = signed_in(house, ADMINISTRATOR, server), signed_in(house, CONTROLLER, server)
    asleep = [{"name": f"relay{nth}", "value": True} for nth in range(6)]  # the kitchen is not there: each waits
    with contextlib.ExitStack() as open_, ThreadPoolExecutor(8) as at_once:

        def pages(visitor: Visitor, count: int) -> list[bytes]:
            found = []
            for _ in range(count):
                link = open_.enter_context(socket.create_connection(("127.0.0.1", server.port), 20))
                host = server.url.split("/")[2]
                link.sendall(f"GET /api/events HTTP/1.1\r\nHost: {host}\r\nCookie: {visitor.cookie}\r\n\r\n".encode())
                found.append(link.recv(12))
            return found

        assert pages(monitor, 17) == [b"HTTP/1.1 200"] * 16 + [b"HTTP/1.1 503"]
        assert pages(administrator, 1) == [b"HTTP/1.1 200"]
        sent = [at_once.submit(controller.post, "/api/motes/kitchen/send", each) for each in asleep[:5]]
        done, waiting = wait(sent, return_when=FIRST_COMPLETED, timeout=20)
        assert [each.result().status for each in done] == [503]
        assert len(waiting) == 4
        assert other.post("/api/motes/kitchen/send", asleep[5]).status == 503, "another session of the same account"
        assert administrator.post("/api/motes/cellar/send", ON).status == 200
        answer = administrator.post("/api/alerts/1/acknowledge")
        assert (answer.status, "does not do acknowledge" in answer.json["error"]) == (400, True)
        for each in asleep:  # what is asked later ends what was asked before
            house.gateway.send("kitchen", each["name"], False, within_s=0.1)


def test_switch_shows_what_the_mote_says(house: House):
    visitor = signed_in(house, CONTROLLER)
    done = visitor.post("/api/motes/cellar/send", ON)
    assert done.status == 200
    assert {"mote": "cellar", "command": "relay", "result": "done", "value": 1}.items() <= done.json.items()
    assert house.obeyed[-1] == ("relay", True)
    refused = visitor.post("/api/motes/cellar/send", {"name": "lamp", "value": 1})
    assert refused.json["result"] == "refused"
    assert any("controller set relay of cellar to True: done" in words for words in house.done), "it is told who did it"


@pytest.mark.parametrize(
    "said",
    [
        {"name": "relay"},
        {"name": 7, "value": 1},
        {"name": "relay", "value": {"a": 1}},
        {"name": "relay", "value": [1]},
        {"name": "relay", "value": True, "for_s": "ten"},
        {"name": "relay", "value": True, "for_s": True},
        {"name": "!rotate", "value": "x"},
        {"name": "x" * 100, "value": 1},
        ["relay", True],
    ],
)
def test_nonsense_is_refused_and_no_mote_hears_of_it(house: House, said):
    visitor = signed_in(house, CONTROLLER)
    obeyed = len(house.obeyed)
    answer = visitor.post("/api/motes/cellar/send", said)
    assert answer.status == 400
    assert answer.json["error"]
    assert len(house.obeyed) == obeyed


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 3000, b'{"name": "relay", "value": NaN}', b"\xff\xfe"])
def test_body_that_is_no_json_is_refused(house: House, body):
    visitor = signed_in(house, CONTROLLER)
    headers = {"Content_Type": "application/json", "Origin": visitor.server.url.rstrip("/"), "X_CSRF": visitor.csrf}
    assert visitor.ask("POST", "/api/motes/cellar/send", body, **headers).status == 400


def test_body_that_is_too_long_is_refused(house: House):
    visitor = signed_in(house, CONTROLLER)
    assert visitor.post("/api/motes/cellar/send", {"name": "a" * 5000, "value": 1}).status == 413


@pytest.mark.parametrize(
    "path",
    [
        "/static/../site.py",
        "/static/..%2fsite.py",
        "/static/%2e%2e/accounts.py",
        "/static/%2e%2e%2f%2e%2e%2fcli.py",
        "/static//etc/passwd",
        "/static/..\\site.py",
        "/static/",
        "/static/.",
        "/static/index.html%00.js",
        "/api/motes/..%2f..%2fdashboard%2faccounts/wire",
        "/api/motes/CELLAR/wire",
        "/api/motes/%3Cscript%3E/wire",
    ],
)
def test_no_path_leads_out(house: House, path):
    visitor = signed_in(house, MONITOR)
    answer = visitor.get(path)
    assert answer.status == 404
    assert b"import" not in answer.body


def test_other_names_of_this_machine_lead_nowhere(visitor: Visitor):
    """A stranger's name that resolves to the loopback would make a stranger's page ours."""
    for host in ("evil.example", f"evil.example:{visitor.server.port}", "localhost", "127.0.0.1:1", ""):
        assert visitor.get("/", Host=host).status == 421, host
    assert visitor.get("/", Host=f"localhost:{visitor.server.port}").status == 200


def test_signing_out_ends_the_session_and_its_pages(house: House):
    visitor = signed_in(house, MONITOR)
    with socket.create_connection(("127.0.0.1", visitor.server.port), 20) as link:
        host = visitor.server.url.split("/")[2]
        link.sendall(f"GET /api/events HTTP/1.1\r\nHost: {host}\r\nCookie: {visitor.cookie}\r\n\r\n".encode())
        told = b""
        while b"event: hello" not in told:
            told += link.recv(1000)
        assert visitor.post("/api/sign-out").status == 200
        while b"event: ended" not in told:
            more = link.recv(1000)
            assert more, told
            told += more
    assert visitor.get("/api/fleet").status == 401


def test_account_that_is_changed_or_removed_is_signed_out(house: House):
    for change in (
        lambda: house.accounts.add("eve", MONITOR, PASSPHRASE),
        lambda: house.accounts.add("eve", ADMINISTRATOR, PASSPHRASE + "!"),
        lambda: house.accounts.remove("eve"),
    ):
        house.accounts.add("eve", ADMINISTRATOR, PASSPHRASE)
        visitor = Visitor(house.serve())
        assert visitor.sign_in("eve").status == 200
        change()
        assert visitor.get("/api/fleet").status == 401


def test_session_ends_when_it_is_old_or_nobody_uses_it(house: House):
    now = [0.0]
    sessions = Sessions(lambda account: True, lambda: now[0])
    account = house.accounts.all()[MONITOR]
    idle, _ = sessions.begin(account)
    used, _ = sessions.begin(account)
    while now[0] < LONGEST_S:
        assert sessions.find(used) is not None
        now[0] += IDLE_S / 2 + 1
        if now[0] > IDLE_S + 2:
            assert sessions.find(idle) is None
    assert sessions.find(used) is None
    names = [sessions.begin(account)[0] for _ in range(20)]
    assert [sessions.find(name) is not None for name in names] == [False] * 4 + [True] * 16, "the oldest make room"


def test_link_of_the_demo_is_good_once(house: House):
    renewed = []
    invitation = Invitation(lambda: renewed.append(True))
    server = house.serve(sources=replace(house.sources, accounts=None, invitation=invitation))
    visitor = Visitor(server)
    token = invitation.link(server.url).partition("#sign-in=")[2]
    assert visitor.post("/api/sign-in", {"token": "x" + token[1:]}).status == 401
    first = visitor.post("/api/sign-in", {"token": token})
    assert (first.status, first.json["role"], renewed) == (200, ADMINISTRATOR, [True])
    assert visitor.post("/api/sign-in", {"token": token}).status == 401
    assert invitation.link(server.url).partition("#sign-in=")[2] != token
    assert visitor.sign_in("administrator").status == 401, "there are no accounts"


def test_file_of_accounts_holds_hashes_for_its_owner_alone(house: House):
    path = house.folder / "dashboard" / "accounts.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert PASSPHRASE not in text
    assert all(each["hash"].startswith("$argon2id$") for each in json.loads(text).values())
    path.chmod(0o644)
    with pytest.raises(AccountError, match="chmod 600"):
        Accounts(path).all()
    path.chmod(0o600)


def test_what_a_hostile_mote_says_reaches_the_page_as_data(house: House):
    """Its letters are escaped by JSON and told as JSON, so that no browser takes them for a page."""
    from mote.record import Reading

    wicked = '</script><img src=x onerror="alert(1)">'
    house.client.publish("up", house.mote.up((Reading("sign", "<b>", wicked, None),)))
    house.heard("sign")
    visitor = signed_in(house, MONITOR)
    answer = visitor.get("/api/fleet")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["series"]["cellar"]["sign"][-1][1] == wicked
    assert answer.headers["cache-control"] == "no-store"


def test_page_hears_a_reading_within_moments(house: House):
    visitor = signed_in(house, MONITOR)
    with socket.create_connection(("127.0.0.1", visitor.server.port), 30) as link:
        host = visitor.server.url.split("/")[2]
        link.sendall(f"GET /api/events HTTP/1.1\r\nHost: {host}\r\nCookie: {visitor.cookie}\r\n\r\n".encode())
        told = b""
        while b"event: hello" not in told:
            told += link.recv(4000)
        began = time.time()
        house.client.publish("up", house.mote.up(taken=began))
        while b'"event":"reading"' not in told:
            told += link.recv(4000)
    lines = [json.loads(line[6:]) for line in told.decode().splitlines() if line.startswith("data: [")]
    assert ("cellar", "temperature") in {(line["mote"], line.get("name")) for line in lines[0]}


def test_switch_of_a_command_is_told_as_no_rules_whichever_comes_first(house: House):
    switch = {"event": "switch", "mote": "attic", "name": "fan", "value": True, "rule": "thermostat"}
    command = {"event": "command", "mote": "attic", "command": "fan", "result": "done"}

    def told() -> list[str]:
        return [line["event"] for line in house.live.feed() if line.get("mote") == "attic"]

    house.live.asked("attic", "fan", 20.0)
    for line in (switch, command, switch):
        house.owner.tell(line)
    assert told() == ["command"]
    house.owner.tell(switch | {"name": "lamp"})
    assert told() == ["command", "switch"], "what nobody asked for is the rule's"
