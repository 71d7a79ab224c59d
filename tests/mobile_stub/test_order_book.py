"""The replica of an order book: the checksum's exact text, deltas, and what makes it fall out of step."""

import zlib
from typing import Any

import pytest

from mobile_stub.errors import OutOfStep
from mobile_stub.order_book import OrderBookReplica


def update(
    previous: int, sequence: int, checked: str, *, bids: Any = (), asks: Any = (), snapshot: bool = False
) -> dict[str, Any]:
    """`checked` is the text under the checksum."""
    return {
        "symbol": "PCA-DEMO-2026",
        "sequence": sequence,
        "previousSequence": previous,
        "snapshot": snapshot,
        "bids": [{"price": price, "quantity": quantity, "orders": 1} for price, quantity in bids],
        "asks": [{"price": price, "quantity": quantity, "orders": 1} for price, quantity in asks],
        "checksum": f"{zlib.crc32(checked.encode()):08x}",
    }


@pytest.fixture
def replica() -> OrderBookReplica:
    book = OrderBookReplica()
    book.apply(
        update(
            0,
            7,
            "8100:2000;8200:1000;8000:3000;7900:1000;",
            bids=[(7900, 1000), (8000, 3000)],
            asks=[(8200, 1000), (8100, 2000)],
            snapshot=True,
        )
    )
    return book


def test_an_empty_book_has_the_checksum_of_no_text() -> None:
    assert OrderBookReplica().checksum() == "00000000"


def test_a_snapshot_is_taken_whole(replica: OrderBookReplica) -> None:
    assert (replica.best_bid, replica.best_ask, replica.sequence) == (8000, 8100, 7)


def test_a_delta_sets_absolute_sizes_and_zero_removes(replica: OrderBookReplica) -> None:
    replica.apply(update(7, 9, "8200:500;8000:1000;7900:1000;", bids=[(8000, 1000)], asks=[(8100, 0), (8200, 500)]))
    assert replica.bids == {8000: 1000, 7900: 1000}
    assert replica.asks == {8200: 500}
    assert replica.sequence == 9


def test_only_the_ten_best_of_each_side_are_under_the_checksum() -> None:
    book = OrderBookReplica()
    bids = [(price, 1000) for price in range(100, 112)]
    checked = "".join(f"{price}:1000;" for price in range(111, 101, -1))
    book.apply(update(0, 1, checked, bids=bids, snapshot=True))
    assert len(book.bids) == 12


def test_a_missing_update_is_noticed(replica: OrderBookReplica) -> None:
    with pytest.raises(OutOfStep, match="follows 8, the replica is at 7"):
        replica.apply(update(8, 9, "", bids=[(8000, 0)]))
    assert replica.bids == {8000: 3000, 7900: 1000}


def test_a_delta_before_any_snapshot_is_out_of_step() -> None:
    with pytest.raises(OutOfStep):
        OrderBookReplica().apply(update(0, 1, "8000:1000;", bids=[(8000, 1000)]))


def test_a_wrong_checksum_is_noticed(replica: OrderBookReplica) -> None:
    with pytest.raises(OutOfStep, match="checksum at 8"):
        replica.apply(update(7, 8, "8100:2000;8200:1000;8000:9999;7900:1000;", bids=[(8000, 3001)]))
