"""Keeping a session with the broker: joined, dialled, subscribed, drained, and begun again.

A failure of any of these is a failure of this channel: the link waits, longer each time and never
for the same time, and tries the same channel again. It never looks for another. Where there are several
brokers they are tried in order, over the same channel and with the same trust, before it waits. The network
has pauses of its own: a broker is not punished for an access point that is gone, nor the other way round.
"""

import asyncio
import gc
import time

from mote import const, failure, log, mqtt, uptime
from mote.backoff import Backoff, longest_ms
from mote.wifi import WifiError
from mote.wire import Wire, WireError

_STEP_MS = const(25)  # how long something composed may wait for the driving loop
WINDOW = const(4)  # messages in flight at once
_REFUSED_PAUSE_MS = const(60_000)  # the broker will not change its mind soon: do not hammer it
_MOST_FAILURES = const(9999)  # that are counted of each broker: a status has no room for more digits
_LOOK_MS = const(1000)  # how often a session looks whether its network is there
# Deadlines in which one message has to be acknowledged, whatever else is: all that can be before it may take one each.
_ROUNDS = const(4)
_TRIES = const(3)  # rounds in which nothing worked, after which a mote that is to sleep does so
_PACKET = const(1536)
PAYLOAD = const(1400)  # so that topic, ids and the answers composed meanwhile find room beside it


def word(error):
    """Return `error` in a word, with the number that the system or the broker gave it: nothing else from outside."""
    number = error.errno if isinstance(error, OSError) else getattr(error, "code", None)
    return type(error).__name__ if number is None else "%s %s" % (type(error).__name__, number)


class Ended(Exception):
    """The session was ended from this side, with a DISCONNECT."""


class Link:
    """The way to a broker and back for one mote.

    `protection` gives topics, payloads and passwords, `outbox` what is to be sent; `on_command(payload)` takes a
    downlink and must not raise; `status(connection)` returns the status map that is published once connected.
    """

    def __init__(self, settings, wifi, protection, tls, outbox, on_command, status):
        self._settings = settings
        self._wifi = wifi
        self._protection = protection
        self._tls = tls
        self._on_command = on_command
        self._status = status
        self._wire = Wire(_PACKET)
        self._failure = None
        self._subscribed = False
        self._ping_sent = None  # ticks of a ping that has no answer yet
        self._owed = None  # ticks since which a PUBACK is due
        self._heard = 0  # ticks of the last answer: what comes unasked is none, and a mote that heard it still pings
        self.outbox = outbox
        self._announced = False
        self.up = False  # between CONNACK and the end of a session
        self.connection = 0  # counts CONNECTs in this boot; each has its own password and will
        self.acknowledged = 0
        self.lost = None  # what ended the last session or try, in a word
        self._ending = False
        self._leaving = False
        self._records = 0  # that were acknowledged
        self._withheld = False  # the last session ended because an acknowledgement was due
        self._looked = 0
        self._tried = 0  # rounds in a row in which nothing was acknowledged
        self.proven = 0  # uptime in ms at which the broker last acknowledged something; 0 before it did
        self.starved = 0  # sessions in a row that ended for want of memory, with nothing acknowledged
        self.failures = [0] * len(settings.brokers)  # of each broker, in the order of the settings

    def send(self, leaf, payload, retain=False):
        """Queue the note `payload` for `leaf`; it is sent as soon as there is a session, before any record."""
        self.outbox.put(self._protection.topic(leaf), payload, retain, leaf == "state")

    def renew(self):
        """End the session, if there is one; the next has another will and password. The broker keeps no will of it."""
        self._ending = True

    async def finish(self, running, listen_ms):
        """Let `running`, which awaits `run`, send what there is, listen for `listen_ms` more, and take leave.

        After some deadlines' time, or a few rounds in which nothing worked, it is the end in any case; what the broker
        does not have then stays in the outbox.
        """
        timeout = self._settings.timeout_ms
        task = asyncio.create_task(running)
        begun = time.ticks_ms()
        idle_since = None
        longest = 4 * timeout + listen_ms
        while not task.done() and self._tried < _TRIES and time.ticks_diff(time.ticks_ms(), begun) < longest:
            if not self._announced or not self.outbox.empty:
                idle_since = None
            elif idle_since is None:
                idle_since = time.ticks_ms()
            elif time.ticks_diff(time.ticks_ms(), idle_since) >= listen_ms:
                break
            await asyncio.sleep_ms(_STEP_MS)
        self._ending = self._leaving = True
        if not self.up:
            task.cancel()  # there is nobody to take leave of
        try:
            await asyncio.wait_for_ms(task, timeout)
        except asyncio.CancelledError:
            pass
        except asyncio.TimeoutError:
            log.warn("link", "left without a DISCONNECT")

    async def run(self):
        """Keep a session until told to leave."""
        pause = Backoff(longest_ms(self._settings.watchdog_s))
        while not self._leaving:
            try:
                await self._wifi.join(self._settings.timeout_ms)  # which has pauses of its own
                await self._round(pause)
            except WifiError as error:
                self._tried += 1
                self.lost = word(error)
                log.warn("link", "no network:", error)
                continue
            if not self._leaving:
                await asyncio.sleep_ms(pause.pause_ms())

    async def _round(self, pause):
        """Try the brokers in order, until one has given a session or none has. Raises WifiError without a network."""
        held = False
        for place, broker in enumerate(self._settings.brokers):
            acknowledged, records = self.acknowledged, self._records
            self._withheld = False
            try:
                await self._session(broker)
            except Ended:
                pause.reset()
                return
            except mqtt.Refused as error:
                self.lost = word(error)
                log.warn("link", "not let in:", error)
                held = self._holds(error.code) or held
            except (OSError, ValueError, mqtt.MqttError, WireError, asyncio.TimeoutError) as error:
                # ValueError is what mbedTLS makes of a certificate with another name.
                self.lost = word(error)
                log.warn("link", "lost:", failure.words(error))
            except WifiError:
                raise
            except Exception as error:
                # A session may end as it likes, out of memory too; no peer can make this mote start anew.
                self.lost = word(error)
                log.error("link", "failed:", type(error).__name__)
                self.starved += isinstance(error, MemoryError)
                gc.collect()
            finally:
                self.up = self._announced = False
                self._wire.shut()
                self.outbox.disconnected()
            if not self._wifi.connected():
                raise WifiError("it is gone")
            self.failures[place] = min(self.failures[place] + 1, _MOST_FAILURES)
            if self._leaving:
                return
            # One that takes the status and leaves the records waiting has not worked: the next may take them.
            if self.acknowledged != acknowledged and not (self._withheld and self._records == records):
                pause.reset()  # this session had worked: begin again with the first
                self._tried = 0
                return
        self._tried += 1
        if held:
            pause.hold(_REFUSED_PAUSE_MS)

    def _holds(self, code):
        """Return whether asking again soon is of no use after a CONNECT that was refused with `code`."""
        if code == mqtt.UNAVAILABLE:
            return False  # an outage like any other
        if code in mqtt.NOT_ADMITTED:
            return not self._protection.refused()
        return True

    async def _session(self, broker):
        """One session with `broker`, from dialling to its failure, which is raised."""
        timeout = self._settings.timeout_ms
        log.debug("link", "dials", broker.host, broker.port)
        await self._wire.dial(broker.host, broker.port, timeout)
        client = await asyncio.wait_for_ms(self._greet(broker), timeout)
        self.up = True
        self._failure = None
        self._subscribed = False
        self._ping_sent = self._owed = None
        self._heard = self._looked = time.ticks_ms()
        reader = asyncio.create_task(self._listen(client))
        try:
            await self._drive(client)
        finally:
            reader.cancel()

    async def _greet(self, broker):
        """Secure the stream, CONNECT, and see CONNACK; return the client."""
        self._ending = self._leaving
        self.connection += 1
        mote_id = self._settings.mote
        password = self._protection.password(self.connection)
        client = mqtt.Client(
            self._wire,
            mote_id,
            broker.host,
            broker.port,
            None if password is None else mote_id.encode(),
            None if password is None else password.encode(),
            self._settings.keepalive_s,
            self._tls,
            self._arrived,
        )
        gone = self._status(self.connection, False)
        client.set_last_will(
            self._protection.topic("state"),
            self._protection.will(self.connection, gone),
            self._protection.retain_state,
            1,
        )
        client.send_connect()
        if self._tls is not None and not self._wire.secured:
            raise mqtt.MqttError("umqtt left the connection in the clear")  # nothing of it has been sent
        await self._wire.flush()
        code = client.take(await self._wire.receive(mqtt.CONNACK))[1]
        if code:
            raise mqtt.Refused(code)
        self._protection.accepted()
        where = "" if len(self._settings.brokers) == 1 else " with " + broker.host
        log.say("link", "connected, session %d" % self.connection + where)
        return client

    def _arrived(self, topic, payload):
        """umqtt's callback: the only subscription is this mote's own downlink."""
        if topic == self._protection.topic("down"):
            self._on_command(payload)

    async def _listen(self, client):
        """Take packets until one fails; the driving loop raises what went wrong."""
        try:
            while True:
                kind, value = client.take(await self._wire.receive())
                if kind == mqtt.PUBACK:
                    record = self.outbox.acknowledged(value)
                    if record is not None:
                        self._heard = time.ticks_ms()
                        self._records += record
                        self.acknowledged += 1
                        self.starved = 0
                        self.proven = uptime.ms()
                        self._owed = time.ticks_ms() if self.outbox.in_flight() else None
                elif kind == mqtt.SUBACK:
                    if not value:
                        raise mqtt.MqttError("the broker refuses the subscription to this mote's commands")
                    self._subscribed = True
                    self._heard = time.ticks_ms()
                elif kind == mqtt.PINGRESP:
                    if self._ping_sent is not None:  # one that nobody asked for proves nothing
                        self._heard = time.ticks_ms()
                        self.proven = uptime.ms()
                    self._ping_sent = None
                elif kind == mqtt.PUBLISH:
                    await self._wire.flush()  # its PUBACK
        except Exception as error:  # whatever it was, the session is over and says so
            self._wire.forget()
            self._failure = error

    async def _drive(self, client):
        """Send what is due and watch the deadlines, until the session fails."""
        timeout = self._settings.timeout_ms
        client.send_subscribe(self._protection.topic("down"), self.outbox.next_id())
        begun = time.ticks_ms()
        while True:
            if self._failure is not None:
                raise self._failure
            now = time.ticks_ms()
            self._watch(client, now, begun, timeout)
            if self._ending:
                client.disconnect()
                await asyncio.wait_for_ms(self._wire.flush(), timeout)
                raise Ended
            if self._subscribed and not self._announced:
                self._announced = True
                # No name for the map: it would be kept for as long as the session.
                told = self._protection.state(self._status(self.connection, True))
                self.send("state", told, self._protection.retain_state)
                told = None
            entry = self.outbox.due() if self._subscribed else None
            while entry is not None and self._failure is None:
                self._publish(client, entry)
                await asyncio.wait_for_ms(self._wire.flush(), timeout)
                entry = self.outbox.due()
            if self._wire.mark():
                await asyncio.wait_for_ms(self._wire.flush(), timeout)
            await asyncio.sleep_ms(_STEP_MS)

    def _publish(self, client, entry):
        """Compose the PUBLISH of `entry`; one that no packet can hold is dropped."""
        again = entry.packet_id != 0
        try:
            client.send_publish(entry.topic, entry.payload, entry.retain, self.outbox.number(entry), again)
        except WireError as error:
            log.warn("link", "dropped:", error)
            self.outbox.drop(entry)
            return
        self.outbox.sent(entry, uptime.ms())
        if self._owed is None:
            self._owed = time.ticks_ms()

    def _watch(self, client, now, begun, timeout):
        """Raise where the network is gone or the broker owes an answer for too long; ping when it has been quiet."""
        if time.ticks_diff(now, self._looked) > _LOOK_MS:
            self._looked = now
            if not self._wifi.connected():
                raise WifiError("it is gone")
            if self.outbox.overdue(uptime.ms() - _ROUNDS * timeout):
                self._withheld = True
                raise mqtt.MqttError("no acknowledgement of one message")
        if not self._subscribed and time.ticks_diff(now, begun) > timeout:
            raise mqtt.MqttError("no answer to SUBSCRIBE")
        if self._wire.receiving is not None and time.ticks_diff(now, self._wire.receiving) > timeout:
            raise mqtt.MqttError("a packet that does not end")
        if self._owed is not None and time.ticks_diff(now, self._owed) > timeout:
            self._withheld = True
            raise mqtt.MqttError("no acknowledgement")
        if self._ping_sent is not None:
            if time.ticks_diff(now, self._ping_sent) > timeout:
                raise mqtt.MqttError("no answer to a ping")
        elif time.ticks_diff(now, self._heard) > self._settings.keepalive_s * 500:
            client.ping()
            self._ping_sent = now
