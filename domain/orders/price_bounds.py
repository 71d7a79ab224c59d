"""Where a price may lie, and how fast it may move.

The band lies around the reference price, the last official close; the operator's floor and ceiling cut it. Within a
session a trade may not lie further than `Terms.halt` from where the price was `Terms.halt_window` ago: the market halts
instead. Both begin with the first official close: until then the market looks for its price.
"""

from bisect import bisect_left
from datetime import datetime, timedelta

from domain.orders.model import Instrument
from domain.orders.terms import HALT_WINDOW_MAX
from domain.units import BASIS_POINTS, OUTSIDE_MAX

ANY_PRICE = 0, OUTSIDE_MAX
MINUTE = 60
MINUTES_KEPT = HALT_WINDOW_MAX // MINUTE + 1


def set_bounds(instrument: Instrument) -> None:
    """Brings the instrument's floor and ceiling to what its terms and its reference price give, on tick, inwards."""
    terms, reference, tick = instrument.terms, instrument.reference_price, instrument.tick_size
    floor, ceiling = terms.price_floor, terms.price_ceiling
    if terms.band is not None and reference is not None:
        low, high = _around(reference, terms.band)
        floor, ceiling = _within(low, floor, ceiling), _within(high, floor, ceiling)
    instrument.price_floor = None if floor is None else -(-floor // tick) * tick
    instrument.price_ceiling = None if ceiling is None else ceiling // tick * tick


def official_close(notional: int, grams: int, tick_size: int) -> int:
    """The mean price of a session's trades weighted by grams, to the nearest tick; `notional` sums price x grams."""
    return (2 * notional + grams * tick_size) // (2 * grams * tick_size) * tick_size


def _within(price: int, floor: int | None, ceiling: int | None) -> int:
    price = price if floor is None else max(price, floor)
    return price if ceiling is None else min(price, ceiling)


def _around(price: int, basis_points: int) -> tuple[int, int]:
    """The lowest and the highest whole price within so many basis points."""
    return (
        -(-price * (BASIS_POINTS - basis_points) // BASIS_POINTS),
        min(price * (BASIS_POINTS + basis_points) // BASIS_POINTS, OUTSIDE_MAX),
    )


class Pace:
    """How the price moved: the first price of each of the last minutes with a trade, and the last price of all.

    It keeps as many whatever the window is, so that one that was read from Postgres knows the same.
    """

    __slots__ = ("_minutes", "_noted_at", "last_price")

    def __init__(self) -> None:
        self.last_price: int | None = None
        self._minutes: list[tuple[int, int]] = []
        self._noted_at: datetime | None = None

    def note(self, at: datetime, price: int) -> None:
        self.last_price = price
        if at is self._noted_at:
            return
        self._noted_at = at
        minute = int(at.timestamp()) // MINUTE
        if not self._minutes or self._minutes[-1][0] < minute:
            self._minutes.append((minute, price))
            del self._minutes[:-MINUTES_KEPT]

    def bounds(self, instrument: Instrument, now: datetime) -> tuple[int, int]:
        """The lowest and highest price at which a trade does not halt the market."""
        terms = instrument.terms
        if terms.halt is None or instrument.reference_price is None:
            return ANY_PRICE
        if instrument.anchor_until is not None and now < instrument.anchor_until:
            anchor = instrument.anchor_price
        else:
            oldest = int((now - timedelta(seconds=terms.halt_window)).timestamp()) // MINUTE
            index = bisect_left(self._minutes, (oldest,))
            anchor = self._minutes[index][1] if index < len(self._minutes) else self.last_price
        return ANY_PRICE if anchor is None else _around(anchor, terms.halt)
