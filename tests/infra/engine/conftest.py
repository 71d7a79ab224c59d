"""A writer that is ready, and a connection of the owner to look at and to tamper with what it wrote."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from infra.postgres.connection import Connection
from tests.conftest import TestDatabase
from tests.infra.engine.running import OPENING, Running, ready_writer


@pytest.fixture
async def owner(database: TestDatabase) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database.owner_url)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def app(database: TestDatabase) -> AsyncIterator[Connection]:
    """A second connection with the writer's own login: it may end the writer's session."""
    connection = await asyncpg.connect(database.app_url)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def running(database: TestDatabase) -> AsyncIterator[Running]:
    """A writer on a database where OPENING is done."""
    async with ready_writer(database.app_url) as running:
        await running.submit(*OPENING)
        yield running
