"""A link that signs its holder in once. The demo has no accounts: whoever reads its terminal is its owner."""

import hmac
import secrets
import threading
from collections.abc import Callable

from .accounts import ADMINISTRATOR, Account

_BYTES = 24


class Invitation:
    """One link at a time; `renewed` is told when one was used, and there is another. Any thread may ask."""

    def __init__(self, renewed: Callable[[], None] = lambda: None) -> None:
        self._lock = threading.Lock()
        self._token = secrets.token_urlsafe(_BYTES)
        self._renewed = renewed

    def link(self, url: str) -> str:
        """The link at `url`. What is behind the # a browser sends to nobody, so no log has it."""
        return f"{url}#sign-in={self._token}"

    def take(self, token: str) -> Account | None:
        """Whom the token signs in; None where it is not the one, or was used."""
        with self._lock:
            if not hmac.compare_digest(token.encode(errors="replace"), self._token.encode()):
                return None
            self._token = secrets.token_urlsafe(_BYTES)
        self._renewed()
        return Account("owner", ADMINISTRATOR, "")
