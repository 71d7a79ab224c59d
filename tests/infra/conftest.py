"""The exchange that the tests of stores and relay share."""

from collections.abc import AsyncIterator

import pytest

from tests.infra.exchange import Exchange, Place, open_exchange


@pytest.fixture
async def exchange(database: Place) -> AsyncIterator[Exchange]:
    async with open_exchange(database) as opened:
        await opened.open_market()
        yield opened
