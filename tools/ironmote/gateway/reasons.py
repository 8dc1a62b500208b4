"""Why a message was refused, in a word each: what an alert is made of.

What proves something is behind a seal that verified; all else anyone can bring about who reaches the broker.
"""

STRAY = "stray"  # a topic, or a service of MQTT, that no mote uses
UNKNOWN = "unknown-mote"
REVOKED = "revoked-mote"
FORGED = "forged"  # it does not verify
FORGED_WILL = "forged-will"  # a will that does not verify, or was taken before
REPLAY = "replay"  # its number was taken before; looked at before the seal is
LESSER = "lesser-channel"  # where only motes of a lesser channel publish
UNREADABLE = "unreadable"  # a mistake of ours that a message has found
GUESSING = "guessing"  # so many do not verify that somebody is trying keys

# What verified, and yet cannot be right.
CLONE = "clone"
SET_BACK = "set-back"
OTHER_CHANNEL = "other-channel"
MALFORMED = "malformed"
CONFLICT = "conflict"  # another record under a number that is taken
