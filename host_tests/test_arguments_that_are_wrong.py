"""What is wrong on the command line is one line that says what would be right, and status 2."""

import subprocess
import sys

import pytest


def ironmote(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "ironmote", *arguments], capture_output=True, text=True, timeout=30, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "COMMAND is missing; ironmote --help lists what there is"),
        (("dem",), "COMMAND: no 'dem'; did you mean demo?"),
        (("x",), "COMMAND: no 'x'; there are demo, "),
        (("demo", "--brokr", "nats"), "demo: there is no option '--brokr'; did you mean --broker?"),
        (("demo", "--brokr=nats"), "demo: there is no option '--brokr'; did you mean --broker?"),
        (("demo", "--broker", "mosquito"), "demo: --broker: no 'mosquito'; did you mean mosquitto?"),
        (("demo", "--broker", "x"), "no 'x'; there are nats, mosquitto; ironmote demo --help lists what there is"),
        (("demo", "--channel", "tls-pks"), "demo: --channel: no 'tls-pks'; did you mean tls-psk?"),
        (("demo", "--xyzzy"), "demo: there is no option '--xyzzy'; ironmote demo --help lists what there is"),
        (("demo", "office.csv"), "demo: 'office.csv' is one word too many; ironmote demo --help lists what there is"),
        (("demo", "--motes", "99"), "demo: --motes: '99' is not a whole number from 1 to 64"),
        (("demo", "--replay"), "demo: --replay: expected one argument"),
        (("demo", "a\n\x1b[2Jb"), r"'a\n\x1b[2Jb' is one word too many"),
        (("demo", "--broker", "\x1b[2J\n"), r"no '\x1b[2J\n'; there are nats, mosquitto"),
        (("authenticator",), "authenticator: FILE.toml is missing"),
        (("authenticator", "site.toml", "--nwe"), "authenticator: there is no option '--nwe'; did you mean --new?"),
    ],
)
def test_wrong_word_is_one_line_with_the_nearest_right_one(arguments: tuple[str, ...], said: str):
    status, out, errors = ironmote(*arguments)
    assert (status, out) == (2, "")
    assert errors.startswith("ironmote: ")
    assert said in errors
    assert errors.count("\n") == 1
    assert errors.isascii()


def test_help_and_version_are_no_errors():
    for arguments, words in (
        (("--help",), "commands:"),
        (("demo", "--help"), "--broker"),
        (("--version",), "ironmote"),
    ):
        status, out, errors = ironmote(*arguments)
        assert (status, errors) == (0, "")
        assert words in out
