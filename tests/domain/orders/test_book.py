"""The order book: levels, priority within them, what is told as changed, and the digest."""

import random
import time
from collections import Counter

from domain.orders.book import BookSide, OrderBook
from domain.orders.level import COMPACT_AFTER
from domain.orders.matching import would_meet_its_own
from domain.orders.model import Order, OrderSide, PriceLevel
from tests.domain.orders.orders import book_of, order
from tests.factories import ALICE, BOB

BUY, SELL = OrderSide.BUY, OrderSide.SELL


def prices(side: BookSide) -> list[int]:
    return [level.price for level in side.best_first()]


def waiting(book: OrderBook, side: OrderSide) -> list[int]:
    """Ids in the order in which they would trade."""
    return [resting.id for level in book.side(side).best_first() for resting in level.resting()]


def test_an_empty_book_has_no_best_and_digest_zero() -> None:
    book = OrderBook()

    assert book.bids.best() is None
    assert book.asks.best() is None
    assert book.digest == 0
    assert book.level(BUY, 50_000) == PriceLevel(50_000, 0, 0)


def test_bids_come_highest_first_asks_lowest_first() -> None:
    book = book_of(*(order(side, 1_000, price) for side in (BUY, SELL) for price in (52_000, 50_000, 51_000)))

    assert prices(book.bids) == [52_000, 51_000, 50_000]
    assert prices(book.asks) == [50_000, 51_000, 52_000]
    assert book.bids.best() is book.bids.levels[52_000]
    assert book.asks.best() is book.asks.levels[-50_000]
    assert (book.side(BUY), book.opposite(BUY)) == (book.bids, book.asks)
    assert (book.side(SELL), book.opposite(SELL)) == (book.asks, book.bids)


def test_a_level_adds_up_its_orders_and_the_oldest_is_first() -> None:
    first, second, third = (order(SELL, quantity, 50_000) for quantity in (1_000, 3_000, 2_000))

    book = book_of(first, second, third)

    assert book.level(SELL, 50_000) == PriceLevel(50_000, 6_000, 3)
    assert waiting(book, SELL) == [first.id, second.id, third.id]
    level = book.asks.best()
    assert level is not None
    assert level.first() is first


def test_a_fill_takes_from_the_order_and_its_level() -> None:
    first, second = order(SELL, 3_000, 50_000), order(SELL, 2_000, 50_000)
    book = book_of(first, second)

    book.fill(first, 1_000)

    assert (first.remaining, first.resting) == (2_000, True)
    assert book.level(SELL, 50_000) == PriceLevel(50_000, 4_000, 2)
    assert waiting(book, SELL) == [first.id, second.id]

    book.fill(first, 2_000)

    assert (first.remaining, first.resting) == (0, False)
    assert book.level(SELL, 50_000) == PriceLevel(50_000, 2_000, 1)
    assert waiting(book, SELL) == [second.id]


def test_the_last_order_takes_its_level_with_it() -> None:
    filled, removed, stays = order(BUY, 1_000, 50_000), order(BUY, 1_000, 51_000), order(BUY, 1_000, 49_000)
    book = book_of(filled, removed, stays)

    book.fill(filled, 1_000)
    book.remove(removed)

    assert prices(book.bids) == [49_000]
    assert set(book.bids.levels) == {49_000}
    assert (removed.resting, removed.remaining) == (False, 1_000)


def test_an_order_removed_from_the_middle_is_passed_over() -> None:
    first, second, third = (order(BUY, 1_000, 50_000) for _ in range(3))
    book = book_of(first, second, third)

    book.remove(second)

    assert waiting(book, BUY) == [first.id, third.id]
    assert book.level(BUY, 50_000) == PriceLevel(50_000, 2_000, 2)
    book.fill(first, 1_000)
    level = book.bids.best()
    assert level is not None
    assert level.first() is third


def test_a_level_full_of_cancelled_orders_is_cleared_and_keeps_its_order() -> None:
    orders = [order(SELL, 1_000, 50_000) for _ in range(4 * COMPACT_AFTER)]
    book = book_of(*orders)

    for number, each in enumerate(orders):
        if number % 4:
            book.remove(each)

    level = book.asks.levels[-50_000]
    assert len(level.orders) <= 2 * COMPACT_AFTER
    assert waiting(book, SELL) == [each.id for each in orders[::4]]
    assert book.level(SELL, 50_000) == PriceLevel(50_000, 1_000 * COMPACT_AFTER, COMPACT_AFTER)


def test_every_change_names_its_side_and_price() -> None:
    bid, ask = order(BUY, 2_000, 49_000), order(SELL, 2_000, 50_000)
    book = book_of(bid, ask)
    assert book.take_changes() == [(BUY, 49_000), (SELL, 50_000)]

    book.fill(ask, 1_000)
    assert book.take_changes() == [(SELL, 50_000)]

    book.remove(bid)
    assert book.take_changes() == [(BUY, 49_000)]


def test_the_digest_names_what_rests_and_not_how_it_came_about() -> None:
    one, two = order(BUY, 3_000, 50_000), order(SELL, 2_000, 51_000)
    book = book_of(one, two)
    assert book.digest == book_of(two.as_it_is(), one.as_it_is()).digest
    assert book.digest not in (book_of(one.as_it_is()).digest, book_of(two.as_it_is()).digest)

    whole = book.digest
    book.fill(one, 1_000)
    assert book.digest != whole
    assert book.digest == book_of(one.as_it_is(), two.as_it_is()).digest

    book.remove(one)
    book.fill(two, 2_000)
    assert book.digest == 0


def test_a_random_book_equals_a_sorted_list(seed: int) -> None:
    dice = random.Random(seed)
    book = OrderBook()
    resting: list[Order] = []
    for _ in range(3_000):
        action = dice.random()
        if action < 0.5 or not resting:
            side = dice.choice([BUY, SELL])
            price = dice.randrange(90, 95) if side is BUY else dice.randrange(95, 100)
            new = order(side, 1_000 * dice.randrange(1, 5), price)
            book.rest(new)
            resting.append(new)
        elif action < 0.75:
            chosen = dice.choice(resting)
            book.remove(chosen)
            resting.remove(chosen)
        else:
            chosen = dice.choice(resting)
            book.fill(chosen, dice.choice([chosen.remaining, 1_000]))
            if not chosen.remaining:
                resting.remove(chosen)

    bids = sorted((each for each in resting if each.side is BUY), key=lambda bid: (-bid.price, bid.id))
    asks = sorted((each for each in resting if each.side is SELL), key=lambda ask: (ask.price, ask.id))
    assert waiting(book, BUY) == [bid.id for bid in bids]
    assert waiting(book, SELL) == [ask.id for ask in asks]
    quantities: Counter[tuple[OrderSide, int]] = Counter()
    for each in resting:
        quantities[each.side, each.price] += each.remaining
    for side in (BUY, SELL):
        assert {(side, level.price): level.quantity for level in book.side(side).best_first()} == {
            key: quantity for key, quantity in quantities.items() if key[0] is side
        }
    assert book.digest == book_of(*(each.as_it_is() for each in resting)).digest


def test_what_each_owner_has_standing_is_counted() -> None:
    mine, more, sold, other = (
        order(BUY, 3_000, 50_000),
        order(BUY, 2_000, 49_000),
        order(SELL, 1_000, 60_000),
        order(BUY, 5_000, 50_000, owner=BOB),
    )
    book = book_of(mine, more, sold, other)

    assert book.orders_of(ALICE) == [mine, more, sold]
    assert (book.buying(ALICE), book.buying(BOB)) == (5_000, 5_000)

    book.fill(mine, 1_000)
    book.fill(more, 2_000)
    book.remove(other)

    assert book.orders_of(ALICE) == [mine, sold]
    assert book.buying(ALICE) == 2_000
    assert book.orders_of(BOB) == []
    assert set(book.owners()) == {ALICE}


def test_the_best_of_ones_own_is_known_whatever_came_and_went(seed: int) -> None:
    dice, book = random.Random(seed), OrderBook()
    standing: list[Order] = []
    for _ in range(2_000):
        if standing and dice.random() < 0.5:
            book.remove(standing.pop(dice.randrange(len(standing))))
        else:
            standing.append(order(dice.choice([BUY, SELL]), 1_000, dice.randrange(1, 30)))
            book.rest(standing[-1])
        if dice.random() < 0.5:
            bids, asks = ([each.price for each in standing if each.side is side] for side in (BUY, SELL))
            found = [book.best_of(ALICE, side) for side in (BUY, SELL)]
            assert found == [max(bids, default=None), min(asks, default=None)]


def test_what_one_owner_has_is_not_looked_through_for_each_order() -> None:
    """In an auction every order asks; a person may have ten thousand."""
    book = book_of(*(order(SELL, 1_000, 60_000 + number) for number in range(10_000)))
    arriving = [order(BUY, 1_000, 50_000) for _ in range(1_000)]

    started = time.process_time()
    assert not any(would_meet_its_own(each, book) for each in arriving)
    assert time.process_time() - started < 0.1
