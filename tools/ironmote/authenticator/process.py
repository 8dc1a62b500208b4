"""One authenticator process: `ironmote authenticator FILE`."""

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import nats

from ..errors import IronmoteError
from . import configuration, nkey
from .http_form import HttpForm
from .marks import Marks
from .roster import RosterFile
from .service import Service
from .tally import Tally
from .verifier import Verifier

READY = "authenticator ready"


def run(path: Path, new: bool = False) -> int:
    """Serve what the file at `path` says until interrupted. `new` makes the file of counters where there is none.

    Raises IronmoteError where it cannot begin.
    """
    _log_to_stderr()
    told = configuration.load(path)
    roster = RosterFile(told.roster)
    with contextlib.ExitStack() as stack:
        marks = Marks(told.state, create=new)
        stack.callback(marks.close)
        tally = Tally(told.state)
        tally.start()
        stack.callback(tally.stop)
        verifier = Verifier(roster, marks, tally.refused)
        where = []
        if told.http is not None:
            try:
                http = HttpForm(roster, verifier, told.http.host, told.http.port)
            except OSError as error:
                raise IronmoteError(f"cannot listen on {told.http.host}:{told.http.port}: {error.strerror}") from error
            stack.callback(http.stop)
            http.start()
            where.append(f"http://{told.http.host}:{http.port}/auth")
        if told.nats is not None:
            where.append("NATS")
        said = f"{READY} for {roster.current().zone}: {', '.join(where)}"
        asyncio.run(_serve(told, roster, verifier, lambda: print(said, file=sys.stderr, flush=True)))
    return 0


def _log_to_stderr() -> None:
    """Our own words only: what libraries say of connections that end is no event here."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    logger = logging.getLogger(__package__)
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    logger.propagate = False
    logging.getLogger("asyncio").setLevel(logging.ERROR)


async def _serve(
    told: configuration.Configuration, roster: RosterFile, verifier: Verifier, on_ready: Callable[[], None]
) -> None:
    if told.nats is None:
        on_ready()
        await asyncio.Event().wait()
        return
    try:
        await Service(told.nats, roster, verifier).run(on_ready)
    except nkey.NkeyError as error:
        raise IronmoteError("nats.issuer is not the seed of an account") from error
    except (nats.errors.Error, OSError) as error:
        raise IronmoteError(f"cannot reach NATS: {error}") from error
