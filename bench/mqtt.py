"""MQTT messages per second to committed readings: one process, beside the broker and Postgres.

    python -m bench.mqtt [--messages 30000] [--devices 1000] [--rounds 3]

Messages of as many devices of as many people wait at the broker (QoS 1, a persistent session). The clock runs from
the start of the listener until every reading of theirs is committed, and then until their days are added up. A message
is one rise of one counter. The exit code is 1 where the median is below 3,000/s.

Without GRAMME_DATABASE_URL a Postgres of its own starts in a temporary folder; the broker is a mosquitto of its own, or
that of GRAMME_MQTT_URL, which must let 2,000 messages be under way and keep as many as are sent.
"""

import argparse
import asyncio
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from getpass import getuser
from pathlib import Path

import paho.mqtt.client as mqtt
import uvloop
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console

from api.settings import Settings
from bench.servers import fresh_database, in_database, servers
from domain.footprint.devices import MeterDeviceKind, PairedDevice, new_device
from domain.ids import FIRST_OWNER
from infra.capture.live.listener import Broker, LiveListener
from infra.factors.loader import load_factors
from infra.postgres.connection import Database
from infra.postgres.device_readings import DeviceReadings
from infra.postgres.devices import PostgresDevices
from infra.postgres.migrate import migrate

GOAL = 3_000
UNDER_WAY = 2_000
START_SECONDS = 10
CONFIGURATION = """user {user}
listener {port} 127.0.0.1
allow_anonymous true
max_queued_messages 0
max_inflight_messages {under_way}
"""

console = Console(highlight=False, soft_wrap=True)


@contextmanager
def broker() -> Iterator[Broker]:
    """That of the environment, or a mosquitto that ends with the run."""
    url = Settings.from_environment().mqtt_url
    if url is not None:
        yield Broker.of(url)
        return
    program = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        sys.exit("Install mosquitto, or set GRAMME_MQTT_URL.")
    with socket.socket() as free, tempfile.TemporaryDirectory(prefix="gramme-bench-") as folder:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        configuration = Path(folder) / "conf"
        configuration.write_text(CONFIGURATION.format(user=getuser(), port=port, under_way=UNDER_WAY))
        with subprocess.Popen([program, "-c", configuration], stderr=subprocess.DEVNULL) as process:
            try:
                time.sleep(1)
                yield Broker.of(f"mqtt://127.0.0.1:{port}")
            finally:
                process.terminate()


async def paired(database: Database, count: int, now: datetime) -> list[PairedDevice]:
    store = PostgresDevices(database)
    devices = [
        new_device(
            owner=FIRST_OWNER + number,
            kind=MeterDeviceKind.SHELLY,
            name="Meter",
            entity=None,
            is_within_meter=False,
            region="GB",
            time_zone="Europe/London",
            now=now,
        )
        for number in range(count)
    ]
    for device in devices:
        await store.pair(device)
    return devices


def publish(at: Broker, devices: Sequence[PairedDevice], minutes: Sequence[int], begun: datetime) -> None:
    """One message of every device for each of these minutes, 10 Wh more each; returns when the broker has them all."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(at.username, at.password)
    client.max_inflight_messages_set(UNDER_WAY)
    client.connect(at.host, at.port)
    client.loop_start()
    sent = []
    for minute in minutes:
        stamp = (begun + timedelta(minutes=minute)).timestamp()
        params = {"ts": stamp, "switch:0": {"aenergy": {"total": minute * 10}}}
        payload = json.dumps({"method": "NotifyStatus", "params": params})
        sent += [client.publish(f"{device.topic}/shelly/events/rpc", payload, qos=1) for device in devices]
    for message in sent:
        message.wait_for_publish()
    client.disconnect()
    client.loop_stop()


async def committed(listener: LiveListener, count: int) -> None:
    while True:
        if listener.readings >= count:
            return
        await asyncio.sleep(0.01)


async def run(arguments: argparse.Namespace) -> bool:
    each = arguments.messages // arguments.devices
    begun = datetime.now(UTC) - timedelta(days=5)
    rates: list[float] = []
    with servers() as addresses, broker() as at:
        async with fresh_database(addresses.owner_url, f"bench_mqtt_{os.getpid()}") as name:
            app_url = in_database(addresses.app_url, name)
            await migrate(in_database(addresses.owner_url, name), app_url)
            database = await Database.open(app_url)
            await load_factors(database, ademe_impact_co2=False)
            devices = await paired(database, arguments.devices, begun)
            readings = DeviceReadings(database)
            for number in range(arguments.rounds + 1):
                listener = LiveListener(PostgresDevices(database), readings, at)
                if number:
                    minutes = range((number - 1) * each + 1, number * each + 1)
                    await asyncio.to_thread(publish, at, devices, minutes, begun)
                    started = time.perf_counter()
                    await listener.start()
                    await committed(listener, each * len(devices))
                    rates.append(each * len(devices) / (time.perf_counter() - started))
                    console.print(f"round {number}: {rates[-1]:,.0f} messages/s")
                else:
                    await listener.start()
                    await asyncio.sleep(2)
                    await asyncio.to_thread(publish, at, devices, [0], begun)
                    await asyncio.sleep(2)
                await listener.close()
            started = time.perf_counter()
            kept = await database.pool.fetchval("SELECT count(*) FROM meter_reading")
            assert kept == arguments.rounds * each * len(devices), f"{kept} readings are in the database"
            await readings.settle(datetime.now(UTC))
            days = await database.pool.fetchval("SELECT count(*) FROM meter_day")
            console.print(f"{days:,} days of {len(devices):,} people added up in {time.perf_counter() - started:.1f} s")
            await database.close()
    median = statistics.median(rates)
    console.print(f"messages to committed readings: {median:,.0f}/s (goal {GOAL:,})")
    console.print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    return median >= GOAL


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=30_000)
    parser.add_argument("--devices", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    sys.exit(0 if uvloop.run(run(parser.parse_args())) else 1)


if __name__ == "__main__":
    main()
