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
from .rules import Mail

_TIMEOUT_S = 20.0
_TLS_PORT = 465
_NAMED = 50  # in one mail


def mailer(mail: Mail, fleet: str) -> Callable[[Sequence[Mapping[str, Any]]], None]:
    """What sends lines of alerts as one mail.

    It raises OSError, which SMTPException is, where it was not taken; nothing is sent where there is no TLS.
    """
    context = ssl.create_default_context(cafile=mail.ca)

    def send(lines: Sequence[Mapping[str, Any]]) -> None:
        message = written(mail, fleet, lines)
        if mail.port == _TLS_PORT:
            server: smtplib.SMTP = smtplib.SMTP_SSL(mail.host, mail.port, timeout=_TIMEOUT_S, context=context)
        else:
            server = smtplib.SMTP(mail.host, mail.port, timeout=_TIMEOUT_S)
        with server:
            if mail.port != _TLS_PORT:
                server.starttls(context=context)
            if mail.user is not None and mail.password is not None:
                server.login(mail.user, mail.password)
            server.send_message(message, mail.sender, mail.to)

    return send


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
