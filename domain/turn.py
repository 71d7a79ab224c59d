"""One command's turn at the state: what it may do, and the record of what it did.

A rule first refuses (raises DomainError before it changed anything), then acts through the turn, which keeps the
invariants: entries balance, nothing goes below zero that may not.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from domain.commands import Answer
from domain.credits.model import PeriodStatement, Programme
from domain.ids import FIRST_OWNER
from domain.ledger.model import Asset, AssetKind, Entry, EntryKind, Leg, SystemAccount
from domain.orders.model import Instrument, Order, Proposal, Trade
from domain.rewards.model import Offer, Redemption
from domain.state import Market, State, Wallet
from domain.units import OUTSIDE_MAX

TICK_SIZE = 1
LOT_SIZE = 1_000

WORLD = frozenset({SystemAccount.ISSUANCE, SystemAccount.FLOAT})
"""The accounts through which value enters; minus their balance is what was ever issued or paid in."""


@dataclass(frozen=True, slots=True)
class Period:
    """A week that was closed, as one row; `statements` has a line for each member."""

    programme: int
    week_start: date
    members: int
    issued: int
    surrendered: int
    left_over: int


AccountNews = tuple[int, int, int, list[list[Any]]]
"""One command's events for one person: the owner, the number of the first and of the last, and their payloads, which
`infra/postgres/events.py` reads."""


@dataclass(slots=True)
class Things:
    """The rare part of an outcome: what was opened, closed, offered or redeemed."""

    assets: list[Asset] = field(default_factory=list)
    instruments: list[Instrument] = field(default_factory=list)
    programmes: list[Programme] = field(default_factory=list)
    periods: list[Period] = field(default_factory=list)
    statements: list[PeriodStatement] = field(default_factory=list)
    offers: dict[int, Offer] = field(default_factory=dict)
    proposals: dict[int, Proposal] = field(default_factory=dict)
    redemptions: dict[int, Redemption] = field(default_factory=dict)
    changed_terms: dict[int, Order] = field(default_factory=dict)
    """Orders that have another quantity, price or priority."""
    timers: dict[int, datetime | None] = field(default_factory=dict)
    """Dead-man timers that were set, by owner; None for one that was switched off or ran out."""
    till_references: dict[int, str] = field(default_factory=dict)


class Outcome:
    """Everything that one command changed, to be written in one transaction.

    `trades` come each with the id of its entry, `orders` is every order whose state changed, the placed ones too, and
    `balances` every (owner, asset) that moved, with what moved it last.
    """

    __slots__ = ("answer", "balances", "entries", "news", "now", "orders", "placed", "sequence", "things", "trades")

    def __init__(self, sequence: int, now: datetime) -> None:
        self.sequence = sequence
        self.now = now
        self.answer: Answer
        self.entries: list[Entry] = []
        self.trades: list[tuple[Trade, int]] = []
        self.placed: list[Order] = []
        self.orders: dict[int, Order] = {}
        self.balances: dict[tuple[int, int], EntryKind] = {}
        self.news: list[AccountNews] = []
        self.things: Things | None = None


class Turn:
    __slots__ = ("_touched_markets", "now", "outcome", "sequence", "state")

    def __init__(self, state: State, sequence: int, now: datetime) -> None:
        self.state = state
        self.sequence = sequence
        self.now = now
        self.outcome = Outcome(sequence, now)
        self._touched_markets: dict[str, Market] = {}

    # ------------------------------------------------------------ ledger

    def post(self, kind: EntryKind, reference: str, legs: tuple[Leg, ...]) -> int:
        """Writes one entry without its empty legs and moves the balances; returns its id.

        Raises ArithmeticError where an asset does not sum to zero or an account would go below zero that may not.
        """
        state, outcome = self.state, self.outcome
        wallets, moved = state.wallets, outcome.balances
        sums: dict[int, int] = {}
        has_empty_leg = False
        for owner, asset, held, amount in legs:
            if not amount:
                has_empty_leg = True
                continue
            try:
                balance = wallets[owner].balances[asset]
            except KeyError:
                balance = state.balance(owner, asset)
            balance[held] = after = balance[held] + amount
            if after < 0 and (held or owner not in WORLD):
                raise ArithmeticError(f"{kind} {reference} would overdraw owner {owner}, asset {asset}")
            moved[owner, asset] = kind
            sums[asset] = sums.get(asset, 0) + amount
        if any(sums.values()):
            raise ArithmeticError(f"{kind} {reference} is unbalanced: {legs}")
        if has_empty_leg:
            legs = tuple([leg for leg in legs if leg[3]])
        state.entry_sequence = entry = state.entry_sequence + 1
        outcome.entries.append((entry, self.sequence, kind, reference, legs))
        return entry

    def available(self, owner: int, asset: Asset) -> int:
        return self.state.balance(owner, asset.id)[0]

    def room(self, asset: Asset) -> int:
        """How much more of an asset may ever enter, so that no balance leaves the range that clients can read."""
        world = SystemAccount.FLOAT if asset.kind is AssetKind.MONEY else SystemAccount.ISSUANCE
        return OUTSIDE_MAX + self.state.balance(world, asset.id)[0]

    def open_market(self, asset: Asset, money: Asset, maker_fee: int, taker_fee: int) -> None:
        """Lists an asset under its own code; fees are basis points of a trade's value."""
        instrument = Instrument(
            id=len(self.state.markets) + 1,
            symbol=asset.code,
            asset=asset,
            money=money,
            tick_size=TICK_SIZE,
            lot_size=LOT_SIZE,
            maker_fee_basis_points=maker_fee,
            taker_fee_basis_points=taker_fee,
        )
        instrument.session_start = datetime.combine(self.now.astimezone(UTC).date(), time.min, UTC)
        instrument.session_end = instrument.phase_until = instrument.session_start + timedelta(days=1)
        self.state.markets[instrument.symbol] = Market(instrument)
        self.things.instruments.append(instrument)

    @property
    def things(self) -> Things:
        if self.outcome.things is None:
            self.outcome.things = Things()
        return self.outcome.things

    # ------------------------------------------------------------ what changed

    def touch_order(self, order: Order, market: Market) -> None:
        """Notes that an order's state changed and from which trade on it is newer."""
        order.trades_until = market.trade_sequence
        self.outcome.orders[order.id] = order

    def touch_terms(self, order: Order, market: Market) -> None:
        """Notes that an order has another quantity, price or priority."""
        self.touch_order(order, market)
        self.things.changed_terms[order.id] = order

    def set_timer(self, owner: int, runs_out: datetime | None) -> None:
        """The dead-man timer of a person; None switches it off."""
        self.state.set_timer(owner, runs_out)
        self.things.timers[owner] = runs_out

    def touch_book(self, market: Market) -> None:
        """Notes that a book changed; it counts once for the whole command."""
        self._touched_markets[market.instrument.symbol] = market

    def touch_instrument(self, instrument: Instrument) -> None:
        self.things.instruments.append(instrument)

    def touch_proposal(self, proposal: Proposal) -> None:
        self.things.proposals[proposal.id] = proposal

    def touch_redemption(self, redemption: Redemption) -> None:
        self.things.redemptions[redemption.id] = redemption

    def touch_offer(self, offer: Offer) -> None:
        self.things.offers[offer.id] = offer

    def finish(self, answer: Answer) -> Outcome:
        """Numbers the news and the book changes; the turn is over."""
        for market in self._touched_markets.values():
            market.book_sequence += 1
        self.outcome.answer = answer
        self.outcome.news = self._news()
        return self.outcome

    def _news(self) -> list[AccountNews]:
        """For each person: trades, then orders and redemptions, then balances."""
        outcome, wallets = self.outcome, self.state.wallets
        lists: dict[int, list[list[Any]]] = {}
        for owner, _ in outcome.balances:
            if owner >= FIRST_OWNER and owner not in lists:
                lists[owner] = []
        if outcome.trades:
            self._tell_trades(lists)
        for order in outcome.orders.values():
            if order.owner >= FIRST_OWNER:
                told = ["O", order.id, order.remaining, order.notional, order.status, order.reason, order.trades_until]
                if order.placed_quantity is not None:
                    told += _terms_of(order)
                if order.owner in lists:
                    lists[order.owner].append(told)
                else:
                    lists[order.owner] = [told]
        if outcome.things is not None:
            for redemption in outcome.things.redemptions.values():
                lists.setdefault(redemption.owner, []).append(["R", redemption.id, redemption.status])
        for (owner, asset), kind in outcome.balances.items():
            if owner >= FIRST_OWNER:
                available, held = wallets[owner].balances[asset]
                lists[owner].append(["B", asset, available, held, kind])
        return [self._numbered(owner, payloads) for owner, payloads in lists.items()]

    def _tell_trades(self, lists: dict[int, list[list[Any]]]) -> None:
        orders = self.outcome.orders
        for trade, _ in self.outcome.trades:
            for order_id in (trade.buy_order, trade.sell_order):
                order = orders[order_id]
                if order.owner >= FIRST_OWNER:
                    told = ["T", order.id, order.remaining, order.notional, order.status, order.reason]
                    told += (order.trades_until, trade.sequence)
                    if order.placed_quantity is not None:
                        told += _terms_of(order)
                    lists[order.owner].append(told)

    def _numbered(self, owner: int, payloads: list[list[Any]]) -> AccountNews:
        wallet = self.state.wallets.get(owner)
        if wallet is None:
            wallet = self.state.wallets[owner] = Wallet()
        first = wallet.event_sequence + 1
        wallet.event_sequence = last = first + len(payloads) - 1
        return owner, first, last, payloads


def _terms_of(order: Order) -> tuple[int | None, ...]:
    """Quantity, price and what moved it: told of an order that has others than it was placed with."""
    return order.quantity, order.price, order.moved_by
