"""Messages of devices become committed readings: whose they are, what counts, and nothing lost when something stops."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import aiomqtt
import pytest

from domain.footprint.devices import MeterDeviceKind, PairedDevice, new_device
from infra.capture.live.listener import Broker, LiveListener
from infra.postgres.connection import Database
from infra.postgres.device_readings import DeviceReadings
from infra.postgres.devices import PostgresDevices
from tests.conftest import TestDatabase
from tests.infra.capture.live.broker import Mosquitto, needs_mosquitto

OWNER, OTHER = 1_000, 1_001
NOW = datetime.now(UTC)
WAIT_SECONDS = 30
pytestmark = needs_mosquitto


class House:
    """A broker, a database, and listeners that come and go."""

    def __init__(self, broker: Mosquitto, database: Database) -> None:
        self.broker = broker
        self.database = database
        self.devices = PostgresDevices(database)
        self.readings = DeviceReadings(database)

    async def pair(
        self, kind: MeterDeviceKind = MeterDeviceKind.SHELLY, owner: int = OWNER, *, within: bool = False
    ) -> PairedDevice:
        entity = "sensor.grid" if kind is MeterDeviceKind.HOME_ASSISTANT else None
        device = new_device(
            owner=owner,
            kind=kind,
            name="Meter",
            entity=entity,
            is_within_meter=within,
            region="GB",
            time_zone="Europe/London",
            now=NOW,
        )
        await self.devices.pair(device)
        return device

    async def publish(self, *messages: tuple[str, str]) -> None:
        async with aiomqtt.Client("127.0.0.1", self.broker.port) as client:
            for topic, payload in messages:
                await client.publish(topic, payload, qos=1)

    async def total(self, owner: int = OWNER) -> Decimal:
        value = await self.database.pool.fetchval(
            "SELECT coalesce(sum(value), 0) FROM meter_reading WHERE owner = $1 AND direction = 'IMPORT'", owner
        )
        return Decimal(value)

    async def until(self, total: str, owner: int = OWNER) -> None:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while True:
                    if await self.total(owner) == Decimal(total):
                        return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{await self.total(owner)} kWh and not {total}") from None

    @asynccontextmanager
    async def listening(self, seconds: float = 0) -> AsyncIterator[LiveListener]:
        """A listener that has had this long to begin."""
        listener = LiveListener(self.devices, self.readings, Broker.of(self.broker.url))
        await listener.start()
        try:
            await asyncio.sleep(seconds)
            yield listener
        finally:
            await listener.close()

    async def subscribed(self) -> None:
        """Makes the broker know the session, as any first start does."""
        async with self.listening(1):
            pass


def frame(device: PairedDevice, minute: int, watt_hours: float, channel: int = 0) -> tuple[str, str]:
    """What a Shelly sends `minute` minutes after two hours ago."""
    at = (NOW - timedelta(hours=2) + timedelta(minutes=minute)).timestamp()
    params = {"ts": at, f"switch:{channel}": {"id": channel, "aenergy": {"total": watt_hours}}}
    return f"{device.topic}/shelly/events/rpc", json.dumps({"src": "x", "method": "NotifyStatus", "params": params})


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    mosquitto = Mosquitto(tmp_path / "mosquitto")
    mosquitto.start()
    yield mosquitto
    mosquitto.stop()


@pytest.fixture
async def house(database: TestDatabase, broker: Mosquitto) -> AsyncIterator[House]:
    opened = await Database.open(database.app_url)
    yield House(broker, opened)
    await opened.close()


@pytest.fixture
async def listening(house: House) -> AsyncIterator[House]:
    async with house.listening(1):
        yield house


async def test_messages_become_readings_and_a_day(listening: House) -> None:
    device = await listening.pair()
    await listening.publish(*(frame(device, minute, 1_000 + minute * 10) for minute in range(61)))
    await listening.until("0.6")
    await listening.readings.settle(NOW)
    rows = await listening.database.pool.fetch(
        "SELECT sum(quantity) AS kwh, min(source) AS source, count(*) AS days FROM activity WHERE status = 'COUNTED'"
    )
    assert (rows[0]["kwh"], rows[0]["source"]) == (Decimal("0.6"), "DEVICE")
    assert await listening.database.pool.fetchval("SELECT count(*) FROM meter_day_due") == 0
    [shown] = await listening.devices.paired(OWNER)
    assert shown.last_heard_at == NOW - timedelta(hours=1)


async def test_a_day_that_goes_on_is_added_up_anew(listening: House) -> None:
    device = await listening.pair()
    await listening.publish(frame(device, 0, 0), frame(device, 1, 10))
    await listening.until("0.01")
    await listening.readings.settle(NOW)
    await listening.publish(frame(device, 2, 30))
    await listening.until("0.03")
    await listening.readings.settle(NOW)
    rows = await listening.database.pool.fetch("SELECT sum(quantity) FROM activity WHERE status = 'COUNTED'")
    assert rows[0][0] == Decimal("0.03")


async def test_the_topic_decides_whose_it_is(listening: House) -> None:
    mine, theirs = await listening.pair(), await listening.pair(owner=OTHER)
    topic, payload = frame(mine, 0, 0)
    stranger = (topic.replace(mine.key, "0" * 26), payload)
    forged = json.dumps({**json.loads(payload), "src": theirs.topic, "owner": OTHER})
    await listening.publish((topic, forged), stranger, frame(mine, 5, 100), frame(theirs, 0, 0), frame(theirs, 5, 30))
    await listening.until("0.1")
    await listening.until("0.03", OTHER)


async def test_what_a_house_meter_has_already_is_kept_and_not_counted(listening: House) -> None:
    device = await listening.pair(within=True)
    await listening.publish(frame(device, 0, 0), frame(device, 5, 100))
    await listening.until("0.1")
    await listening.readings.settle(NOW)
    assert await listening.database.pool.fetchval("SELECT count(*) FROM activity") == 0


async def test_an_unpaired_device_is_heard_no_more(house: House) -> None:
    device = await house.pair()
    await house.subscribed()
    assert await house.devices.unpair(OWNER, device.id, NOW)
    assert not await house.devices.unpair(OWNER, device.id, NOW)
    other = await house.pair()
    await house.publish(frame(device, 0, 0), frame(device, 5, 100), frame(other, 0, 0), frame(other, 5, 10))
    async with house.listening():
        await house.until("0.01")


@pytest.mark.parametrize(
    ("kind", "rest", "payloads"),
    [
        (MeterDeviceKind.TASMOTA, "/tele/plug/SENSOR", ['{"ENERGY": {"Total": 1}}', '{"ENERGY": {"Total": 1.5}}']),
        (MeterDeviceKind.SHELLY_GEN1, "/relay/0/energy", ["60000", "90000"]),
        (MeterDeviceKind.ZIGBEE2MQTT, "/zigbee2mqtt/a/b", ['{"energy": 1}', '{"state": "ON"}', '{"energy": 1.5}']),
        (MeterDeviceKind.HOME_ASSISTANT, "/homeassistant/statestream/sensor/grid/state", ["1", "unknown", "1.5"]),
    ],
)
async def test_every_family_as_it_is_set_up(
    listening: House, kind: MeterDeviceKind, rest: str, payloads: list[str]
) -> None:
    device = await listening.pair(kind)
    unit = (f"{device.topic}/homeassistant/statestream/sensor/grid/unit_of_measurement", '"kWh"')
    await listening.publish(unit, ("gramme/not-a-key/x", "x"), (f"{device.topic}{rest}", "\x00not a payload"))
    for payload in payloads:
        await listening.publish((f"{device.topic}{rest}", payload))
        await asyncio.sleep(1.1)
    await listening.until("0.5")


# ---------------------------------------------------------------- loss


async def test_what_is_sent_while_we_are_away_is_not_lost(house: House) -> None:
    device = await house.pair()
    await house.subscribed()
    await house.publish(*(frame(device, minute, minute * 10) for minute in range(101)))
    assert await house.total() == 0
    async with house.listening():
        await house.until("1")


async def test_a_broker_that_restarts_keeps_what_was_sent(house: House) -> None:
    device = await house.pair()
    await house.subscribed()
    await house.publish(*(frame(device, minute, minute * 10) for minute in range(51)))
    house.broker.stop()
    async with house.listening(0.5):
        house.broker.start()
        await house.until("0.5")
        await house.publish(*(frame(device, minute, minute * 10) for minute in range(51, 101)))
        await house.until("1")


async def test_listeners_that_break_off_at_any_moment_lose_and_double_nothing(house: House, seed: int) -> None:
    dice = random.Random(seed)
    devices = [await house.pair() for _ in range(5)]
    await house.subscribed()

    async def send() -> None:
        for minute in range(101):
            await house.publish(*(frame(device, minute, minute * 10, channel=1) for device in devices))

    sending = asyncio.create_task(send())
    while not sending.done():
        async with house.listening(dice.uniform(0.05, 0.4)):
            pass
    await sending
    async with house.listening():
        await house.until("5")
    assert await house.database.pool.fetchval("SELECT count(*) FROM meter_reading") == 500


async def test_the_same_messages_again_change_nothing(listening: House) -> None:
    device = await listening.pair()
    messages = [frame(device, minute, minute * 10) for minute in range(11)]
    await listening.publish(*messages)
    await listening.until("0.1")
    await listening.publish(*messages, frame(device, 11, 120))
    await listening.until("0.12")


async def test_two_listeners_take_turns(house: House) -> None:
    async with AsyncExitStack() as stack:
        async with house.listening(0.5) as first:
            second = await stack.enter_async_context(house.listening())
            device = await house.pair()
            await house.publish(*(frame(device, minute, minute * 10) for minute in range(51)))
            await house.until("0.5")
            assert (first.readings, second.readings) == (50, 0)
        await asyncio.sleep(3)
        await house.publish(frame(device, 51, 600))
        await house.until("0.6")
        assert second.readings == 1
