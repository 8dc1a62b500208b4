"""What the verifier lets in and what it refuses, each form of attack by itself; the counters are in a real file."""

import base64
import json
from pathlib import Path

import pytest
from harness import vectors
from ironmote.authenticator import roster, token
from ironmote.authenticator.marks import Marks
from ironmote.authenticator.roster import Entry, Roster, RosterFile
from ironmote.authenticator.verifier import Verifier
from mote import keys

KEY, NEW_KEY, OTHER_KEY = (bytes([value]) * 32 for value in (1, 2, 3))
ENTRIES = {
    "cellar": Entry("cellar", (KEY,)),
    "attic": Entry("attic", (OTHER_KEY,)),
    "shed": Entry("shed", (KEY,), static=True),
}


class Desk:
    """A verifier over a roster file that can be changed."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "roster.json"
        self.put(ENTRIES)
        self.marks = Marks(folder / "marks.db", create=True)
        self.verifier = Verifier(RosterFile(self.path), self.marks)

    def put(self, entries: dict[str, Entry]) -> None:
        roster.write(self.path, Roster("clear", entries))

    def admits(self, password: str, mote: str = "cellar", client_id: str | None = None) -> bool:
        decision = self.verifier.decide(mote if client_id is None else client_id, mote, password)
        assert decision.entry is None or decision.entry.id == mote
        return decision.entry is not None


@pytest.fixture
def desk(tmp_path: Path):
    desk = Desk(tmp_path)
    yield desk
    desk.marks.close()


def made(counter: int, key: bytes = KEY, mote: str = "cellar", zone: str = "clear") -> str:
    password: str = keys.connect_password(key, mote, zone, counter)
    return password


FIRST = keys.connect_counter(1, 1)


def test_tokens_that_count_up_are_let_in_with_gaps(desk: Desk):
    for boot, connection in ((1, 1), (1, 2), (1, 40), (2, 1), (900, 1), (2**32 - 1, 2**32 - 1)):
        assert desk.admits(made(keys.connect_counter(boot, connection)))


def test_same_and_lower_counters_are_refused(desk: Desk):
    assert desk.admits(made(FIRST + 5))
    for counter in (FIRST + 5, FIRST + 4, FIRST, 1):
        assert not desk.admits(made(counter))
    assert desk.admits(made(FIRST + 6))


@pytest.mark.parametrize(
    "password",
    [
        made(FIRST, OTHER_KEY),
        made(FIRST, KEY, "attic"),
        made(FIRST, KEY, "cellar", "home"),
        made(0),
        made(FIRST)[:-1] + ("A" if made(FIRST)[-1] != "A" else "B"),
        made(FIRST).replace(str(FIRST), str(FIRST + 1)),
    ],
    ids=["another-key", "another-mote", "another-zone", "zero", "forged-mac", "raised-counter"],
)
def test_what_is_not_this_motes_token_is_refused_and_moves_nothing(desk: Desk, password: str):
    assert not desk.admits(password)
    assert desk.admits(made(1))


def forms() -> list[str]:
    good = made(FIRST)
    _, counter, mac = good.split(".")
    raw = base64.urlsafe_b64decode(mac + "=")
    loose = (
        mac[:-1]
        + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(mac[-1]) ^ 1
        ]
    )
    assert base64.urlsafe_b64decode(loose + "=") == raw  # the same MAC to a lenient decoder
    return [
        "", ".", "..", good + " ", " " + good, good + "\n", good + "=", good + "\0", good + ".", good[:-1], good + "A",
        f"2.{counter}.{mac}", f"01.{counter}.{mac}", f".{counter}.{mac}", f"1..{mac}", f"1.{counter}.",
        f"1.0{counter}.{mac}", f"1.+{counter}.{mac}", f"1.-{counter}.{mac}", f"1. {counter}.{mac}",
        f"1.{counter[:2]}_{counter[2:]}.{mac}", f"1.{counter}.0.{mac}", f"1.0x1.{mac}", f"1.1e9.{mac}",
        f"1.{FIRST:d}.{raw.hex()}", f"1.{counter}.{loose}", f"1.{counter}.{base64.b64encode(raw).decode()}",
        f"1.{2**64}.{mac}", f"1.{10**400}.{mac}", f"1.{''.join(chr(0x660 + int(d)) for d in counter)}.{mac}",
        "1." + "9" * 5_000_000, f"１.{counter}.{mac}",
    ]  # fmt: skip


@pytest.mark.parametrize("password", forms(), ids=range(len(forms())))
def test_only_the_one_form_is_a_token(desk: Desk, password: str):
    assert not desk.admits(password)
    assert desk.admits(made(FIRST))


def test_the_greatest_counter_is_the_last(desk: Desk):
    assert desk.admits(made(token.MAX_COUNTER))
    assert not desk.admits(made(token.MAX_COUNTER))


@pytest.mark.parametrize("mote", ["nobody", "Cellar", "cellar ", "", "__proto__", "cellar/up", "x" * 70_000])
def test_unknown_names_are_refused(desk: Desk, mote: str):
    assert not desk.admits(made(FIRST, KEY, mote), mote)


def test_client_id_of_another_is_refused_and_uses_up_nothing(desk: Desk):
    assert not desk.admits(made(FIRST), client_id="attic")
    assert not desk.admits(made(FIRST), client_id="")
    assert desk.admits(made(FIRST))


def test_zero_is_let_in_where_the_settings_say_static_and_nowhere_else(desk: Desk):
    for _ in range(3):
        assert desk.admits(made(0, KEY, "shed"), "shed")
        assert not desk.admits(made(0))
    assert not desk.admits(made(0, OTHER_KEY, "shed"), "shed")


def test_both_generations_are_let_in_while_a_rotation_is_under_way(desk: Desk):
    assert desk.admits(made(FIRST))
    desk.put({"cellar": Entry("cellar", (NEW_KEY, KEY))})
    assert desk.admits(made(FIRST + 1))
    assert desk.admits(made(FIRST + 2, NEW_KEY))
    assert not desk.admits(made(FIRST + 2, NEW_KEY))
    assert desk.admits(made(FIRST + 3)), "the new one was not kept: the mote goes on with the old"
    desk.put({"cellar": Entry("cellar", (NEW_KEY,))})
    assert not desk.admits(made(FIRST + 4))
    assert desk.admits(made(FIRST + 5, NEW_KEY))


def test_old_generations_token_that_was_held_back_is_refused_once_the_new_one_was_used(desk: Desk):
    desk.put({"cellar": Entry("cellar", (NEW_KEY, KEY))})
    held_back = made(FIRST + 1)
    assert desk.admits(made(FIRST + 2, NEW_KEY))
    assert not desk.admits(held_back)


def test_new_generations_token_that_was_held_back_is_refused_once_a_later_one_of_the_old_was_used(desk: Desk):
    desk.put({"cellar": Entry("cellar", (NEW_KEY, KEY))})
    held_back = made(FIRST + 1, NEW_KEY)  # it never came, so the mote tried its older key
    assert desk.admits(made(FIRST + 2))
    assert not desk.admits(held_back)
    assert desk.admits(made(FIRST + 3, NEW_KEY))
    desk.put({"cellar": Entry("cellar", (NEW_KEY,))})
    assert not desk.admits(held_back), "nor once the old one is gone"


def test_mote_provisioned_anew_counts_from_the_start_and_its_old_tokens_are_worth_nothing(desk: Desk):
    assert desk.admits(made(keys.connect_counter(70, 3)))
    desk.put({"cellar": Entry("cellar", (NEW_KEY,))})
    assert desk.admits(made(FIRST, NEW_KEY))
    assert not desk.admits(made(keys.connect_counter(70, 4)))
    desk.put({"cellar": Entry("cellar", (KEY,))})
    assert not desk.admits(made(keys.connect_counter(70, 3))), "taking a key back does not forget its counters"


def test_the_same_counter_of_two_motes_is_two_counters(desk: Desk):
    assert desk.admits(made(FIRST))
    assert desk.admits(made(FIRST, OTHER_KEY, "attic"), "attic")


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "null", '{"zone": "clear"}', '{"zone": "clear", "motes": []}', "[" * 100_000,
        '{"zone": "Clear", "motes": {}}', '{"zone": "clear", "motes": {}, "root": "00"}',
        '{"zone": "clear", "motes": {"cellar": {"keys": []}}}',
        '{"zone": "clear", "motes": {"cellar": {"keys": ["' + "01" * 31 + '"]}}}',
        '{"zone": "clear", "motes": {"cellar": {"keys": ["' + "zz" * 32 + '"]}}}',
        '{"zone": "clear", "motes": {"Cellar": {"keys": ["' + "01" * 32 + '"]}}}',
        '{"zone": "clear", "motes": {"cellar": {"keys": ["' + "01" * 32 + '"], "static": 1}}}',
    ],
)  # fmt: skip
def test_nobody_is_let_in_while_the_roster_cannot_be_read(desk: Desk, text: str):
    desk.path.write_text(text)
    assert not desk.admits(made(FIRST))
    desk.path.unlink()
    assert not desk.admits(made(FIRST))
    desk.put(ENTRIES)
    assert desk.admits(made(FIRST))


def test_who_is_added_or_taken_off_is_known_at_the_next_question(desk: Desk):
    assert not desk.admits(made(1, NEW_KEY, "porch"), "porch")
    for count in range(1, 20):
        desk.put({**ENTRIES, "porch": Entry("porch", (NEW_KEY,))})
        assert desk.admits(made(count, NEW_KEY, "porch"), "porch")
        desk.put(ENTRIES)
        assert not desk.admits(made(100 + count, NEW_KEY, "porch"), "porch")


def test_nothing_that_is_printed_or_logged_holds_a_key(desk: Desk):
    texts = [repr(desk.verifier.decide("cellar", "cellar", made(FIRST))), repr(Roster("clear", ENTRIES))]
    desk.path.write_text(Roster("clear", ENTRIES).to_json().replace('"zone"', '"zonk"'))
    texts.append(desk.verifier.decide("cellar", "cellar", made(FIRST)).why)
    for text in texts:
        assert KEY.hex() not in text
        assert repr(KEY)[2:-1] not in text


def test_tokens_of_an_independent_implementation_are_let_in_once(tmp_path: Path):
    published = json.loads(vectors("sealed/sealed_v1.json"))
    marks = Marks(tmp_path / "marks.db", create=True)
    key = bytes.fromhex(published["connect_key"])
    for each in published["tokens"]:
        mote, zone = each["mote"], each["zone"]
        roster.write(tmp_path / "roster.json", Roster(zone, {mote: Entry(mote, (key,))}))
        verifier = Verifier(RosterFile(tmp_path / "roster.json"), marks)
        assert verifier.decide(mote, mote, each["password"]).entry is not None, each
        assert verifier.decide(mote, mote, each["password"]).entry is None, each
    marks.close()
