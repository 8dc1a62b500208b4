"""The authenticator: it verifies the CONNECT tokens of motes that speak without TLS, for brokers that ask.

It holds connect keys only. `token`, `verifier` and `callout` decide; `roster`, `marks` and `nkey` are what they
decide from; `service` (NATS) and `http_form` carry questions and answers; `process` puts one of each together.
"""
