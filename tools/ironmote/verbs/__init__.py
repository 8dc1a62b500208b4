"""The verbs of the command line, a module each: `COMMAND` says what there is to say, `run` imports the rest."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """One subcommand: `options` adds its arguments, `run` does it and returns the exit status.

    `examples` are pairs of a command line and what it does.
    """

    name: str
    about: str
    examples: Sequence[tuple[str, str]]
    options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
