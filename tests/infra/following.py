"""Who follows the relay: streams that are read to the end, a phone's book, and trading at random to follow."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Generic, TypeVar

from domain.errors import DomainError
from domain.orders.depth import checksum
from domain.orders.model import BookUpdate, OrderSide, PriceLevel, Trading
from infra.postgres.imports import PostgresImports
from infra.redis.subscriber import Subscriber
from infra.streams import Relay
from tests.infra.exchange import ANN, BOB, EVE, SYMBOL, Exchange, eventually

BUY, SELL = OrderSide.BUY, OrderSide.SELL
T = TypeVar("T")


@asynccontextmanager
async def open_relay(exchange: Exchange) -> AsyncIterator[Relay]:
    relay = Relay(
        exchange.database,
        Subscriber(exchange.redis, exchange.channel),
        exchange.market,
        PostgresImports(exchange.database),
        exchange.clock,
    )
    await relay.start()
    try:
        yield relay
    finally:
        await relay.close()


class Follower(Generic[T]):
    """Takes everything from a stream as it comes; `pause` seconds between two things make it a slow one."""

    def __init__(self, stream: AsyncIterator[T], pause: float = 0) -> None:
        self.got: list[T] = []
        self._task = asyncio.create_task(self._follow(stream, pause))

    async def _follow(self, stream: AsyncIterator[T], pause: float) -> None:
        async for thing in stream:
            self.got.append(thing)
            await asyncio.sleep(pause)

    async def has(self, count: int) -> list[T]:
        """What came, once it is this many things."""
        await eventually(lambda: len(self.got) >= count or self._task.done())
        if self._task.done():
            self._task.result()
        return self.got

    async def end(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


async def fund_all(exchange: Exchange) -> None:
    for owner in (ANN, BOB, EVE):
        await exchange.fund(owner, money=10_000_000, grams=10_000_000)


async def trade_at_random(exchange: Exchange, choose: random.Random, steps: int, most_lots: int = 5) -> None:
    for _ in range(steps):
        owner = choose.choice((ANN, BOB, EVE))
        resting = await exchange.market.orders(owner, None, 50, SYMBOL, True)
        with suppress(DomainError):
            if resting and choose.random() < 0.4:
                await exchange.cancel(choose.choice(resting))
            else:
                side = choose.choice((BUY, SELL))
                price = 100_000 + choose.randrange(-14, 8) * 1_000 * (1 if side is BUY else -1)
                await exchange.place(owner, side, price, 1_000 * choose.randint(1, most_lots))


async def last_sequence(exchange: Exchange, owner: int) -> int:
    found = await exchange.database.pool.fetchval(
        "SELECT max(last_sequence) FROM account_event WHERE owner = $1", owner
    )
    return int(found)


async def last_trade(exchange: Exchange) -> int:
    return int(await exchange.database.pool.fetchval("SELECT coalesce(max(sequence), 0) FROM trade"))


class ClientBook:
    """What a phone makes of the messages, with the contract's rules and nothing of ours."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.sequence = -1
        self.sides: dict[str, dict[int, PriceLevel]] = {"bids": {}, "asks": {}}
        self.trading = Trading()

    def apply(self, update: BookUpdate) -> None:
        if update.snapshot:
            self.sides = {"bids": {}, "asks": {}}
        else:
            assert update.previous_sequence == self.sequence
            assert update.sequence > self.sequence
            assert update.bids or update.asks or update.trading != self.trading
        self.trading = update.trading
        for name, levels in (("bids", update.bids), ("asks", update.asks)):
            for level in levels:
                if level.quantity == 0:
                    del self.sides[name][level.price]
                else:
                    self.sides[name][level.price] = level
        self.sequence = update.sequence
        assert len(self.bids) <= self.depth
        assert len(self.asks) <= self.depth
        assert update.checksum == checksum(self.bids, self.asks)

    @property
    def bids(self) -> tuple[PriceLevel, ...]:
        return tuple(sorted(self.sides["bids"].values(), key=lambda level: -level.price))

    @property
    def asks(self) -> tuple[PriceLevel, ...]:
        return tuple(sorted(self.sides["asks"].values(), key=lambda level: level.price))


async def true_book(exchange: Exchange, depth: int) -> tuple[tuple[PriceLevel, ...], tuple[PriceLevel, ...]]:
    """Bids and asks from the open orders themselves."""
    rows = await exchange.database.pool.fetch(
        """SELECT side, price, sum(remaining)::bigint AS quantity, count(*) AS orders FROM orders
           WHERE status IN ('OPEN', 'PARTIALLY_FILLED') GROUP BY side, price ORDER BY price"""
    )
    bids, asks = (
        [PriceLevel(row["price"], row["quantity"], row["orders"]) for row in rows if row["side"] == side]
        for side in (BUY, SELL)
    )
    return tuple(bids[::-1][:depth]), tuple(asks[:depth])


def fail() -> Any:
    raise AssertionError("there is nothing")
