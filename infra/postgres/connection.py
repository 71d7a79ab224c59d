"""The connection to Postgres: one asyncpg pool for SQL of our own, and the ORM beside it for the small tables.

The pool sends no reset statement when a connection comes back (it would double every query): nothing here may leave
session state behind. Start no task inside a transaction, and use `connection.transaction()` as a context manager only.

Bitmap scans are off: a page must walk its index in order. For an owner with far more rows than others Postgres would
else collect all of them in a bitmap and sort them for twenty.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg
from tortoise import Tortoise
from tortoise.exceptions import DBConnectionError

from infra.postgres.turns import Turns

MODELS = ["infra.postgres.identity"]
STATEMENT_TIMEOUT_SECONDS = 10
POOL_SIZE = 8

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
PooledConnection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Queryable: TypeAlias = "Pool | PooledConnection"


def orm_config(url: str) -> dict[str, object]:
    """Tortoise's configuration; app `gramme` has the models, package `migrations` their history."""
    return {
        "connections": {"default": url.replace("postgresql://", "postgres://", 1)},
        "apps": {"gramme": {"models": MODELS, "default_connection": "default", "migrations": "migrations"}},
        "use_tz": True,
        "timezone": "UTC",
    }


async def _keep_session(_connection: object) -> None:
    """In place of asyncpg's reset."""


class Database:
    """Both ways into one database, opened and closed together.

    Whoever holds a connection must not ask the pool for another one: when all do, all wait for ever.
    """

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._turns = Turns()

    @asynccontextmanager
    async def writing(self, owner: int) -> AsyncIterator[PooledConnection]:
        """A transaction on this person's footprint; the locks in the database are still to be taken."""
        async with self._turns.of(owner), self.pool.acquire() as connection, connection.transaction():
            yield connection

    @staticmethod
    async def open(url: str) -> "Database":
        """Connects; raises what `is_unavailable` recognises where the server cannot be reached."""
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=POOL_SIZE,
            command_timeout=STATEMENT_TIMEOUT_SECONDS,
            reset=_keep_session,
            server_settings={"application_name": "gramme-api", "timezone": "UTC", "enable_bitmapscan": "off"},
        )
        await Tortoise.init(config=orm_config(url), _enable_global_fallback=True)
        return Database(pool)

    async def close(self) -> None:
        await self.pool.close()
        await Tortoise.close_connections()


UNAVAILABLE = (
    OSError,
    TimeoutError,
    DBConnectionError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InternalClientError,
)


def is_unavailable(error: BaseException) -> bool:
    """True where the fault is that Postgres cannot be reached, is starting or is full: trying again later is right.

    A value that cannot be encoded is an InterfaceError too, and a ValueError; that one is the caller's fault.
    """
    return isinstance(error, UNAVAILABLE) and not isinstance(error, ValueError)
