"""What a field of the settings takes, as rules of a few words each, and the check of a value against its rule.

Rules are tuples of a kind and what it takes. Closures would read better and take three times the heap.
"""

from mote import const, record, topics

INT = const(0)  # lowest, highest
TEXT = const(1)  # shortest, longest
WORD = const(2)  # the words
BYTES = const(3)  # fewest, most
FLAG = const(4)
NUMBER = const(5)  # lowest, highest
ID = const(6)
NAME = const(7)
NAMES = const(8)  # a map from what a sensor measures to the name under which it is reported
TABLE = const(9)  # namedtuple, its rules
LIST = const(10)  # most, the rule of each
MAYBE = const(11)  # the rule of what may be null, or left out of a table
SOME = const(12)  # most, the rule of each: one, or a list of at least one
IP = const(13)
PART = const(14)  # class, what all of it need, what each kind needs besides, or None where there are no kinds


class SettingsError(ValueError):
    """The settings cannot be used; the text names the field and what it takes."""

    def __init__(self, field, words):
        super().__init__("%s: %s" % (field, words))
        self.field = field


def fail(field, words):
    """Raise SettingsError."""
    raise SettingsError(field, words)


def optional(rule):
    """Set what a PART may leave out to None in its class, so that what is left out takes no memory; return `rule`."""
    for rules in (rule[2],) + tuple((rule[3] or {}).values()):
        for name in rules:
            if rules[name][0] == MAYBE:
                setattr(rule[1], name, None)
    return rule


def _between(value, rule):
    """True where `value` is a number, no bool, within the rule; a NaN is in no range."""
    return not isinstance(value, bool) and isinstance(value, (int, float)) and rule[1] <= value <= rule[2]


def check(value, rule, field):
    """Return `value` as the settings hold it. Raises SettingsError."""
    kind = rule[0]
    if kind == MAYBE:
        return None if value is None else check(value, rule[1], field)
    if kind == TABLE:
        return _table(value, rule, field)
    if kind == SOME and isinstance(value, dict):
        return [check(value, rule[2], field)]
    if kind in (LIST, SOME):
        if not isinstance(value, (list, tuple)) or len(value) > rule[1] or (kind == SOME and not value):
            fail(field, "a list of at most %d" % rule[1])
        return [check(item, rule[2], "%s[%d]" % (field, i)) for i, item in enumerate(value)]
    if kind == NAMES:
        return _names(value, field)
    if kind == PART:
        return _part(value, rule, field)
    words = _wrong(value, kind, rule)
    if words:
        fail(field, words)
    return value


def _wrong(value, kind, rule):
    """Return what a field of `rule` takes where `value` is not that, else None."""
    if kind == INT:
        if not isinstance(value, int) or not _between(value, rule):
            return "a whole number from %d to %d" % rule[1:]
    elif kind == NUMBER:
        if not _between(value, rule):
            return "a number from %s to %s" % rule[1:]
    elif kind == FLAG:
        if not isinstance(value, bool):
            return "true or false"
    elif kind == WORD:
        if not isinstance(value, str) or value not in rule[1:]:
            return "one of " + ", ".join(rule[1:])
    elif kind == TEXT:
        if not record.is_text(value, rule[2]) or len(value) < rule[1]:
            return "a text of %d to %d characters" % rule[1:]
    elif kind == BYTES:
        if not isinstance(value, bytes) or not rule[1] <= len(value) <= rule[2]:
            return "%d to %d bytes" % rule[1:]
    elif kind == NAME:
        if not record.is_name(value):
            return "a name of 1 to 32 letters, digits and _.:/-"
    elif kind == IP:
        if not _is_ip(value):
            return "an address such as 192.168.1.20"
    elif not topics.is_id(value):
        return "1 to 23 of a-z, 0-9 and -"
    return None


def _is_ip(value):
    """True where `value` is an IPv4 address in decimal."""
    if not record.is_text(value, 15):
        return False
    parts = value.split(".")
    for part in parts:
        if not 0 < len(part) <= 3 or not all("0" <= letter <= "9" for letter in part) or int(part) > 255:
            return False
    return len(parts) == 4


def _table(value, rule, field):
    """Return the namedtuple of the rule, from a map with exactly its fields; what may be null may be missing."""
    rules = rule[2]
    if not isinstance(value, dict):
        fail(field, "a table")
    for name in value:
        if not isinstance(name, str) or name not in rules:
            fail("%s.%s" % (field, name), "no such setting")
    found = {}
    for name in rules:
        if name not in value and rules[name][0] != MAYBE:
            fail("%s.%s" % (field, name), "is missing")
        found[name] = check(value.get(name), rules[name], "%s.%s" % (field, name))
    return rule[1](**found)


def _names(value, field):
    """Return the map from what a sensor measures to the name under which it is reported."""
    if not isinstance(value, dict) or not value:
        fail(field, "a table from what is measured to a name")
    for quantity in value:
        if not isinstance(quantity, str) or quantity not in record.UNITS:
            fail("%s.%s" % (field, quantity), "one measures " + ", ".join(sorted(record.UNITS)))
        check(value[quantity], (NAME,), "%s.%s" % (field, quantity))
    return value


def _part(value, rule, field):
    """Return an object of the rule's class with what its kind needs and nothing else, as attributes."""
    rules = rule[2]
    if rule[3]:
        if not isinstance(value, dict):
            fail(field, "a table")
        kind = value.get("kind")
        if not isinstance(kind, str) or kind not in rule[3]:
            fail(field + ".kind", "one of " + ", ".join(sorted(rule[3])))
        rules = dict(rules)
        rules.update(rule[3][kind])
    found = _table(value, (TABLE, dict, rules), field)
    made = rule[1]()
    for name in found:
        if found[name] is not None:
            setattr(made, name, found[name])
    return made
