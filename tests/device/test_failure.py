"""Each way to fail has its word, and what is not known is said as it is."""

import asyncio
from errno import ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ENOMEM, ETIMEDOUT

from mote import failure
from mote.wire import Unresolved, WireError


def test_each_failure_has_its_word():
    for error, word in (
        (Unresolved(-202), "not resolved"),
        (Unresolved(-2), "not resolved"),
        (OSError(ECONNREFUSED), "nobody listens"),
        (OSError(ECONNRESET), "closed the connection"),
        (OSError(EHOSTUNREACH), "no way there"),
        (OSError(ETIMEDOUT), "no answer in time"),
        (OSError(ENOMEM), "not enough memory"),
        (asyncio.TimeoutError(), "no answer in time"),
        (OSError(-0x2700, "MBEDTLS_ERR_X509_CERT_VERIFY_FAILED"), "not one to trust"),
        (OSError(-0x7200), "is not TLS"),
        (OSError(-0x7180), "keys do not match"),
        (OSError(-0x7F00), "not enough memory"),
        (ValueError("\nThe certificate is not correctly signed by the trusted CA\n"), "not one to trust"),
        (ValueError("\nThe certificate validity has expired\n"), "has expired"),
        (ValueError("\nThe certificate validity starts in the future\n"), "not valid yet"),
        (ValueError("The certificate Common Name (CN) does not match with the expected CN"), "another name"),
    ):
        said = failure.words(error)
        assert word in said, said
        assert said.endswith(repr(error)), said


def test_what_is_not_known_is_said_as_it_is():
    for error in (OSError(), OSError(4242), OSError(-0x1234), ValueError("x"), WireError("no")):
        assert failure.words(error) == repr(error)
