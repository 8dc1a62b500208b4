"""Rules in gateway.toml: which alerts do what.

    [[alert_rule]]
    severity = "warning"                   # at least; left out: all
    do = ["mail"]

    [[alert_rule]]
    kinds = ["clone"]
    motes = ["cellar", "attic"]            # left out: all
    do = ["webhook", "quarantine"]

    [webhook]
    url = "https://example.org/alerts"
    key_file = "webhook.key"               # in this folder, its owner's alone: what posts are signed with

    [mail]
    host = "smtp.example.org"              # STARTTLS on 587, or port = 465
    user = "greenhouse"
    password_file = "mail.password"
    from = "greenhouse@example.org"
    to = ["me@example.org"]

What takes something from a mote rests on evidence that nobody else can make: see `kinds.Kind.proven`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mote import schema

from .. import owner_check, secret_files
from ..gateway import reasons
from ..nearest import nearest
from .alert import Alert
from .kinds import INFO, KINDS, SEVERITIES, at_least

WEBHOOK, MAIL, QUARANTINE, REVOKE = "webhook", "mail", "quarantine", "revoke"
ACTIONS = (WEBHOOK, MAIL, QUARANTINE, REVOKE)
REVOKES = (reasons.CLONE,)  # nothing else proves that somebody else has a mote's key
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_MOST_RULES, _MOST_WORDS = 64, 64

_TEXT = (schema.TEXT, 1, 253)
_FILE = (schema.MAYBE, _TEXT)
_PORT = (schema.MAYBE, (schema.INT, 1, 65_535))
_RULE: dict[str, owner_check.Rule] = {
    "kinds": (schema.MAYBE, (schema.LIST, _MOST_WORDS, (schema.WORD, *sorted(KINDS)))),
    "severity": (schema.MAYBE, (schema.WORD, *SEVERITIES)),
    "motes": (schema.MAYBE, (schema.LIST, 1024, (schema.ID,))),
    "do": (schema.LIST, len(ACTIONS), (schema.TEXT, 1, 32)),
}
_WEBHOOK: dict[str, owner_check.Rule] = {
    "url": (schema.TEXT, 1, 1024),
    "key_file": _TEXT,
    "ca": _FILE,
}
_MAIL: dict[str, owner_check.Rule] = {
    "host": _TEXT,
    "port": _PORT,
    "user": _FILE,
    "password_file": _FILE,
    "from": _TEXT,
    "to": (schema.LIST, 16, _TEXT),
    "ca": _FILE,
}
# As gateway.settings has them.
TABLES: dict[str, owner_check.Rule] = {
    "alert_rule": (schema.MAYBE, (schema.LIST, _MOST_RULES, (schema.TABLE, None, _RULE))),
    "webhook": (schema.MAYBE, (schema.TABLE, None, _WEBHOOK)),
    "mail": (schema.MAYBE, (schema.TABLE, None, _MAIL)),
}


@dataclass(frozen=True)
class Rule:
    """Which alerts do what; empty `kinds` or `motes` are all."""

    kinds: frozenset[str]
    severity: str
    motes: frozenset[str]
    do: tuple[str, ...]

    def takes(self, alert: Alert) -> bool:
        """True where this rule is about `alert`."""
        return (
            (not self.kinds or alert.kind in self.kinds)
            and (not self.motes or alert.mote in self.motes)
            and at_least(alert.severity, self.severity)
        )


@dataclass(frozen=True)
class Webhook:
    """Where alerts are posted. `ca` None is what this computer trusts."""

    url: str
    key: bytes = field(repr=False)
    ca: Path | None = None


@dataclass(frozen=True)
class Mail:
    """Where alerts are mailed. Without a user it does not sign in."""

    host: str
    port: int
    sender: str
    to: tuple[str, ...]
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None


@dataclass(frozen=True)
class Rules:
    """All of it."""

    rules: tuple[Rule, ...] = ()
    webhook: Webhook | None = None
    mail: Mail | None = None

    def strangers(self, motes: Collection[str]) -> list[str]:
        """What is to be said of rules that name none of `motes`: they never apply. A line for each name."""
        named = sorted({name for rule in self.rules for name in rule.motes} - set(motes))
        return [f"alert_rule: no mote is called {name}{nearest(name, motes)}" for name in named]

    def actions(self, alert: Alert) -> list[str]:
        """What is to be done about `alert`, each once."""
        return list(dict.fromkeys(action for rule in self.rules if rule.takes(alert) for action in rule.do))


def read(tables: Mapping[str, Any], folder: Path, check: owner_check.Check) -> Rules:
    """The rules in checked tables of the file in `folder`; what is wrong is noted in `check`."""
    rules = []
    for number, each in enumerate(tables.get("alert_rule") or ()):
        rules.append(_rule(each, tables, ("alert_rule", number), check))
    webhook, mail = tables.get("webhook"), tables.get("mail")
    return Rules(
        tuple(rules),
        None if webhook is None else _webhook(webhook, folder, check),
        None if mail is None else _mail(mail, folder, check),
    )


def _rule(table: Mapping[str, Any], tables: Mapping[str, Any], at: owner_check.Path, check: owner_check.Check) -> Rule:
    named: Sequence[str] = table.get("kinds") or ()
    for action in table["do"]:
        if action == "rotate":
            words = "the gateway has no root keys, so it cannot; an alert says when to run ironmote rotate"
            check.fail((*at, "do"), words)
        elif action not in ACTIONS:
            check.fail((*at, "do"), f"one of {', '.join(ACTIONS)}{nearest(action, ACTIONS)}")
        elif action in (WEBHOOK, MAIL) and not tables.get(action):
            check.fail((*at, "do"), f"{action} needs the table [{action}]")
        may = {REVOKE: REVOKES, QUARANTINE: tuple(name for name, kind in KINDS.items() if kind.proven)}.get(action)
        if may is not None and (not named or set(named) - set(may)):
            words = f"{action} takes something from a mote, so the rule names its kinds, of {', '.join(sorted(may))}"
            check.fail((*at, "kinds"), f"{words}: all others a stranger can cause")
    if not table["do"]:
        check.fail((*at, "do"), f"at least one of {', '.join(ACTIONS)}")
    return Rule(
        frozenset(named), table.get("severity") or INFO, frozenset(table.get("motes") or ()), tuple(table["do"])
    )


def _webhook(table: Mapping[str, Any], folder: Path, check: owner_check.Check) -> Webhook:
    parts = urlsplit(table["url"])
    near = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not (parts.scheme == "https" or near) or not parts.hostname or parts.username or parts.password:
        check.fail(("webhook", "url"), "an address that begins with https:// and has no password in it")
    key = _secret(table["key_file"], folder, ("webhook", "key_file"), check)
    if key is not None and len(key) < 16:
        check.fail(("webhook", "key_file"), "a key of 16 characters or more, such as openssl rand -hex 32 gives")
    return Webhook(table["url"], (key or "").encode(), _file(table.get("ca"), folder, ("webhook", "ca"), check))


def _mail(table: Mapping[str, Any], folder: Path, check: owner_check.Check) -> Mail:
    for where in ("from", "to"):
        for each in [table[where]] if where == "from" else table[where]:
            if "@" not in each or not each.isprintable() or any(letter in each for letter in " ,<>"):
                check.fail(("mail", where), "an address such as me@example.org, and nothing else")
    if not table["to"]:
        check.fail(("mail", "to"), "at least one address")
    user, password = table.get("user"), None
    if (user is None) is not (table.get("password_file") is None):
        check.fail(("mail", "user"), "goes with password_file: both, or neither")
    elif user is not None:
        password = _secret(table["password_file"], folder, ("mail", "password_file"), check)
    ca = _file(table.get("ca"), folder, ("mail", "ca"), check)
    return Mail(table["host"], table.get("port") or 587, table["from"], tuple(table["to"]), user, password, ca)


def _secret(name: str, folder: Path, at: owner_check.Path, check: owner_check.Check) -> str | None:
    try:
        return secret_files.read_line(folder / name)
    except FileNotFoundError:
        check.fail(at, f"there is no {folder / name}")
    except (OSError, ValueError) as error:
        check.fail(at, str(getattr(error, "strerror", None) or error))
    return None


def _file(name: str | None, folder: Path, at: owner_check.Path, check: owner_check.Check) -> Path | None:
    if name is None:
        return None
    if not (folder / name).is_file():
        check.fail(at, f"there is no {folder / name}")
    return folder / name
