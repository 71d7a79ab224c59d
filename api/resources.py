"""The composition root: opens what the server needs, in order, and closes it in the other order."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import asyncpg
from redis.asyncio import Redis

from api.engine import HEALTH_SECONDS, RunningWriter, StartError, present, settle_collector, start_writer
from api.roles import Role, engine_secret, leased_address
from api.settings import Settings
from infra.capture.live.listener import Broker, LiveListener
from infra.capture.registry import import_formats
from infra.capture.runner import ImportRunner
from infra.engine.queue import LocalQueue
from infra.engine.remote_queue import RemoteQueue
from infra.factors.adjusting import FactorAdjuster
from infra.factors.changes import load_changes
from infra.forecasting.forecaster import Forecaster
from infra.holiday_table import PublicHolidays
from infra.postgres.answers import PostgresAnswers
from infra.postgres.connection import Database
from infra.postgres.desk import PostgresDesk
from infra.postgres.device_readings import DeviceReadings
from infra.postgres.devices import PostgresDevices
from infra.postgres.factors import PostgresFactors
from infra.postgres.footprint import PostgresFootprint
from infra.postgres.goals import PostgresGoals
from infra.postgres.households import PostgresHouseholds
from infra.postgres.identity import PostgresPartners, PostgresUsers
from infra.postgres.imports import PostgresImports
from infra.postgres.ledger import PostgresLedger
from infra.postgres.live_readings import PostgresReadings
from infra.postgres.market import PostgresMarket
from infra.postgres.programmes import PostgresProgrammes
from infra.postgres.rewards import PostgresRewards
from infra.postgres.sessions import PostgresSessions
from infra.redis.connection import news_channel, open_redis
from infra.redis.rate_limit import WINDOW_SECONDS, RateLimits
from infra.redis.subscriber import Subscriber
from infra.security.passwords import PasswordHashing
from infra.streams import Relay
from schema.context import Stores

READY_SECONDS = 60


@dataclass(frozen=True)
class Resources:
    """`writer` is None where it runs in another process."""

    settings: Settings
    database: Database
    redis: Redis
    stores: Stores
    commands: LocalQueue | RemoteQueue
    writer: RunningWriter | None
    streams: Relay
    hasher: PasswordHashing
    limits: RateLimits
    imports: ImportRunner
    _stack: AsyncExitStack

    async def ready(self) -> bool:
        """True where an order could be taken now: a writer holds the lease and is reached, and Postgres answers."""
        if not self.commands.is_open:
            return False
        try:
            async with asyncio.timeout(HEALTH_SECONDS):
                await self.database.pool.fetchval("SELECT 1")
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True

    async def hang_up(self) -> None:
        """Ends what would go on for ever; requests are still answered."""
        await self.streams.close()

    async def close(self) -> None:
        await self._stack.aclose()


async def open_resources(settings: Settings, role: Role = Role.ALL) -> Resources:
    """Everything running, the writer ready or waiting for the one before it to end; without one, looking for it.

    Raises StartError where the ledger cannot be trusted, and what `is_unavailable` knows where Postgres is away.
    """
    database_url, redis_url = present(settings.database_url), present(settings.redis_url)
    name = urlsplit(database_url).path.lstrip("/")
    async with AsyncExitStack() as stack:
        database = await Database.open(database_url)
        stack.push_async_callback(database.close)
        redis = open_redis(redis_url)
        stack.push_async_callback(redis.aclose)
        hasher = PasswordHashing()
        stack.callback(hasher.close)
        forecaster = Forecaster()
        stack.push_async_callback(forecaster.close)
        market = PostgresMarket(database)
        stores = Stores(
            ledger=PostgresLedger(database),
            market=market,
            desk=PostgresDesk(database, market),
            holidays=PublicHolidays(),
            programmes=PostgresProgrammes(database),
            rewards=PostgresRewards(database),
            users=PostgresUsers(),
            partners=PostgresPartners(),
            sessions=PostgresSessions(),
            factors=PostgresFactors(database),
            footprint=PostgresFootprint(database),
            answers=PostgresAnswers(database),
            households=PostgresHouseholds(database),
            readings=PostgresReadings(database),
            imports=PostgresImports(database),
            goals=PostgresGoals(database),
            forecasts=forecaster,
            changes=load_changes(),
            formats=import_formats(),
            devices=PostgresDevices(database) if settings.mqtt_url else None,
        )
        commands: LocalQueue | RemoteQueue
        writer = None
        if role is Role.API:
            commands = RemoteQueue(
                partial(leased_address, database),
                stores.market.instruments,
                engine_secret(settings),
                size=settings.queue_size,
            )
            await commands.start()
            stack.push_async_callback(commands.close)
        else:
            commands = LocalQueue(settings.queue_size)
            writer = await start_writer(stack, settings, database_url, redis, commands)
        streams = Relay(database, Subscriber(redis, news_channel(name)), stores.market, stores.imports)
        await streams.start()
        stack.push_async_callback(streams.close)
        imports = ImportRunner(database, settings.home / "imports")
        await imports.start()
        stack.push_async_callback(imports.close)
        if settings.mqtt_url:
            readings = DeviceReadings(database)
            listener = LiveListener(PostgresDevices(database), readings, _broker(settings.mqtt_url))
            await listener.start()
            stack.push_async_callback(listener.close)
        adjuster = FactorAdjuster(database)
        await adjuster.start()
        stack.push_async_callback(adjuster.close)
        if writer is not None:
            await _until_ready(writer)
        settle_collector()
        return Resources(
            settings,
            database,
            redis,
            stores,
            commands,
            writer,
            streams,
            hasher,
            RateLimits(redis, name, {limit: getattr(settings, f"limit_{limit}") for limit in WINDOW_SECONDS}),
            imports,
            stack.pop_all(),
        )


async def _until_ready(writer: RunningWriter) -> None:
    """Waits for the first readiness, at most READY_SECONDS; later outages heal by themselves."""
    opened = asyncio.create_task(writer.queue.until_open())
    await asyncio.wait({opened, writer.task}, timeout=READY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    opened.cancel()
    writer.check()


def _broker(url: str) -> Broker:
    try:
        return Broker.of(url)
    except ValueError as error:
        raise StartError(f"GRAMME_MQTT_URL cannot be used: {error}.") from None
