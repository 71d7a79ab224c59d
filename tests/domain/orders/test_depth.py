"""The view of a book: its best levels, what changed between two views, and the checksum."""

import random
from zlib import crc32

import pytest

from domain.orders.depth import Depth, checksum, first_update, update_between
from domain.orders.model import BookSnapshot, BookUpdate, OrderSide, PriceLevel

BUY, SELL = OrderSide.BUY, OrderSide.SELL


def book(*levels: tuple[OrderSide, int, int]) -> Depth:
    depth = Depth()
    for side, price, quantity in levels:
        depth.set_level(side, PriceLevel(price, quantity, 1))
    return depth


def test_best_levels_come_best_first_and_no_more_than_asked() -> None:
    depth = book((BUY, 90, 1_000), (BUY, 95, 2_000), (BUY, 93, 3_000), (SELL, 101, 4_000), (SELL, 99, 5_000))

    view = depth.view("X", 7, 2)

    assert view.sequence == 7
    assert view.bids == (PriceLevel(95, 2_000, 1), PriceLevel(93, 3_000, 1))
    assert view.asks == (PriceLevel(99, 5_000, 1), PriceLevel(101, 4_000, 1))


def test_a_level_is_replaced_by_its_new_size_and_removed_by_zero() -> None:
    depth = book((BUY, 95, 2_000), (BUY, 90, 1_000))

    depth.set_level(BUY, PriceLevel(95, 500, 1))
    depth.set_level(BUY, PriceLevel(90, 0, 0))
    depth.set_level(BUY, PriceLevel(80, 0, 0))

    assert depth.best(BUY, 10) == (PriceLevel(95, 500, 1),)
    assert depth.best(SELL, 10) == ()


def test_checksum_is_crc32_of_ten_asks_then_ten_bids() -> None:
    asks = [PriceLevel(100 + i, 1_000 * (i + 1), 1) for i in range(12)]
    bids = [PriceLevel(99 - i, 2_000 * (i + 1), 1) for i in range(11)]

    text = "".join(f"{100 + i}:{1_000 * (i + 1)};" for i in range(10))
    text += "".join(f"{99 - i}:{2_000 * (i + 1)};" for i in range(10))

    assert checksum(bids, asks) == f"{crc32(text.encode('ascii')):08x}"


@pytest.mark.parametrize(
    ("bids", "asks", "expected"),
    [
        ([], [], "00000000"),
        ([PriceLevel(6500, 1000, 1)], [PriceLevel(6600, 2000, 3)], "eecebe4a"),
        ([], [PriceLevel(6600, 2000, 3)], "32efd8b5"),
    ],
)
def test_checksum_is_eight_hex_digits(bids: list[PriceLevel], asks: list[PriceLevel], expected: str) -> None:
    assert checksum(bids, asks) == expected


def test_first_message_is_a_snapshot() -> None:
    view = book((BUY, 95, 2_000), (SELL, 99, 1_000)).view("X", 7, 5)

    assert first_update(view) == BookUpdate(
        "X", 7, 0, True, (PriceLevel(95, 2_000, 1),), (PriceLevel(99, 1_000, 1),), view.checksum
    )


def test_level_that_leaves_the_view_is_removed_and_one_that_enters_is_sent_whole() -> None:
    depth = book((SELL, 100, 1_000), (SELL, 101, 2_000), (SELL, 102, 3_000))
    sent = depth.view("X", 1, 2)

    depth.set_level(SELL, PriceLevel(99, 500, 1))
    pushed = depth.view("X", 2, 2)
    depth.set_level(SELL, PriceLevel(99, 0, 0))
    depth.set_level(SELL, PriceLevel(100, 0, 0))
    pulled = depth.view("X", 4, 2)

    first, second = update_between(sent, pushed), update_between(pushed, pulled)
    assert first is not None
    assert (first.sequence, first.previous_sequence, first.snapshot) == (2, 1, False)
    assert first.asks == (PriceLevel(101, 0, 0), PriceLevel(99, 500, 1))
    assert first.bids == ()
    assert second is not None
    assert (second.sequence, second.previous_sequence) == (4, 2)
    assert set(second.asks) == {
        PriceLevel(99, 0, 0),
        PriceLevel(100, 0, 0),
        PriceLevel(101, 2_000, 1),
        PriceLevel(102, 3_000, 1),
    }


def test_nothing_is_sent_where_nothing_shows() -> None:
    depth = book((SELL, 100, 1_000), (SELL, 101, 2_000))
    sent = depth.view("X", 1, 1)

    depth.set_level(SELL, PriceLevel(101, 900, 1))

    assert update_between(sent, depth.view("X", 2, 1)) is None


def test_another_number_of_orders_at_the_same_size_is_sent() -> None:
    depth = book((SELL, 100, 1_000))
    sent = depth.view("X", 1, 1)

    depth.set_level(SELL, PriceLevel(100, 1_000, 2))

    update = update_between(sent, depth.view("X", 2, 1))
    assert update is not None
    assert update.asks == (PriceLevel(100, 1_000, 2),)


def apply(known: dict[OrderSide, dict[int, PriceLevel]], update: BookUpdate) -> None:
    """What a client does with a message."""
    for side, levels in ((BUY, update.bids), (SELL, update.asks)):
        if update.snapshot:
            known[side] = {}
        for level in levels:
            if level.quantity:
                known[side][level.price] = level
            else:
                del known[side][level.price]


@pytest.mark.parametrize("count", [1, 5, 10])
def test_a_client_that_applies_every_update_has_each_view(count: int, seed: int) -> None:
    choose = random.Random(seed)
    depth = Depth()
    sent: BookSnapshot = depth.view("X", 0, count)
    known: dict[OrderSide, dict[int, PriceLevel]] = {BUY: {}, SELL: {}}
    apply(known, first_update(sent))
    for sequence in range(1, 2_001):
        side = choose.choice((BUY, SELL))
        price = choose.randrange(1, 25) + (30 if side is SELL else 0)
        depth.set_level(side, PriceLevel(price, choose.choice((0, 0, 1_000, 2_000)), 1))
        view = depth.view("X", sequence, count)
        update = update_between(sent, view) if choose.random() < 0.6 else None
        if update is not None:
            apply(known, update)
            sent = view
            assert sorted(known[BUY].values(), key=lambda level: -level.price) == list(view.bids)
            assert sorted(known[SELL].values(), key=lambda level: level.price) == list(view.asks)
            assert update.checksum == checksum(view.bids, view.asks)
