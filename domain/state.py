"""All that the engine knows: balances, books, and the things that commands name.

Nobody but the engine changes it. Wallets are loaded on first touch by whoever drives the engine; a replay from zero
starts with all of them empty. What has ended (orders, redemptions) is kept in `ended_*` until the driver forgets it.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from heapq import heappop, heappush
from typing import NamedTuple
from uuid import UUID

from domain.credits.model import Programme
from domain.ledger.model import Asset, AssetKind, Balance
from domain.orders.book import OrderBook
from domain.orders.model import Instrument, Order, Proposal
from domain.orders.price_bounds import Pace
from domain.rewards.model import Offer, Redemption, RedemptionStatus


class Wallet:
    """One owner's balances by asset id, each [available, held], and the number of its last event."""

    __slots__ = ("balances", "event_sequence")

    def __init__(self, event_sequence: int = 0) -> None:
        self.balances: dict[int, list[int]] = {}
        self.event_sequence = event_sequence


class Market:
    """One instrument with its book and its two counters, and what its session came to so far.

    `session_notional` is the sum of price x grams of the session's trades, `session_grams` that of their grams.
    """

    __slots__ = (
        *("book", "book_sequence", "instrument", "pace"),
        *("session_grams", "session_notional", "trade_sequence"),
    )

    def __init__(self, instrument: Instrument, book_sequence: int = 0, trade_sequence: int = 0) -> None:
        self.instrument = instrument
        self.book = OrderBook()
        self.book_sequence = book_sequence
        self.trade_sequence = trade_sequence
        self.pace = Pace()
        self.session_notional = 0
        self.session_grams = 0

    def note_trade(self, at: datetime, price: int, grams: int) -> None:
        """Numbers one more trade."""
        self.trade_sequence += 1
        self.session_notional += price * grams
        self.session_grams += grams
        self.pace.note(at, price)


class RunOut(NamedTuple):
    """A dead-man timer whose time was over `at` this moment."""

    owner: int
    at: datetime


@dataclass(slots=True)
class State:
    command_sequence: int = 0
    entry_sequence: int = 0
    wallets: dict[int, Wallet] = field(default_factory=dict)
    assets: dict[str, Asset] = field(default_factory=dict)
    markets: dict[str, Market] = field(default_factory=dict)
    programmes: dict[str, Programme] = field(default_factory=dict)
    closed_periods: set[tuple[int, date]] = field(default_factory=set)
    offers: dict[int, Offer] = field(default_factory=dict)
    orders: dict[tuple[int, UUID], Order] = field(default_factory=dict)
    """Resting orders by owner and client order id."""
    orders_by_id: dict[int, Order] = field(default_factory=dict)
    proposals: dict[int, Proposal] = field(default_factory=dict)
    """Those that wait for a second operator."""
    redemptions: dict[int, Redemption] = field(default_factory=dict)
    """Reserved redemptions."""
    redemption_codes: dict[str, int] = field(default_factory=dict)
    ended_orders: dict[tuple[int, UUID], Order] = field(default_factory=dict)
    ended_redemptions: dict[int, Redemption] = field(default_factory=dict)
    _ended_orders_before: tuple[dict[tuple[int, UUID], Order], ...] = ({}, {})
    _ended_redemptions_before: tuple[dict[int, Redemption], ...] = ({}, {})
    timers: dict[int, datetime] = field(default_factory=dict)
    """When the dead-man timer of an owner runs out."""
    _deadlines: list[tuple[datetime, int]] = field(default_factory=list)
    """With the id of an order or redemption, or minus the owner of a timer."""
    _timers_noted: dict[int, datetime] = field(default_factory=dict)
    """The one deadline of each owner that counts: at most that of its timer, so that setting it anew costs nothing."""

    # ------------------------------------------------------------ balances

    def balance(self, owner: int, asset: int) -> list[int]:
        """[available, held], made where missing."""
        try:
            return self.wallets[owner].balances[asset]
        except KeyError:
            return self.wallets.setdefault(owner, Wallet()).balances.setdefault(asset, [0, 0])

    def balance_of(self, owner: int, asset: Asset) -> Balance:
        available, held = self.balance(owner, asset.id)
        return Balance(asset, available, held)

    # ------------------------------------------------------------ things

    def open_asset(self, code: str, kind: AssetKind, unit: str) -> Asset:
        asset = self.assets[code] = Asset(len(self.assets) + 1, code, kind, unit)
        return asset

    def programme_of_asset(self, asset: Asset) -> Programme | None:
        """The programme that issued an allowance: PCA-<code>-<year>."""
        if asset.kind is not AssetKind.ALLOWANCE:
            return None
        return self.programmes.get(asset.code.removeprefix("PCA-").rpartition("-")[0])

    def add_order(self, order: Order) -> None:
        """Puts an order into its book, one that was replaced too, and remembers its deadline."""
        self.markets[order.instrument.symbol].book.rest(order)
        self.orders[order.owner, order.client_order_id] = order
        if order.expires_at is not None and order.id not in self.orders_by_id:
            heappush(self._deadlines, (order.expires_at, order.id))
        self.orders_by_id[order.id] = order

    def end_order(self, order: Order) -> None:
        """Forgets an order that left the book."""
        self.orders.pop((order.owner, order.client_order_id), None)
        self.orders_by_id.pop(order.id, None)
        self.ended_orders[order.owner, order.client_order_id] = order

    def add_redemption(self, redemption: Redemption) -> None:
        self.redemptions[redemption.id] = redemption
        self.redemption_codes[redemption.code] = redemption.id
        heappush(self._deadlines, (redemption.expires_at, redemption.id))

    def end_redemption(self, redemption: Redemption, status: RedemptionStatus) -> None:
        del self.redemptions[redemption.id]
        redemption.status = status
        self.remember_ended_redemption(redemption)

    def remember_ended_redemption(self, redemption: Redemption) -> None:
        self.redemption_codes[redemption.code] = redemption.id
        self.ended_redemptions[redemption.id] = redemption

    def redemption(self, redemption_id: int | None) -> Redemption | None:
        """Reserved or ended."""
        if redemption_id is None:
            return None
        for redemptions in (self.redemptions, self.ended_redemptions, *self._ended_redemptions_before):
            if (redemption := redemptions.get(redemption_id)) is not None:
                return redemption
        return None

    def order(self, key: tuple[int, UUID]) -> Order | None:
        """Resting or ended."""
        for orders in (self.orders, self.ended_orders, *self._ended_orders_before):
            if (order := orders.get(key)) is not None:
                return order
        return None

    def will_know(self, key: tuple[int, UUID]) -> bool:
        """True where an order will still be here after the next `forget_ended`."""
        return key in self.orders or key in self.ended_orders or key in self._ended_orders_before[0]

    def forget_ended(self) -> None:
        """Drops what ended before the last call but one; a command that names it loads it again.

        By then its batch was stored before anything was read for the batch that begins, however early that was.
        """
        newer, oldest = self._ended_redemptions_before
        for redemption in oldest.values():
            self.redemption_codes.pop(redemption.code, None)
        self._ended_redemptions_before, self.ended_redemptions = (self.ended_redemptions, newer), {}
        self._ended_orders_before, self.ended_orders = (self.ended_orders, self._ended_orders_before[0]), {}

    # ------------------------------------------------------------ time

    def set_timer(self, owner: int, runs_out: datetime | None) -> None:
        """The dead-man timer of a person; None switches it off."""
        if runs_out is None:
            self.timers.pop(owner, None)
            return
        self.timers[owner] = runs_out
        if owner not in self._timers_noted or runs_out < self._timers_noted[owner]:
            self._note_timer(owner, runs_out)

    def is_due(self, now: datetime, inclusive: bool = True) -> bool:
        """True where the time of an order, redemption or timer is over; of those that end at `now` if inclusive."""
        deadlines = self._deadlines
        while deadlines and not self._counts(*deadlines[0]):
            heappop(deadlines)
        return bool(deadlines) and (deadlines[0][0] <= now if inclusive else deadlines[0][0] < now)

    def pop_due(self, now: datetime, inclusive: bool = True) -> Order | Redemption | RunOut | None:
        """The next order, redemption or timer whose time is over, earliest first."""
        if not self.is_due(now, inclusive):
            return None
        at, thing_id = heappop(self._deadlines)
        if thing_id < 0:
            del self._timers_noted[-thing_id]
            return RunOut(-thing_id, at)
        return self.orders_by_id.get(thing_id) or self.redemptions[thing_id]

    def _counts(self, at: datetime, thing_id: int) -> bool:
        """False for a deadline of what has ended, and for one of a timer that was set anew since; that is noted."""
        if thing_id > 0:
            return thing_id in self.orders_by_id or thing_id in self.redemptions
        owner = -thing_id
        if self._timers_noted.get(owner) != at:
            return False
        runs_out = self.timers.get(owner)
        if runs_out == at:
            return True
        del self._timers_noted[owner]
        if runs_out is not None:
            self._note_timer(owner, runs_out)
        return False

    def _note_timer(self, owner: int, runs_out: datetime) -> None:
        self._timers_noted[owner] = runs_out
        heappush(self._deadlines, (runs_out, -owner))

    def digest(self) -> bytes:
        """16 bytes that name every resting order of every market."""
        digest = 0
        for market in self.markets.values():
            digest ^= market.book.digest
        return digest.to_bytes(16, "big")
