"""Listens to an MQTT broker and records what paired devices tell.

No message is lost when this process or the database stops: the broker keeps the session of a fixed identifier, sends
with QoS 1, and a message is acknowledged only after what it counted has been committed. What is delivered twice changes
nothing. One process listens at a time, whoever else is started: the right to it is a lock in Postgres.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote, urlsplit

import aiomqtt

from domain.footprint.devices import SHELLIES, TOPIC_ROOT, MeterDeviceKind, PairedDevice, split_topic
from infra.capture.live import shelly, shelly_gen1, tasmota, zigbee2mqtt
from infra.capture.live.home_assistant import HomeAssistantReader
from infra.capture.live.sample import BadPayload, Sample
from infra.postgres.connection import is_unavailable
from infra.postgres.device_readings import DeviceReadings, Told
from infra.postgres.devices import PostgresDevices
from infra.tasks import end_task

IDENTIFIER = "gramme"
TOPICS = (f"{TOPIC_ROOT}/+/#", f"{SHELLIES}/+/#")
BATCH_MAX = 1_000
KNOWN_MAX = 50_000
KNOWN_SECONDS = 30
RECONNECT_SECONDS = 2
SETTLE_SECONDS = 900
FIRST_SETTLE_SECONDS = 60
"""After a start what waited at the broker comes first."""
CLOCK_GRACE = timedelta(minutes=1)
DELAY_MAX = timedelta(days=7)
"""A device's own time is believed back to this long before its message came: a broker may have kept it."""
MQTT_PORT, MQTTS_PORT = 1883, 8883

logger = logging.getLogger(__name__)

Read = Callable[[str, bytes], list[Sample]]


@dataclass(frozen=True, slots=True)
class Broker:
    """Where GRAMME_MQTT_URL points: mqtt://user:password@host:port, or mqtts:// with TLS."""

    host: str
    port: int
    username: str | None
    password: str | None
    is_secure: bool

    @staticmethod
    def of(url: str) -> "Broker":
        """Raises ValueError for what is no such address."""
        parts = urlsplit(url)
        if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
            raise ValueError("write mqtt://host:port or mqtts://user:password@host:port")
        secure = parts.scheme == "mqtts"
        username = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else None
        return Broker(parts.hostname, parts.port or (MQTTS_PORT if secure else MQTT_PORT), username, password, secure)


class _Session(aiomqtt.Client):
    """A client whose messages are acknowledged one by one, by us."""

    def __init__(self, broker: Broker, identifier: str) -> None:
        super().__init__(
            broker.host,
            broker.port,
            username=broker.username,
            password=broker.password,
            identifier=identifier,
            clean_session=False,
            tls_context=ssl.create_default_context() if broker.is_secure else None,
        )
        self._client.manual_ack_set(True)

    async def take(self, limit: int) -> list[aiomqtt.Message]:
        """The messages that wait, at most `limit`; waits for the first. Raises MqttError where the line is cut."""
        taken = [await anext(self.messages)]
        while len(taken) < limit and self._queue.qsize():
            taken.append(self._queue.get_nowait())
        return taken

    def acknowledge(self, messages: Sequence[aiomqtt.Message]) -> None:
        for message in messages:
            self._client.ack(message.mid, message.qos)


class LiveListener:
    def __init__(
        self, devices: PostgresDevices, readings: DeviceReadings, broker: Broker, identifier: str = IDENTIFIER
    ) -> None:
        self._devices = devices
        self._readings = readings
        self._broker = broker
        self._identifier = identifier
        self._known: dict[str, PairedDevice | None] = {}
        self._known_since = 0.0
        self._homes: dict[str, HomeAssistantReader] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.readings = 0
        """Committed so far."""

    async def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._listen(), name="mqtt"),
            asyncio.create_task(self._settle(), name="mqtt-days"),
        ]

    async def close(self) -> None:
        await asyncio.gather(*(end_task(task) for task in self._tasks))

    async def _listen(self) -> None:
        """Connects for as long as the server runs. What was not acknowledged comes again with the next connection."""
        while True:
            try:
                async with self._readings.alone() as holds:
                    if holds is not None:
                        await self._take_turns(holds)
            except aiomqtt.MqttError as error:
                logger.warning("the broker is away: %s", error)
            except Exception as error:
                if not is_unavailable(error):
                    logger.exception("messages of devices could not be recorded")
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _take_turns(self, holds: Callable[[], bool]) -> None:
        """Messages in, readings committed, messages acknowledged, for as long as the right to listen holds."""
        async with _Session(self._broker, self._identifier) as session:
            for topic in TOPICS:
                await session.subscribe(topic, qos=1)
            logger.info("listening to the broker at %s:%d", self._broker.host, self._broker.port)
            while holds():
                messages = await session.take(BATCH_MAX)
                await self.handle(messages)
                session.acknowledge(messages)

    async def handle(self, messages: Sequence[aiomqtt.Message]) -> None:
        """Commits what these messages tell. A message that cannot be read is let go: it would be no better later."""
        arrived_at = datetime.now(UTC)
        found = [(split_topic(str(message.topic)), message.payload) for message in messages]
        await self._look_up({topic[0] for topic, _payload in found if topic})
        told: list[Told] = []
        for topic, payload in found:
            device = self._known.get(topic[0]) if topic else None
            if topic and device is not None and isinstance(payload, bytes):
                told.extend(self._told(device, topic[1], payload, arrived_at))
        if told:
            self.readings += await self._readings.record(told)

    def _told(self, device: PairedDevice, topic: str, payload: bytes, arrived_at: datetime) -> list[Told]:
        try:
            samples = self._reader_of(device)(topic, payload)
        except BadPayload as error:
            logger.info("a message of device %s cannot be read: %s", device.id, error)
            return []
        return [
            Told(
                device,
                f"{device.name} {sample.device} {device.key[:6]}",
                sample.register,
                sample.direction,
                _believable(sample.at, arrived_at),
                sample.kwh,
            )
            for sample in samples
        ]

    def _reader_of(self, device: PairedDevice) -> Read:
        match device.kind:
            case MeterDeviceKind.TASMOTA:
                return tasmota.samples
            case MeterDeviceKind.SHELLY_GEN1:
                return shelly_gen1.samples
            case MeterDeviceKind.SHELLY:
                return shelly.samples
            case MeterDeviceKind.ZIGBEE2MQTT:
                return zigbee2mqtt.samples
            case MeterDeviceKind.HOME_ASSISTANT:
                home = self._homes.get(device.key)
                if home is None:
                    home = self._homes[device.key] = HomeAssistantReader(device.entity, device.topic)
                return home.samples

    async def _look_up(self, keys: set[str]) -> None:
        """Remembers whose keys these are, for KNOWN_SECONDS: nobody's too, so that guessing costs nothing."""
        if time.monotonic() - self._known_since > KNOWN_SECONDS or len(self._known) > KNOWN_MAX:
            self._known, self._known_since = {}, time.monotonic()
        missing = [key for key in keys if key not in self._known]
        if missing:
            found = await self._devices.by_keys(missing)
            self._known.update({key: found.get(key) for key in missing})

    async def _settle(self) -> None:
        wait_seconds = FIRST_SETTLE_SECONDS
        while True:
            await asyncio.sleep(wait_seconds)
            wait_seconds = SETTLE_SECONDS
            try:
                await self._readings.settle(datetime.now(UTC))
            except Exception as error:
                if not is_unavailable(error):
                    logger.exception("days of devices could not be added up")


def _believable(at: datetime | None, arrived_at: datetime) -> datetime:
    if at is not None and arrived_at - DELAY_MAX <= at <= arrived_at + CLOCK_GRACE:
        return at
    return arrived_at
