"""A small exchange for tests: the real writer on a database of its own, and the stores and relay that read it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID, uuid4

from redis.asyncio import Redis

from domain.commands import Answer, CancelOrder, Command, CreateProgramme, Deposit, Issue, PlaceOrder
from domain.errors import DomainError
from domain.orders.model import Order, OrderSide, OrderType, TimeInForce
from infra.engine.commit_loop import Writer
from infra.engine.queue import LocalQueue
from infra.postgres.connection import Database
from infra.postgres.ledger import PostgresLedger
from infra.postgres.market import PostgresMarket
from infra.postgres.programmes import PostgresProgrammes
from infra.postgres.rewards import PostgresRewards
from infra.redis.connection import news_channel, open_redis
from infra.redis.publisher import Publisher

SYMBOL = "PCA-TST-2026"
OPERATOR = 1_000
ANN, BOB, EVE = 1_001, 1_002, 1_003


class Clock:
    """Stands still until it is set on."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Place(Protocol):
    app_url: str
    name: str
    redis_url: str


class Exchange:
    def __init__(self, database: Database, queue: LocalQueue, redis: Redis, channel: str, clock: Clock) -> None:
        self.database = database
        self.redis = redis
        self.channel = channel
        self.clock = clock
        self.ledger = PostgresLedger(database)
        self.market = PostgresMarket(database)
        self.programmes = PostgresProgrammes(database)
        self.rewards = PostgresRewards(database)
        self._queue = queue

    async def submit(self, command: Command) -> Answer:
        """The engine's answer; a refusal is raised."""
        answer = await self._queue.submit(command)
        if DomainError.is_code(answer.kind):
            raise DomainError.from_data(answer.kind, answer.data)
        return answer

    async def open_market(self, code: str = "TST", **fields: Any) -> None:
        values: dict[str, Any] = {
            "name": "Test city",
            "region": "CN",
            "currency": "CNY",
            "weekly_allowance": 100_000,
            "points_per_kg": 10,
            "time_zone": "UTC",
            "year": 2026,
        }
        await self.submit(CreateProgramme(caller=OPERATOR, code=code, **(values | fields)))

    async def fund(self, owner: int, money: int = 0, grams: int = 0, asset: str = SYMBOL) -> None:
        if money:
            await self.submit(Deposit(caller=OPERATOR, key=uuid4(), owner=owner, currency="CNY", amount=money))
        if grams:
            await self.submit(Issue(caller=OPERATOR, key=uuid4(), owner=owner, asset=asset, amount=grams))

    async def place(
        self,
        owner: int,
        side: OrderSide,
        price: int,
        quantity: int,
        *,
        key: UUID | None = None,
        symbol: str = SYMBOL,
        time_in_force: TimeInForce = TimeInForce.GTC,
    ) -> Order:
        """The order as Postgres has it after its command."""
        key = key or uuid4()
        await self.submit(
            PlaceOrder(
                caller=owner,
                key=key,
                symbol=symbol,
                side=side,
                type=OrderType.LIMIT,
                time_in_force=time_in_force,
                quantity=quantity,
                price=price,
            )
        )
        order = await self.market.order(owner, key)
        assert order is not None
        return order

    async def cancel(self, order: Order) -> None:
        await self.submit(CancelOrder(caller=order.owner, client_order_id=order.client_order_id))


async def eventually(holds: Callable[[], bool], seconds: float = 10) -> None:
    for _ in range(int(seconds * 100)):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to hold in time")


@asynccontextmanager
async def open_exchange(place: Place, redis_url: str | None = None) -> AsyncIterator[Exchange]:
    database = await Database.open(place.app_url)
    redis = open_redis(redis_url or place.redis_url)
    channel, clock = news_channel(place.name), Clock()
    publisher, queue = Publisher(redis, channel), LocalQueue(1_000)
    writer = Writer(place.app_url, queue, publisher.ring, batch_size=100, clock=clock)
    running = asyncio.create_task(writer.run())
    try:
        await eventually(lambda: writer.is_ready)
        yield Exchange(database, queue, redis, channel, clock)
    finally:
        writer.stop()
        with suppress(asyncio.CancelledError):
            await running
        await publisher.close()
        await redis.aclose()
        await database.close()
