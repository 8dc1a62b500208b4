"""TLS with a pre-shared key on this firmware: offered are suites of that key and no others."""

import tls

from mote import facts, psk


class Wire:
    """Keeps what it is secured with."""

    def secure(self, context, name):
        self.secured = (context, name)


def test_only_suites_of_the_key_are_offered():
    offered = psk.offered(tls.SSLContext(tls.PROTOCOL_TLS_CLIENT))
    assert offered
    assert all("PSK-WITH-" in suite and "CBC" not in suite for suite in offered)


def test_facts_ask_an_object_since_the_class_does_not_show_it():
    assert facts.measure(True).psk
    assert not hasattr(tls.SSLContext, "psk_key")


def test_certificates_stay_demanded_so_none_can_stand_in_for_the_key():
    wire = Wire()
    one = psk.Psk("localhost", "kitchen", bytes(32))
    assert one.wrap_socket(wire, "another name") is wire
    context, name = wire.secured
    assert context.verify_mode == tls.CERT_REQUIRED
    assert name == "localhost"
