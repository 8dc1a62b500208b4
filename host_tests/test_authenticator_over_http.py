"""`ironmote authenticator` as a broker finds it that asks over HTTP: a real process, real requests."""

import contextlib
import http.client
import json
import re
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ironmote.authenticator import roster
from ironmote.authenticator.roster import Entry, Roster
from mote import keys

KEY = b"\x01" * 32
SETTINGS = 'roster = "roster.json"\nstate = "marks.db"\n[http]\nport = 0\n'


def made(counter: int, mote: str = "cellar") -> str:
    password: str = keys.connect_password(KEY, mote, "clear", counter)
    return password


class Authenticator:
    """One process, and questions to it."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ironmote", "authenticator", str(folder / "site.toml"), *options],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        found = re.search(r"http://127\.0\.0\.1:(\d+)/auth", self._process.stderr.readline())
        assert found, self._process.communicate()
        self.port = int(found[1])

    def post(self, path: str, body: str | bytes, headers: dict[str, str] | None = None) -> tuple[int, dict]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("POST", path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def auth(self, username: str, password: str, client_id: str | None = None) -> int:
        asked = {"clientid": username if client_id is None else client_id, "username": username, "password": password}
        return self.post("/auth", json.dumps(asked))[0]

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self._process.pid}/task").iterdir()))

    def end(self) -> str:
        self._process.terminate()
        return self._process.communicate(timeout=10)[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    entries = {"cellar": Entry("cellar", (KEY,)), "shed": Entry("shed", (KEY,), static=True)}
    roster.write(tmp_path / "roster.json", Roster("clear", entries))
    (tmp_path / "site.toml").write_text(SETTINGS)
    return tmp_path


@pytest.fixture
def start(folder: Path):
    with contextlib.ExitStack() as stack:

        def start(*options: str) -> Authenticator:
            process = Authenticator(folder, *options)
            stack.callback(process.end)
            return process

        yield start


def test_fresh_token_is_200_and_a_used_one_403(start):
    asked = start("--new")
    assert asked.auth("cellar", made(5)) == 200
    for password in (made(5), made(4), made(0), made(6, "attic"), "", "x"):
        assert asked.auth("cellar", password) == 403
    assert asked.auth("cellar", made(6), client_id="other") == 403
    assert asked.auth("nobody", made(7, "nobody")) == 403
    for _ in range(2):
        assert asked.auth("shed", made(0, "shed")) == 200


def test_body_says_it_too(start):
    asked = start("--new")
    login = {"username": "cellar", "password": made(5)}
    assert asked.post("/auth", json.dumps(login)) == (200, {"result": "allow"})
    assert asked.post("/auth", json.dumps(login)) == (403, {"result": "deny"})


def test_used_token_is_refused_by_the_next_process_and_by_a_second_one(start):
    first = start("--new")
    second = start()
    assert first.auth("cellar", made(5)) == 200
    assert second.auth("cellar", made(5)) == 403
    first.end()
    assert start().auth("cellar", made(5)) == 403


def test_of_two_processes_exactly_one_says_yes(start):
    both = [start("--new"), start("--new")]
    for counter in range(1, 31):
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda n, c=counter: both[n % 2].auth("cellar", made(c)), range(4)))
        assert sorted(answers) == [200, 403, 403, 403]


def test_rights_are_the_motes_own(start):
    process = start("--new")
    for status, asked in (
        (200, {"username": "cellar", "topic": "sealed/cellar/up", "action": "publish"}),
        (200, {"username": "cellar", "topic": "sealed/cellar/down", "action": "subscribe"}),
        (200, {"username": "cellar", "topic": "sealed/cellar/up", "acc": 2}),
        (200, {"username": "cellar", "topic": "sealed/cellar/down", "acc": 4}),
        (200, {"username": "cellar", "topic": "sealed/cellar/down", "acc": 1}),
        (403, {"username": "cellar", "topic": "sealed/cellar/down", "action": "publish"}),
        (403, {"username": "cellar", "topic": "sealed/cellar/up", "action": "subscribe"}),
        (403, {"username": "cellar", "topic": "sealed/shed/up", "action": "publish"}),
        (403, {"username": "cellar", "topic": "mote/cellar/up", "action": "publish"}),
        (403, {"username": "cellar", "topic": "sealed/+/up", "action": "publish"}),
        (403, {"username": "cellar", "topic": "#", "action": "subscribe"}),
        (403, {"username": "cellar", "topic": "sealed/cellar/up", "acc": 3}),
        (403, {"username": "cellar", "topic": "sealed/cellar/up", "acc": float("inf")}),
        (403, {"username": "cellar", "topic": "sealed/cellar/up"}),
        (403, {"username": "nobody", "topic": "sealed/nobody/up", "action": "publish"}),
        (403, {"username": "cellar", "topic": ["sealed/cellar/up"], "action": ["publish"]}),
        (403, {}),
    ):
        assert process.post("/acl", json.dumps(asked))[0] == status, asked


def test_emqx_is_told_no_in_the_body_since_it_takes_a_status_for_no_opinion(start):
    process = start("--new")
    login = json.dumps({"clientid": "cellar", "username": "cellar", "password": made(5)})
    publish = {"username": "cellar", "action": "publish"}
    for result, path, body in (
        ("allow", "/emqx/auth", login),
        ("deny", "/emqx/auth", login),
        ("allow", "/emqx/acl", json.dumps({**publish, "topic": "sealed/cellar/up"})),
        ("deny", "/emqx/acl", json.dumps({**publish, "topic": "sealed/shed/up"})),
        ("deny", "/emqx/acl", "{"),
        ("deny", "/emqx/auth", " " * 5000),
        ("deny", "/emqx/", login),
    ):
        assert process.post(path, body) == (200, {"result": result}), (path, body)


def test_malformed_questions_are_no_yes_and_do_no_harm(start):
    asked = start("--new")
    good = json.dumps({"username": "cellar", "password": made(1)})
    for body in ("", "{", "[]", "null", '"x"', "\x00", "[" * 4000, b"\xff\xfe", '{"username": 1, "password": 2}'):
        assert asked.post("/auth", body)[0] in (400, 403)
    for fields in ({"username": "cellar", "password": None}, {"username": ["cellar"], "password": made(1)}):
        assert asked.post("/auth", json.dumps(fields))[0] == 403
    assert asked.post("/auth", " " * 4097 + good)[0] == 413
    assert asked.post("/auth", good, {"Content-Length": "-1"})[0] == 413
    assert asked.post("/auth", good, {"Content-Length": "9" * 30})[0] == 413
    assert asked.post("/auth", good, {"Content-Length": "x"})[0] == 411
    assert asked.post("/", good)[0] == 404
    assert asked.post("/auth/../acl", good)[0] == 404
    connection = http.client.HTTPConnection("127.0.0.1", asked.port, timeout=10)
    connection.request("GET", "/auth?username=cellar&password=" + made(1))
    assert connection.getresponse().status == 501
    connection.close()
    assert asked.post("/auth", good)[0] == 200


def test_connections_that_say_nothing_do_not_keep_others_out(start):
    asked = start("--new")
    silent = [socket.create_connection(("127.0.0.1", asked.port)) for _ in range(100)]
    assert asked.auth("cellar", made(1)) == 200
    for each in silent:
        each.close()


HEAD = b"POST /auth HTTP/1.1\r\nX-Slow: "
BODY = b'POST /auth HTTP/1.1\r\nContent-Length: 4000\r\n\r\n{"username": "'


class SlowClients:
    """Connections that say the next byte of a question just often enough; one that is ended is made again."""

    def __init__(self, port: int, many: int) -> None:
        self._port = port
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(n,), daemon=True) for n in range(many)]
        for each in self._threads:
            each.start()

    def _ask(self, number: int) -> None:
        while not self._ending.is_set():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=30) as slow:
                slow.sendall((HEAD, BODY)[number % 2])
                while not self._ending.wait(0.1):
                    slow.sendall(b"a")

    def end(self) -> None:
        self._ending.set()
        for each in self._threads:
            each.join(30)


def ends(connection: socket.socket, more: bytes, pause_s: float) -> bool:
    """True where the other end has enough after a while of being sent `more`."""
    try:
        for _ in range(300):
            connection.sendall(more)
            time.sleep(pause_s)
    except OSError:  # reset or broken pipe, as it comes
        return True
    return False


def test_slow_headers_and_bodies_from_many_connections_keep_no_true_question_from_its_answer(start):
    asked = start("--new")
    slow = SlowClients(asked.port, 100)
    try:
        for counter in range(1, 11):
            assert asked.auth("cellar", made(counter)) == 200
    finally:
        slow.end()


@pytest.mark.parametrize("beginning", [HEAD, BODY], ids=["headers", "body"])
def test_question_that_trickles_in_has_one_deadline(start, beginning: bytes):
    asked = start("--new")
    with socket.create_connection(("127.0.0.1", asked.port)) as slow:
        slow.sendall(beginning)
        assert ends(slow, b"a", 0.1)
    assert asked.auth("cellar", made(1)) == 200


def test_question_that_is_longer_than_any_is_not_read_on(start):
    asked = start("--new")
    with socket.create_connection(("127.0.0.1", asked.port)) as endless:
        endless.sendall(HEAD)
        assert ends(endless, b"a" * 65_536, 0)
    assert asked.auth("cellar", made(1)) == 200


def test_many_true_questions_at_once_are_all_answered(start):
    asked = start("--new")
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _: asked.auth("shed", made(0, "shed")), range(300)))
    assert answers == [200] * 300


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts the threads of a process as Linux shows them")
def test_connections_beyond_the_slots_cost_no_thread(start):
    asked = start("--new")
    before = asked.threads()
    silent = [socket.create_connection(("127.0.0.1", asked.port)) for _ in range(120)]
    most = 0
    for _ in range(20):
        most = max(most, asked.threads() - before)
        time.sleep(0.02)
    assert 0 < most <= 32
    for each in silent:
        each.close()


def test_it_listens_on_the_loopback_only(start):
    port = start("--new").port
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    places = [fields[1] for fields in listening if fields[3] == "0A" and fields[1].endswith(f":{port:04X}")]
    assert places == [f"0100007F:{port:04X}"]


def test_log_holds_no_token_and_no_line_break_of_a_strangers(start):
    asked = start("--new")
    asked.auth("cellar", made(1))
    asked.auth("evil\nauthenticator ready", "1.2.3")
    log = asked.end()
    assert made(1).split(".")[2] not in log
    assert not any(line.startswith("authenticator ready") for line in log.splitlines())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (None, "cannot be read"),
        ("roster = ", "is not TOML"),
        ('roster = "roster.json"\n[http]\nport = 0\n', "state is missing"),
        ('roster = "roster.json"\nstate = "marks.db"\n', "nobody could ask"),
        (SETTINGS + "secret = 1\n", "host and port"),
        ('roster = "none.json"\nstate = "marks.db"\n[http]\nport = 0\n', "none.json cannot be read"),
        ('roster = "roster.json"\nstate = "marks.db"\n[http]\nport = "x"\n', "host and port"),
        ('roster = "roster.json"\nstate = "marks.db"\n[nats]\nuser = "x"\n', "[nats] needs exactly"),
        (SETTINGS, "marks.db cannot be used"),
    ],
)
def test_what_it_cannot_begin_with_is_one_line(folder: Path, settings: str | None, words: str):
    (folder / "site.toml").unlink()
    if settings is not None:
        (folder / "site.toml").write_text(settings)
    done = subprocess.run(
        [sys.executable, "-m", "ironmote", "authenticator", str(folder / "site.toml")],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("ironmote: ")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (folder / "marks.db").exists()


def test_port_in_use_is_one_line(folder: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (folder / "site.toml").write_text(SETTINGS.replace("port = 0", f"port = {port}"))
        done = subprocess.run(
            [sys.executable, "-m", "ironmote", "authenticator", str(folder / "site.toml"), "--new"],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == f"ironmote: cannot listen on 127.0.0.1:{port}: Address already in use\n"
