"""How often one key may be used before another takes its place (RFC 9053, 4.2.1).

RFC 9053 asks for at most 2^23 messages under one AES-CCM key with a long tag. With the bounds of RFC 9001, B.2
(Jonsson's analysis of CCM), L = 264 blocks in the longest message (4,096 bytes and what is authenticated with
it), q messages sealed and v forged ones opened under one key:

    confidentiality   (2·L·q)^2 / 2^128              q = 2^20:          2^-69.9   (RFC 9001 is content with 2^-60)
    integrity         v / 2^128 + (2·L·(q+v))^2 / 2^128   v = q = 2^20:  2^-67.9   (RFC 9001 is content with 2^-57)

So both limits are an eighth of what RFC 9053 allows. At one message a second the first is reached in twelve
days; what follows is a new epoch, and so new keys, without a reboot.
"""

from mote import const

SEALS = const(1048576)  # 2^20 messages sealed under one key, then a new epoch begins
FAILURES = const(1048576)  # 2^20 failed openings, then the mote begins a new epoch and the gateway raises an alert
SPENT = const(4194304)  # 2^22: nothing is sealed beyond, whatever hindered the new epoch
