"""The composition root: opens what the server needs, in order, and closes it in the other order."""

import asyncio
import gc
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

import asyncpg
from redis.asyncio import Redis

from api.settings import Settings
from infra.capture.registry import import_formats
from infra.capture.runner import ImportRunner
from infra.engine.commit_loop import Writer
from infra.engine.queue import LocalQueue
from infra.factors.adjusting import FactorAdjuster
from infra.postgres.connection import Database
from infra.postgres.factors import PostgresFactors
from infra.postgres.footprint import PostgresFootprint
from infra.postgres.identity import PostgresPartners, PostgresUsers
from infra.postgres.imports import PostgresImports
from infra.postgres.ledger import PostgresLedger
from infra.postgres.market import PostgresMarket
from infra.postgres.programmes import PostgresProgrammes
from infra.postgres.rewards import PostgresRewards
from infra.postgres.sessions import PostgresSessions
from infra.redis.connection import news_channel, open_redis
from infra.redis.publisher import Publisher
from infra.redis.rate_limit import WINDOW_SECONDS, RateLimits
from infra.redis.subscriber import Subscriber
from infra.security.passwords import PasswordHashing
from infra.streams import Relay
from schema.context import Stores

READY_SECONDS = 60
COLLECT_AFTER = (50_000, 20, 50)
"""Objects and rounds before the cyclic collector runs; with Python's defaults it takes a fifth of the writer's time."""
HEALTH_SECONDS = 2

T = TypeVar("T")


class StartError(Exception):
    """The server cannot start; the text is one sentence for the operator that says what to do."""


@dataclass(frozen=True)
class Resources:
    """`writer_task` ends by itself only where the writer must not go on."""

    settings: Settings
    database: Database
    redis: Redis
    stores: Stores
    commands: LocalQueue
    writer: Writer
    writer_task: asyncio.Task[None]
    streams: Relay
    hasher: PasswordHashing
    limits: RateLimits
    imports: ImportRunner
    _stack: AsyncExitStack

    async def ready(self) -> bool:
        """True where an order could be taken now: the writer has its lease, and Postgres answers."""
        if not self.writer.is_ready:
            return False
        try:
            async with asyncio.timeout(HEALTH_SECONDS):
                await self.database.pool.fetchval("SELECT 1")
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True

    async def close(self) -> None:
        await self._stack.aclose()


async def open_resources(settings: Settings) -> Resources:
    """Everything running, the writer ready or waiting for the one before it to end.

    Raises StartError where the ledger cannot be trusted, and what `is_unavailable` knows where Postgres is away.
    """
    database_url, redis_url = _present(settings.database_url), _present(settings.redis_url)
    name = urlsplit(database_url).path.lstrip("/")
    async with AsyncExitStack() as stack:
        database = await Database.open(database_url)
        stack.push_async_callback(database.close)
        redis = open_redis(redis_url)
        stack.push_async_callback(redis.aclose)
        hasher = PasswordHashing()
        stack.callback(hasher.close)
        stores = Stores(
            ledger=PostgresLedger(database),
            market=PostgresMarket(database),
            programmes=PostgresProgrammes(database),
            rewards=PostgresRewards(database),
            users=PostgresUsers(),
            partners=PostgresPartners(),
            sessions=PostgresSessions(),
            factors=PostgresFactors(database),
            footprint=PostgresFootprint(database),
            imports=PostgresImports(database),
            formats=import_formats(),
        )
        publisher = Publisher(redis, news_channel(name))
        stack.push_async_callback(publisher.close)
        commands = LocalQueue(settings.queue_size)
        writer = Writer(database_url, commands, publisher.ring, batch_size=settings.batch_size)
        writer_task = asyncio.create_task(writer.run(), name="writer")
        stack.push_async_callback(_stop, writer, writer_task)
        streams = Relay(database, Subscriber(redis, news_channel(name)), stores.market, stores.imports)
        await streams.start()
        stack.push_async_callback(streams.close)
        imports = ImportRunner(database, stores.factors, settings.home / "imports")
        await imports.start()
        stack.push_async_callback(imports.close)
        adjuster = FactorAdjuster(database)
        await adjuster.start()
        stack.push_async_callback(adjuster.close)
        await _until_ready(commands, writer, writer_task)
        gc.freeze()
        gc.set_threshold(*COLLECT_AFTER)
        return Resources(
            settings,
            database,
            redis,
            stores,
            commands,
            writer,
            writer_task,
            streams,
            hasher,
            RateLimits(redis, name, {limit: getattr(settings, f"limit_{limit}") for limit in WINDOW_SECONDS}),
            imports,
            stack.pop_all(),
        )


async def _until_ready(commands: LocalQueue, writer: Writer, writer_task: asyncio.Task[None]) -> None:
    """Waits for the first readiness, at most READY_SECONDS; later outages heal by themselves."""
    opened = asyncio.create_task(commands.until_open())
    await asyncio.wait({opened, writer_task}, timeout=READY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    opened.cancel()
    if writer.failure is not None:
        raise StartError(
            f"The ledger cannot be trusted: {writer.failure}. Restore the database from a backup, then start again."
        )


async def _stop(writer: Writer, task: asyncio.Task[None]) -> None:
    writer.stop()
    await task


def _present(value: T | None) -> T:
    if value is None:
        raise StartError(
            "Set GRAMME_DATABASE_URL and GRAMME_REDIS_URL, or use `gramme run`, which starts both servers."
        )
    return value
