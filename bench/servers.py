"""Postgres and Valkey for a benchmark, databases of its own, and the writer as the server runs it."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from api.engine import settle_collector
from api.settings import Settings
from infra.embedded import EmbeddedServers
from infra.engine.commit_loop import Writer
from infra.engine.queue import LocalQueue
from infra.postgres.migrate import migrate
from infra.redis.connection import news_channel, open_redis
from infra.redis.publisher import Publisher


@dataclass(frozen=True)
class Addresses:
    owner_url: str
    app_url: str
    redis_url: str


@contextlib.contextmanager
def servers() -> Iterator[Addresses]:
    """Those of the environment, or embedded ones in a folder that is removed at the end."""
    settings = Settings.from_environment()
    with contextlib.ExitStack() as stack:
        owner_url = settings.migration_database_url or settings.database_url
        app_url, redis_url = settings.database_url, settings.redis_url
        if app_url is None or redis_url is None:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gramme-bench-")))
            home.chmod(0o755)
            embedded = EmbeddedServers(home, postgres=app_url is None, valkey=redis_url is None)
            stack.callback(embedded.stop)
            embedded.start()
            if app_url is None:
                owner_url, app_url = embedded.owner_url, embedded.app_url
            redis_url = redis_url or embedded.redis_url
        assert owner_url is not None
        yield Addresses(owner_url, app_url, redis_url)


def in_database(url: str, name: str) -> str:
    address, _, query = url.partition("?")
    return address.rsplit("/", 1)[0] + "/" + name + (f"?{query}" if query else "")


@contextlib.asynccontextmanager
async def fresh_database(owner_url: str, name: str) -> AsyncIterator[str]:
    """A new database, dropped at the end; gives its name."""
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
        try:
            yield name
        finally:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def running_writer(addresses: Addresses, database: str, batch_size: int) -> AsyncIterator[LocalQueue]:
    """The writer as the server runs it, with its bell and its settings of the collector."""
    app_url = in_database(addresses.app_url, database)
    await migrate(in_database(addresses.owner_url, database), app_url)
    redis = open_redis(addresses.redis_url)
    publisher = Publisher(redis, news_channel(database))
    queue = LocalQueue(100_000)
    writer = Writer(app_url, queue, publisher.ring, batch_size=batch_size)
    running = asyncio.create_task(writer.run())
    try:
        await queue.until_open()
        settle_collector()
        yield queue
    finally:
        writer.stop()
        await running
        await publisher.close()
        await redis.aclose()
