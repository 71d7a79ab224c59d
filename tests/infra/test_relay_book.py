"""The book as its followers get it: snapshot and deltas, phases, a replica loaded in the middle, slow readers."""

import asyncio
import random
from datetime import timedelta
from functools import partial
from itertools import groupby
from typing import Any
from uuid import uuid4

from domain.commands import HaltMarket, ResumeMarket, SetTerms
from domain.orders.model import BookSnapshot, BookUpdate, PriceLevel, Trading, TradingPhase
from infra.market_feed import MarketFeed
from infra.streams import Relay
from tests.infra.exchange import ANN, BOB, EVE, OPERATOR, SYMBOL, Exchange, eventually
from tests.infra.following import (
    BUY,
    SELL,
    ClientBook,
    Follower,
    fail,
    fund_all,
    last_trade,
    trade_at_random,
    true_book,
)


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
