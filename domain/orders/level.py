"""The orders at one price of a side of the book.

An order that ended elsewhere stays in the queue until it comes to the front, so that cancelling costs the same in a
level of ten or of ten thousand.
"""

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.orders.model import Order

COMPACT_AFTER = 64


class Level:
    """Oldest order first; `quantity` is of those that still rest, `gone` counts the others.

    `rank` is the price, or minus the price of a SELL; `changed` is True where it differs from what was last told.
    """

    __slots__ = ("changed", "gone", "orders", "price", "quantity", "rank")

    def __init__(self, price: int, rank: int) -> None:
        self.price = price
        self.rank = rank
        self.orders: deque[Order] = deque()
        self.quantity = 0
        self.gone = 0
        self.changed = False

    @property
    def count(self) -> int:
        return len(self.orders) - self.gone

    def first(self) -> "Order":
        """The oldest resting order; only for a level that has one."""
        orders = self.orders
        while (first := orders[0]).level is None:
            orders.popleft()
            self.gone -= 1
        return first

    def resting(self) -> "Iterator[Order]":
        return (order for order in self.orders if order.level is not None)

    def compact(self) -> None:
        if self.gone > COMPACT_AFTER:
            self.orders = deque(self.resting())
            self.gone = 0
