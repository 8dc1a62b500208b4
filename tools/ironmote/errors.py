"""What can go wrong on the host, in words for a person.

Exception
└── IronmoteError          one line that says what happened and what to do; the command line prints it and exits
    ├── UsageError         the command line was given what it does not know
    ├── MissingTool        a program or package that ironmote needs is not here
    ├── BrokerError        a broker did not start, stopped on its own, or cannot do what the fleet needs
    ├── CompileError       a device file is not valid MicroPython
    └── BoardError         a board, real or simulated, did not do what it was asked
"""


class IronmoteError(Exception):
    """A failure that a person can act on. Its text is one line; it never holds a secret."""

    exit_code = 1


class UsageError(IronmoteError):
    """The words after the command's name are not right."""

    exit_code = 2


class MissingTool(IronmoteError):
    """A program or package that is needed is not installed; the text says how to get it."""


class BrokerError(IronmoteError):
    """A broker did not start, ended on its own, or cannot serve a mote of the fleet."""


class CompileError(IronmoteError):
    """A device file could not be compiled for MicroPython."""


class BoardError(IronmoteError):
    """A board, real or simulated, did not do what it was asked."""
