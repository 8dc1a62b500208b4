"""What a fleet has said, read from its gateway's store: values over time, states, commands, refusals; and as a file.

The gateway may run or not: its file or PostgreSQL is opened to read only, and there is no key of any mote in it.
"""

from .reader import Bucket, CommandSeen, History, Latest, Point, RefusalSeen, Status

__all__ = ["Bucket", "CommandSeen", "History", "Latest", "Point", "RefusalSeen", "Status"]
