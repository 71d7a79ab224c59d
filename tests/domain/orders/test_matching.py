"""Who trades with whom: price first, then time, at the resting price, never with oneself."""

import pytest

from domain.orders.matching import is_fillable, match, would_trade
from domain.orders.model import Order, OrderSide
from tests.domain.orders.orders import book_of, order
from tests.factories import ALICE, BOB, CAROL

BUY, SELL = OrderSide.BUY, OrderSide.SELL


def matched(taker: Order, *resting: Order) -> tuple[list[tuple[int, int, int]], bool]:
    """(id of the maker, price, grams) of each match, and whether the taker met an order of its own."""
    matches, own = match(taker, book_of(*resting))
    return [(maker.id, price, quantity) for maker, price, quantity in matches], own is not None


def test_the_better_price_trades_first_whenever_it_came() -> None:
    dear, cheap = order(SELL, 1_000, 51_000), order(SELL, 1_000, 50_000)

    assert matched(order(BUY, 2_000, 51_000, BOB), dear, cheap) == (
        [(cheap.id, 50_000, 1_000), (dear.id, 51_000, 1_000)],
        False,
    )


def test_a_seller_meets_the_highest_bid_first() -> None:
    low, high = order(BUY, 1_000, 50_000), order(BUY, 1_000, 51_000)

    assert matched(order(SELL, 2_000, 50_000, BOB), low, high) == (
        [(high.id, 51_000, 1_000), (low.id, 50_000, 1_000)],
        False,
    )


def test_at_one_price_the_older_trades_first() -> None:
    older, newer = order(SELL, 1_000, 50_000), order(SELL, 1_000, 50_000, CAROL)

    assert matched(order(BUY, 1_500, 50_000, BOB), older, newer) == (
        [(older.id, 50_000, 1_000), (newer.id, 50_000, 500)],
        False,
    )


def test_a_partial_fill_keeps_its_place() -> None:
    older, newer = order(SELL, 3_000, 50_000), order(SELL, 1_000, 50_000)
    book = book_of(older, newer)

    match(order(BUY, 1_000, 50_000, BOB), book)
    matches, _ = match(order(BUY, 3_000, 50_000, BOB), book)

    assert [(maker.id, quantity) for maker, _, quantity in matches] == [(older.id, 2_000), (newer.id, 1_000)]


@pytest.mark.parametrize(
    ("side", "limit", "resting", "trades"),
    [
        (BUY, 50_000, 50_000, True),
        (BUY, 50_001, 50_000, True),
        (BUY, 49_999, 50_000, False),
        (SELL, 50_000, 50_000, True),
        (SELL, 49_999, 50_000, True),
        (SELL, 50_001, 50_000, False),
    ],
)
def test_a_limit_is_never_passed_and_the_resting_price_counts(
    side: OrderSide, limit: int, resting: int, trades: bool
) -> None:
    maker = order(SELL if side is BUY else BUY, 1_000, resting)
    taker = order(side, 1_000, limit, BOB)

    assert would_trade(taker, book_of(maker)) is trades
    assert is_fillable(taker, book_of(maker)) is trades
    assert matched(taker, maker)[0] == ([(maker.id, resting, 1_000)] if trades else [])
    assert taker.remaining == (0 if trades else 1_000)


def test_what_was_cancelled_does_not_trade() -> None:
    gone, stays = order(SELL, 1_000, 50_000), order(SELL, 1_000, 50_000)
    book = book_of(gone, stays)
    book.remove(gone)

    matches, _ = match(order(BUY, 2_000, 50_000, BOB), book)

    assert [maker.id for maker, _, _ in matches] == [stays.id]
    assert gone.remaining == 1_000


def test_an_order_stops_at_one_of_its_own_owner() -> None:
    others, own, behind = order(SELL, 1_000, 50_000, ALICE), order(SELL, 1_000, 50_000, BOB), order(SELL, 1_000, 50_000)
    taker = order(BUY, 3_000, 50_000, BOB)

    assert matched(taker, others, own, behind) == ([(others.id, 50_000, 1_000)], True)
    assert taker.remaining == 2_000
    assert (own.remaining, own.resting) == (1_000, True)
    assert (behind.remaining, behind.resting) == (1_000, True)


def test_an_own_order_behind_what_is_needed_is_never_met() -> None:
    others, own = order(SELL, 1_000, 50_000, ALICE), order(SELL, 1_000, 50_000, BOB)

    assert matched(order(BUY, 1_000, 50_000, BOB), others, own) == ([(others.id, 50_000, 1_000)], False)


def test_an_own_order_beyond_the_limit_is_never_met() -> None:
    assert matched(order(BUY, 1_000, 49_000, BOB), order(SELL, 1_000, 50_000, BOB)) == ([], False)


def test_post_only_looks_at_the_best_price_whoever_rests_there() -> None:
    own = order(SELL, 1_000, 50_000, BOB)

    assert would_trade(order(BUY, 1_000, 50_000, BOB), book_of(own)) is True
    assert would_trade(order(BUY, 1_000, 50_000, BOB), book_of()) is False


@pytest.mark.parametrize(
    ("wanted", "limit", "fillable"),
    [
        (1_000, 50_000, True),
        (3_000, 50_000, True),
        (3_001, 50_000, False),
        (3_001, 50_999, False),
        (5_000, 51_000, True),
        (5_001, 51_000, False),
        (1, 49_999, False),
    ],
)
def test_the_whole_order_is_fillable_or_not(wanted: int, limit: int, fillable: bool) -> None:
    book = book_of(order(SELL, 1_000, 50_000), order(SELL, 2_000, 50_000), order(SELL, 2_000, 51_000))

    assert is_fillable(order(BUY, wanted, limit, BOB), book) is fillable


def test_nothing_behind_an_own_order_counts_as_fillable() -> None:
    book = book_of(order(BUY, 1_000, 50_000, ALICE), order(BUY, 1_000, 50_000, BOB), order(BUY, 5_000, 50_000, CAROL))

    assert is_fillable(order(SELL, 1_000, 50_000, BOB), book) is True
    assert is_fillable(order(SELL, 1_001, 50_000, BOB), book) is False


def test_cancelled_orders_do_not_count_as_fillable() -> None:
    gone, stays = order(SELL, 5_000, 50_000), order(SELL, 1_000, 50_000)
    book = book_of(gone, stays)
    book.remove(gone)

    assert is_fillable(order(BUY, 1_000, 50_000, BOB), book) is True
    assert is_fillable(order(BUY, 1_001, 50_000, BOB), book) is False
