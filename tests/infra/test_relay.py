"""News after the commit: nothing lost, nothing told twice, in order, whatever is killed on the way."""

import asyncio
import random
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from domain.commands import CancelRedemption, CreateOffer, RedeemOffer
from domain.errors import InvalidCursor, NotFound, Resync
from domain.events import BalanceChanged, OrderUpdated, RedemptionUpdated, TradeExecuted
from domain.footprint.model import ImportJob, ImportStatus
from domain.ids import new_id
from domain.orders.depth import checksum
from domain.orders.model import BookSnapshot, OrderSide, OrderStatus, PriceLevel
from domain.rewards.model import RedemptionStatus
from infra.postgres.imports import PostgresImports
from infra.streams import Relay
from tests.infra.exchange import ANN, BOB, OPERATOR, SYMBOL, Exchange, eventually
from tests.infra.following import (
    BUY,
    SELL,
    Follower,
    fail,
    fund_all,
    last_sequence,
    last_trade,
    open_relay,
    trade_at_random,
)

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
