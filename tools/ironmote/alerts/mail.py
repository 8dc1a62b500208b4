"""Alerts as mail, by a server that is verified: TLS from the first byte on port 465, STARTTLS on all others."""

import email.utils
import smtplib
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from email.message import EmailMessage
from typing import Any

from ..plain import plain
from .kinds import KINDS, SEVERITIES
from .limit import within
from .rules import Mail

_TIMEOUT_S = 20.0  # of each step
_LONGEST_S = 120.0  # of all of them
_TLS_PORT = 465
_NAMED = 50  # in one mail


def mailer(mail: Mail, fleet: str) -> Callable[[Sequence[Mapping[str, Any]]], None]:
    """What sends lines of alerts as one mail.

    It raises OSError, which SMTPException is, where it was not taken; nothing is sent where there is no TLS.
    """
    context = ssl.create_default_context(cafile=mail.ca)

    def send(lines: Sequence[Mapping[str, Any]]) -> None:
        message = written(mail, fleet, lines)
        begun: list[smtplib.SMTP] = []
        with within(_LONGEST_S, lambda: begun[0].sock if begun else None), _server(mail, context, begun) as server:
            if mail.port != _TLS_PORT:
                server.starttls(context=context)
            if mail.user is not None and mail.password is not None:
                server.login(mail.user, mail.password)
            server.send_message(message, mail.sender, mail.to)

    return send


class _Plain(smtplib.SMTP):
    """Puts itself into `begun` first of all: its maker has it only once the server has said something."""

    def __init__(self, begun: list[smtplib.SMTP], host: str, port: int) -> None:
        begun.append(self)
        super().__init__(host, port, timeout=_TIMEOUT_S)


class _Tls(smtplib.SMTP_SSL):
    """The same, inside TLS."""

    def __init__(self, begun: list[smtplib.SMTP], host: str, port: int, context: ssl.SSLContext) -> None:
        begun.append(self)
        super().__init__(host, port, timeout=_TIMEOUT_S, context=context)


def _server(mail: Mail, context: ssl.SSLContext, begun: list[smtplib.SMTP]) -> smtplib.SMTP:
    if mail.port == _TLS_PORT:
        return _Tls(begun, mail.host, mail.port, context)
    return _Plain(begun, mail.host, mail.port)


def written(mail: Mail, fleet: str, lines: Sequence[Mapping[str, Any]]) -> EmailMessage:
    """The mail. What motes and strangers chose is in its body, on one line each, but for the words of the first."""
    lasting = [line for line in lines if line["over"] is None]
    worst = max(lines, key=lambda line: (line["over"] is None, SEVERITIES.index(line["severity"])))
    more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
    state = "" if worst["over"] is None else "over: "
    message = EmailMessage()
    message["Subject"] = plain(f"[{fleet}] {state}{worst['mote'] or 'fleet'}: {worst['kind']}{more}")[:200]
    message["From"], message["To"] = mail.sender, ", ".join(mail.to)
    message["Date"], message["Message-ID"] = email.utils.formatdate(), email.utils.make_msgid(domain="ironmote.invalid")
    message["Auto-Submitted"] = "auto-generated"
    parts = [_words(line) for line in (*lasting, *(line for line in lines if line["over"] is not None))]
    if len(parts) > _NAMED:
        parts[_NAMED:] = [f"and {len(parts) - _NAMED} more: ironmote alerts"]
    message.set_content("\n\n".join(parts) + "\n")
    return message


def _words(line: Mapping[str, Any]) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(line["first"]))
    head = f"{line['severity']}: {line['mote'] or 'fleet'}, {line['kind']}, since {when}"
    if line["over"] is not None:
        head = f"over: {line['mote'] or 'fleet'}, {line['kind']}, from {when}"
    words = [head, plain(line["text"])]
    if line["count"] > 1:
        words.append(f"{line['count']} times")
    return "\n  ".join([*words, KINDS[line["kind"]].advice, f"ironmote alerts --acknowledge {line['id']}"])
