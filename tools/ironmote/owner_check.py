"""What an owner writes into a mote's file, checked field by field against the rules that the device has.

The device stops at the first error, which is all that it needs. Here all are found, each with its path, the nearest
valid word, and what people write more easily than the device reads: bytes as hex, times of the day as "07:30".
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from mote import record, schema

from .nearest import nearest

Rule = tuple[Any, ...]
# From the outermost: names of tables, and numbers from 0 in arrays.
Path = tuple[str | int, ...]

_SECRET = ("password", "passphrase", "psk", "key", "secret")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_TIMES = "times"


class Check:
    """Collects what is wrong, as pairs of a path and words."""

    def __init__(self) -> None:
        self.errors: list[tuple[Path, str]] = []

    def fail(self, path: Path, words: str) -> None:
        """Note an error."""
        self.errors.append((path, words))

    def table(
        self, value: Any, rules: Mapping[str, Rule], path: Path, needed: Iterable[str] | None = None
    ) -> dict[str, Any]:
        """The fields of the table `value` in the form that the device reads; those that are wrong are left out.

        `needed` are those that must be there, by default all that the rules do not let be left out.
        """
        if not isinstance(value, dict):
            self.fail(path, "a table")
            return {}
        for name in value:
            if name not in rules:
                self.unknown((*path, name), rules)
        for name in needed if needed is not None else (name for name, rule in rules.items() if rule[0] != schema.MAYBE):
            if name not in value:
                self.fail((*path, name), "is missing")
        return {name: self.value(value[name], rule, (*path, name)) for name, rule in rules.items() if name in value}

    def unknown(self, path: Path, words: Iterable[str]) -> None:
        """Note that the last of `path` is none of `words`."""
        name = str(path[-1])
        if any(each in name.lower() for each in _SECRET):
            self.fail(path, "no such setting; secrets are in the key store, never in this file")
        else:
            self.fail(path, f"no such setting{nearest(name, words)}")

    def value(self, value: Any, rule: Rule, path: Path) -> Any:
        """`value` in the form that the device reads."""
        kind = rule[0]
        if kind == schema.MAYBE:
            return self.value(value, rule[1], path)
        if kind == schema.TABLE:
            return self.table(value, rule[2], path)
        if kind == schema.PART:
            return self._part(value, rule, path)
        if kind in (schema.LIST, schema.SOME) and isinstance(value, list) and len(value) <= rule[1]:
            if path[-1] == _TIMES:
                value = [self._timed(each, (*path, number)) for number, each in enumerate(value)]
            return [self.value(each, rule[2], (*path, number)) for number, each in enumerate(value)]
        if kind == schema.LIST and rule[2][0] in (schema.PART, schema.TABLE) and isinstance(value, dict):
            self.fail(path, f"one table for each: write [[{path[-1]}]], with two brackets")
            return []
        if kind == schema.NAMES and isinstance(value, dict):
            return self._names(value, path)
        if kind == schema.BYTES and isinstance(value, str):
            value = self._bytes(value)
        return self._plain(value, rule, path)

    def _part(self, value: Any, rule: Rule, path: Path) -> dict[str, Any]:
        rules, kinds = rule[2], rule[3]
        if kinds and isinstance(value, dict):
            kind = value.get("kind")
            if not isinstance(kind, str) or kind not in kinds:
                near = nearest(kind, kinds) if isinstance(kind, str) else "; it is missing" if kind is None else ""
                self.fail((*path, "kind"), f"one of {', '.join(sorted(kinds))}{near}")
                return {}
            rules = rules | kinds[kind]
        return self.table(value, rules, path)

    def _names(self, value: dict[str, Any], path: Path) -> dict[str, Any]:
        if not value:
            self.fail(path, "a table from what is measured to a name")
        for quantity in value:
            if quantity not in record.UNITS:
                near = nearest(quantity, record.UNITS)
                self.fail((*path, quantity), "one measures " + ", ".join(sorted(record.UNITS)) + near)
        return {quantity: self._plain(name, (schema.NAME,), (*path, quantity)) for quantity, name in value.items()}

    def _timed(self, pair: Any, path: Path) -> Any:
        """A pair that begins with a time of the day, with the minute of the day in its place."""
        if not isinstance(pair, list) or not pair or not isinstance(pair[0], str):
            return pair
        found = _TIME.fullmatch(pair[0])
        if not found:
            self.fail((*path, 0), 'a time of the day such as "07:30"')
            return [0, *pair[1:]]
        return [60 * int(found[1]) + int(found[2]), *pair[1:]]

    @staticmethod
    def _bytes(text: str) -> bytes | None:
        try:
            return bytes.fromhex(text)
        except ValueError:
            return None

    def _plain(self, value: Any, rule: Rule, path: Path) -> Any:
        try:
            schema.check(value, rule, "")
        except schema.SettingsError as error:
            words = str(error).partition(": ")[2]
            if rule[0] == schema.BYTES:
                words += ' in hex, such as "28ff641e0f160345"'
            if rule[0] == schema.WORD and isinstance(value, str):
                words += nearest(value, rule[1:])
            self.fail(path, words)
        return value
