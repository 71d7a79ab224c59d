"""The exchange that the tests of stores and relay share."""

from collections.abc import AsyncIterator

import pytest

from infra.streams import Relay
from tests.infra.exchange import Exchange, Place, open_exchange
from tests.infra.following import open_relay


@pytest.fixture
async def exchange(database: Place) -> AsyncIterator[Exchange]:
    async with open_exchange(database) as opened:
        await opened.open_market()
        yield opened


@pytest.fixture
async def relay(exchange: Exchange) -> AsyncIterator[Relay]:
    async with open_relay(exchange) as opened:
        yield opened
