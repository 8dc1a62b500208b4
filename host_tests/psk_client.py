"""Runs under MicroPython: `micropython psk_client.py <plan.json>`; CPython 3.11 has no TLS with pre-shared keys.

Connects with an identity and a key, sends packets composed by the test, and prints what comes back, in hexadecimal.
"""

import json
import select
import socket
import sys
import time

import tls

with open(sys.argv[1]) as file:
    plan = json.load(file)
context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
context.psk_key = bytes.fromhex(plan["key"])
context.psk_identity = plan["identity"]
raw = socket.socket()
raw.connect(socket.getaddrinfo("127.0.0.1", plan["port"])[0][-1])
try:
    secured = context.wrap_socket(raw, server_hostname="localhost")
except OSError as error:
    print("refused", error.errno)
    sys.exit(0)
print("secured", secured.cipher())
for packet in plan["packets"]:
    secured.write(bytes.fromhex(packet))
secured.setblocking(False)
poll = select.poll()
poll.register(secured, select.POLLIN)
end = time.ticks_add(time.ticks_ms(), plan["ms"])
while time.ticks_diff(end, time.ticks_ms()) > 0:
    if poll.poll(50):
        data = secured.read(4096)
        if data == b"":
            print("closed")
            break
        if data:
            print("got", data.hex())
