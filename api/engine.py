"""The writer with all that it needs; as a process of its own it also listens for commands of API processes."""

import asyncio
import gc
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

import asyncpg
from redis.asyncio import Redis

from api.roles import address_in_lease, engine_listener, engine_secret
from api.settings import Settings
from infra.engine.command_server import CommandServer
from infra.engine.commit_loop import Writer
from infra.engine.queue import LocalQueue
from infra.redis.connection import news_channel, open_redis
from infra.redis.publisher import Publisher
from infra.tasks import end_task

COLLECT_AFTER = (50_000, 20, 50)
"""Objects and rounds before the cyclic collector runs; with Python's defaults it takes a fifth of the writer's time."""
HEALTH_SECONDS = 2

T = TypeVar("T")


class StartError(Exception):
    """The server cannot start; the text is one sentence for the operator that says what to do."""


def present(value: T | None) -> T:
    if value is None:
        raise StartError(
            "Set GRAMME_DATABASE_URL and GRAMME_REDIS_URL, or use `gramme run`, which starts both servers."
        )
    return value


@dataclass(frozen=True)
class RunningWriter:
    """`task` ends by itself only where the writer must not go on."""

    queue: LocalQueue
    writer: Writer
    task: asyncio.Task[None]

    @property
    def epoch(self) -> int:
        """0 before it first held the lease."""
        return self.writer.epoch

    def check(self) -> None:
        """Raises StartError where the writer must not go on."""
        if self.writer.failure is not None:
            raise StartError(
                f"The ledger cannot be trusted: {self.writer.failure}. "
                "Restore the database from a backup, then start again."
            )


async def start_writer(
    stack: AsyncExitStack, settings: Settings, database_url: str, redis: Redis, queue: LocalQueue, address: str = ""
) -> RunningWriter:
    """It elects itself and gets ready in its own time; the stack ends it after the batch that is under way."""
    publisher = Publisher(redis, news_channel(urlsplit(database_url).path.lstrip("/")))
    stack.push_async_callback(publisher.close)
    writer = Writer(database_url, queue, publisher.ring, batch_size=settings.batch_size, address=address)
    task = asyncio.create_task(writer.run(), name="writer")
    stack.push_async_callback(_stop, writer, task)
    return RunningWriter(queue, writer, task)


async def _stop(writer: Writer, task: asyncio.Task[None]) -> None:
    writer.stop()
    await task


def settle_collector() -> None:
    """For when everything that lives long has been made."""
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


@dataclass(frozen=True)
class EngineResources:
    """An engine process: the writer, its door, and nothing of the API."""

    commands: LocalQueue
    writer: RunningWriter
    server: CommandServer
    database_url: str
    _stack: AsyncExitStack

    async def ready(self) -> bool:
        """True where an order could be taken now; a standby is not ready until it takes over."""
        return self.commands.is_open and await answers(self.database_url)

    async def hang_up(self) -> None:
        """Nothing here goes on for ever but the writer, which the end of the process stops in its turn."""

    async def close(self) -> None:
        await self._stack.aclose()


async def open_engine(settings: Settings) -> EngineResources:
    """The writer, ready or on standby. Raises SettingsError where no API process could reach it."""
    database_url, redis_url = present(settings.database_url), present(settings.redis_url)
    async with AsyncExitStack() as stack:
        redis = open_redis(redis_url)
        stack.push_async_callback(redis.aclose)
        listener = stack.enter_context(engine_listener(settings))
        queue = LocalQueue(settings.queue_size)
        server = CommandServer(queue, engine_secret(settings))
        await server.start(listener)
        stack.push_async_callback(server.close)
        address = address_in_lease(settings, listener)
        running = await start_writer(stack, settings, database_url, redis, queue, address)
        settling = asyncio.create_task(_settle_when_ready(queue), name="collector")
        stack.push_async_callback(end_task, settling)
        return EngineResources(queue, running, server, database_url, stack.pop_all())


async def _settle_when_ready(queue: LocalQueue) -> None:
    await queue.until_open()
    settle_collector()


async def answers(database_url: str) -> bool:
    try:
        connection = await asyncpg.connect(database_url, timeout=HEALTH_SECONDS)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    await connection.close()
    return True
