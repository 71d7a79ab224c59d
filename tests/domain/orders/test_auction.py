"""The call auction: its price against a search through every price, and its rules one by one."""

import random
import time

import pytest

from domain.orders.auction import Clearing, clearing, eligible
from domain.orders.book import OrderBook
from domain.orders.model import OrderSide
from tests.domain.orders.orders import order

BUY, SELL = OrderSide.BUY, OrderSide.SELL
Orders = list[tuple[OrderSide, int, int]]


def book_of(orders: Orders) -> OrderBook:
    book = OrderBook()
    for side, quantity, price in orders:
        book.rest(order(side, quantity, price))
    return book


def searched(orders: Orders, tick: int, target: int) -> list[Clearing]:
    """Every price that is as good as any other, found by trying them all."""
    bids = [price for side, _, price in orders if side is BUY]
    asks = [price for side, _, price in orders if side is SELL]
    if not bids or not asks or max(bids) < min(asks):
        return []
    found = []
    for price in range(min(asks), max(bids) + 1, tick):
        wanted = sum(quantity for side, quantity, limit in orders if side is BUY and limit >= price)
        offered = sum(quantity for side, quantity, limit in orders if side is SELL and limit <= price)
        found.append(Clearing(price, min(wanted, offered), wanted - offered))
    best = min((-each.quantity, abs(each.surplus), abs(each.price - target)) for each in found)
    return [each for each in found if (-each.quantity, abs(each.surplus), abs(each.price - target)) == best]


@pytest.mark.parametrize(
    ("orders", "reference", "expected"),
    [
        pytest.param([(BUY, 100, 99), (SELL, 100, 100)], 100, None, id="nothing crosses"),
        pytest.param([(BUY, 100, 99)], 100, None, id="one side alone"),
        pytest.param([(BUY, 100, 110), (SELL, 100, 90)], 100, Clearing(100, 100, 0), id="nearest the reference"),
        pytest.param([(BUY, 100, 110), (SELL, 100, 90)], 70, Clearing(90, 100, 0), id="not below the lowest SELL"),
        pytest.param([(BUY, 100, 110), (SELL, 100, 90)], 200, Clearing(110, 100, 0), id="not above the highest BUY"),
        pytest.param([(BUY, 100, 110), (SELL, 100, 90)], None, Clearing(100, 100, 0), id="the middle without one"),
        pytest.param(
            [(BUY, 50, 110), (BUY, 100, 100), (SELL, 120, 95)], 90, Clearing(95, 120, 30), id="largest volume first"
        ),
        pytest.param(
            [(BUY, 100, 110), (BUY, 50, 100), (SELL, 100, 90)], 95, Clearing(101, 100, 0), id="then least imbalance"
        ),
        pytest.param(
            [(BUY, 100, 110), (SELL, 100, 90), (SELL, 40, 105)], 108, Clearing(104, 100, 0), id="just below a SELL"
        ),
    ],
)
def test_the_price(orders: Orders, reference: int | None, expected: Clearing | None) -> None:
    assert clearing(book_of(orders), 1, reference, 1) == expected


def test_a_tie_is_drawn_by_the_seed_and_stays_drawn() -> None:
    book = book_of([(BUY, 100, 101), (SELL, 100, 100)])
    tied = book_of([(BUY, 100, 102), (BUY, 10, 100), (SELL, 100, 100), (SELL, 10, 102)])

    assert {clearing(book, 1, 100, seed) for seed in range(20)} == {Clearing(100, 100, 0)}
    drawn = [clearing(tied, 2, 101, seed) for seed in range(50)]
    assert {each.price for each in drawn if each} == {100, 102}
    assert drawn == [clearing(tied, 2, 101, seed) for seed in range(50)]


def test_random_books_clear_where_a_search_through_all_prices_does(seed: int) -> None:
    dice = random.Random(seed)
    crossed = 0
    for _ in range(400):
        tick = dice.choice([1, 1, 2, 5])
        orders = [
            (dice.choice([BUY, SELL]), dice.randrange(1, 6) * 10, dice.randrange(10, 30) * tick)
            for _ in range(dice.randrange(1, 14))
        ]
        target = dice.randrange(8, 34) * tick

        found = clearing(book_of(orders), tick, target, dice.randrange(100))

        expected = searched(orders, tick, target)
        crossed += bool(expected)
        assert found in expected if expected else found is None
    assert crossed > 100


def test_a_book_of_many_prices_is_cleared_at_once(seed: int) -> None:
    """It is asked for with every batch of an auction: what it costs is what every order waits for."""
    dice = random.Random(seed)
    prices = dice.sample(range(1_000, 100_000), 20_000)
    book = book_of([(side, 10, price) for side, price in zip([BUY, SELL] * 10_000, prices, strict=True)])

    seconds = []
    for _ in range(3):
        started = time.process_time()
        clearing(book, 1, None, 1)
        seconds.append(time.process_time() - started)

    assert min(seconds) < 0.04


def test_price_then_time_decides_who_trades() -> None:
    book = OrderBook()
    late_but_high, early, late = (order(BUY, 10, price) for price in (110, 105, 105))
    for resting in (early, late, late_but_high):
        book.rest(resting)

    taken = []
    while (nearest := eligible(book.bids, 105)) is not None:
        taken.append(nearest)
        book.fill(nearest, 10)

    assert taken == [late_but_high, early, late]
