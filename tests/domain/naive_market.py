"""A second exchange, written from the contract's words alone and as plain as possible, to compare the engine with.

It keeps lists and looks through them anew at each step. It knows what people own; what is held is never kept but added
up from what is open, so it can be no other than what open orders and redemptions reserve. Fractions do the rounding.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from hashlib import blake2b
from math import ceil, floor
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.commands import (
    CancelAllAfter,
    CancelAllOrders,
    CancelOrder,
    CancelRedemption,
    CaptureRedemption,
    ChangePhase,
    ClosePeriod,
    Command,
    ConvertToPoints,
    CreateOffer,
    CreateProgramme,
    Deposit,
    ExpireDue,
    HaltMarket,
    Issue,
    PlaceOrder,
    RedeemOffer,
    ReplaceOrder,
    ResumeMarket,
    SetTerms,
)
from domain.ids import NOBODY

Answer = tuple[str, dict[str, Any]]
LARGEST = 2**53 - 1


class Refused(Exception):
    def __init__(self, code: str, **fields: Any) -> None:
        self.answer = code, fields


def invalid(named: str) -> Refused:
    return Refused("INVALID_INPUT", field=named)


@dataclass
class NaiveOrder:
    sequence: int
    owner: int
    key: UUID
    symbol: str
    buys: bool
    time_in_force: str
    price: int
    quantity: int
    remaining: int
    ends_at: datetime | None
    post_only: bool
    self_trade: str
    priority: int
    moved_by: int | None = None
    is_changed: bool = False
    """Not of the quantity and price any more that it was placed with."""
    status: str = "OPEN"
    reason: str | None = None
    fills: list[tuple[int, int]] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.status in ("OPEN", "PARTIALLY_FILLED")

    @property
    def filled(self) -> int:
        return sum(grams for _, grams in self.fills)

    def crosses(self, other: "NaiveOrder") -> bool:
        if self.buys == other.buys or self.symbol != other.symbol:
            return False
        return self.price >= other.price if self.buys else self.price <= other.price


@dataclass
class NaiveOffer:
    sequence: int
    partner: int
    asset: str
    points: int
    stock: int | None
    until: datetime | None


@dataclass
class NaiveRedemption:
    sequence: int
    owner: int
    offer: NaiveOffer
    code: str
    ends_at: datetime
    status: str = "RESERVED"


@dataclass
class NaivePhase:
    """One market's day: `day` is its trades since `starts`, each (at, price, grams)."""

    starts: datetime | None
    ends: datetime | None
    name: str = "CONTINUOUS"
    until: datetime | None = None
    reference: int | None = None
    day: list[tuple[datetime, int, int]] = field(default_factory=list)
    all_trades: list[tuple[datetime, int]] = field(default_factory=list)
    auction: tuple[int, datetime] | None = None
    """The price of the last auction, and until when the price may not move too fast from it."""


class NaiveMarket:
    def __init__(self) -> None:
        self.sequence = 0
        self.kinds: dict[str, str] = {}
        self.symbols: list[str] = []
        self.programmes: dict[str, CreateProgramme] = {}
        self.programme_of_asset: dict[str, CreateProgramme] = {}
        self.owned: Counter[tuple[int, str]] = Counter()
        self.entered: Counter[str] = Counter()
        self.used_up: Counter[str] = Counter()
        """Surrendered or given up for points."""
        self.fees: Counter[str] = Counter()
        self.orders: list[NaiveOrder] = []
        self.trades: dict[str, list[tuple[Any, ...]]] = {}
        self.phases: dict[str, NaivePhase] = {}
        self.now = datetime.fromtimestamp(0, UTC)
        self.limits: dict[str, dict[str, int]] = {}
        """By symbol: smallest, largest, open and holding, where a market has such a limit."""
        self.timers: dict[int, datetime] = {}
        self.offers: list[NaiveOffer] = []
        self.redemptions: list[NaiveRedemption] = []
        self.closed: set[tuple[str, date]] = set()

    def apply(self, command: Command, now: datetime) -> Answer:
        """What must be answered: the kind, and the fields without the message."""
        self.sequence += 1
        self.now = now
        rules: dict[str, Callable[[Any, datetime], Answer]] = {
            "PLACE_ORDER": self._place,
            "CANCEL_ORDER": self._cancel,
            "REPLACE_ORDER": self._replace,
            "CANCEL_ALL_ORDERS": self._cancel_all,
            "CANCEL_ALL_AFTER": self._set_timer,
            "EXPIRE_DUE": self._expire,
            "CHANGE_PHASE": self._change_phase,
            "SET_TERMS": self._set_terms,
            "HALT_MARKET": self._halt_market,
            "RESUME_MARKET": self._resume_market,
            "DEPOSIT": self._deposit,
            "ISSUE": self._issue,
            "CREATE_PROGRAMME": self._create_programme,
            "CLOSE_PERIOD": self._close_period,
            "CONVERT_TO_POINTS": self._convert,
            "CREATE_OFFER": self._create_offer,
            "REDEEM_OFFER": self._redeem,
            "CANCEL_REDEMPTION": self._cancel_redemption,
            "CAPTURE_REDEMPTION": self._capture,
        }
        try:
            return rules[command.kind](command, now)
        except Refused as refused:
            return refused.answer

    # ------------------------------------------------------------ what people have

    def held(self, owner: int, asset: str) -> int:
        by_orders = sum(
            self._reserved_by(order)
            for order in self.orders
            if order.is_open and order.owner == owner and asset == self._reserved_asset(order)
        )
        by_redemptions = sum(
            redemption.offer.points
            for redemption in self.redemptions
            if redemption.status == "RESERVED" and redemption.owner == owner and redemption.offer.asset == asset
        )
        return by_orders + by_redemptions

    def available(self, owner: int, asset: str) -> int:
        return self.owned[owner, asset] - self.held(owner, asset)

    def _money_of(self, symbol: str) -> str:
        return self.programme_of_asset[symbol].currency

    def _reserved_asset(self, order: NaiveOrder) -> str:
        return self._money_of(order.symbol) if order.buys else order.symbol

    def _reserved_by(self, order: NaiveOrder) -> int:
        if not order.buys:
            return order.remaining
        programme = self.programme_of_asset[order.symbol]
        value = ceil(Fraction(order.price * order.remaining, 1_000_000))
        highest = max(programme.maker_fee_basis_points, programme.taker_fee_basis_points)
        return value + ceil(Fraction(value * highest, 10_000))

    def _require(self, owner: int, asset: str, amount: int) -> None:
        available = self.available(owner, asset)
        if available < amount:
            raise Refused("INSUFFICIENT_BALANCE", asset=asset, available=available, required=amount)

    # ------------------------------------------------------------ orders

    def _place(self, command: PlaceOrder, now: datetime) -> Answer:
        if command.symbol not in self.symbols:
            raise invalid("symbol")
        market, immediate = command.type == "MARKET", command.time_in_force in ("IOC", "FOK")
        if market and command.time_in_force in ("DAY", "GTD"):
            raise invalid("timeInForce")
        if command.post_only and (market or immediate):
            raise invalid("postOnly")
        if command.time_in_force == "GTD":
            if command.expires_at is None or command.expires_at <= now:
                raise invalid("expiresAt")
        elif command.expires_at is not None:
            raise invalid("expiresAt")
        self._check_numbers(command.symbol, command.quantity, command.price)
        waits = not market and not immediate and not command.post_only
        self._check_phase(command.symbol, command.price, waits)
        self._check_limits(command, may_rest=not market and not immediate)
        assert command.key is not None
        order = NaiveOrder(
            self.sequence,
            command.caller,
            command.key,
            command.symbol,
            command.side == "BUY",
            "IOC" if market and command.time_in_force != "FOK" else command.time_in_force,
            command.price,
            command.quantity,
            command.quantity,
            self.phases[command.symbol].ends if command.time_in_force == "DAY" else command.expires_at,
            command.post_only,
            command.self_trade,
            self.sequence,
        )
        self._require(order.owner, self._reserved_asset(order), self._reserved_by(order))
        self.orders.append(order)
        self._match(order)
        return "order", {"id": order.sequence}

    def _check_numbers(self, symbol: str, quantity: int, price: int) -> None:
        if quantity < 1 or quantity % 1_000:
            raise invalid("quantity")
        if price < 1 or Fraction(price * 1_000, 1_000_000) < 1:
            raise invalid("price")
        limits = self.limits.get(symbol, {})
        if not limits.get("smallest_order", 1) <= quantity <= limits.get("largest_order", 10**12):
            raise Refused("ORDER_LIMIT_EXCEEDED")

    def _check_limits(self, command: PlaceOrder, may_rest: bool) -> None:
        limits = self.limits.get(command.symbol, {})
        mine = [
            order
            for order in self.orders
            if order.is_open and (order.owner, order.symbol) == (command.caller, command.symbol)
        ]
        owned = self.owned[command.caller, command.symbol]
        could_own = owned + sum(order.remaining for order in mine if order.buys) + command.quantity
        too_many = may_rest and len(mine) >= limits.get("open_orders", 10_000)
        if too_many or (command.side == "BUY" and could_own > limits.get("holding", could_own)):
            raise Refused("ORDER_LIMIT_EXCEEDED")

    def _in_reach(self, order: NaiveOrder) -> list[NaiveOrder]:
        """Open orders that this one would trade with, in the order in which it would."""
        found = [other for other in self.orders if other.is_open and order.crosses(other)]
        return sorted(found, key=lambda other: (other.price if order.buys else -other.price, other.priority))

    def _match(self, order: NaiveOrder) -> None:
        if self.phases[order.symbol].name == "CALL_AUCTION":
            if any(other.owner == order.owner for other in self._in_reach(order)):
                order.status, order.reason = "CANCELLED", "SELF_TRADE"
            return
        start = self._start_price(order.symbol)
        in_reach = self._in_reach(order)
        if order.post_only and in_reach:
            order.status, order.reason = "REJECTED", "POST_ONLY_WOULD_TRADE"
            return
        if order.time_in_force == "FOK":
            own = [other.owner == order.owner for other in in_reach]
            counted = in_reach[: own.index(True)] if True in own else in_reach
            if order.self_trade == "CANCEL_OLDEST":
                counted = [other for other in in_reach if other.owner != order.owner]
            away = [self._runs_away(start, other.price) for other in counted]
            counted = counted[: away.index(True)] if True in away else counted
            if sum(other.remaining for other in counted) < order.quantity:
                order.status, order.reason = "CANCELLED", "FOK_NOT_FILLABLE"
                return
        while order.is_open and order.remaining and (in_reach := self._in_reach(order)):
            if in_reach[0].owner == order.owner:
                self._meet(order, in_reach[0])
            elif self._runs_away(start, in_reach[0].price):
                self._halt(order.symbol)
                break
            else:
                self._trade(order, in_reach[0])
        if order.is_open and order.time_in_force in ("IOC", "FOK"):
            order.status, order.reason = "CANCELLED", "IOC_REMAINDER"

    def _meet(self, newest: NaiveOrder, oldest: NaiveOrder) -> None:
        """One person's two orders."""
        smaller = min(newest.remaining, oldest.remaining)
        ends = {
            "CANCEL_NEWEST": [newest],
            "CANCEL_OLDEST": [oldest],
            "CANCEL_BOTH": [newest, oldest],
            "DECREMENT_AND_CANCEL": [order for order in (newest, oldest) if order.remaining == smaller],
        }[newest.self_trade]
        for order in (newest, oldest):
            if order in ends:
                order.status, order.reason = "CANCELLED", "SELF_TRADE"
            elif newest.self_trade == "DECREMENT_AND_CANCEL":
                order.quantity -= smaller
                order.remaining -= smaller
                order.is_changed = True

    def _trade(self, taker: NaiveOrder, maker: NaiveOrder) -> None:
        programme = self.programme_of_asset[taker.symbol]
        points = {
            id(taker): programme.taker_fee_basis_points,
            id(maker): programme.maker_fee_basis_points,
        }
        buyer, seller = (taker, maker) if taker.buys else (maker, taker)
        self._deliver(buyer, seller, maker.price, points, taker.buys)

    def _deliver(
        self, buyer: NaiveOrder, seller: NaiveOrder, price: int, points: dict[int, int], taken_by_buyer: bool | None
    ) -> None:
        symbol, grams = buyer.symbol, min(buyer.remaining, seller.remaining)
        money, value = self._money_of(symbol), floor(Fraction(price * grams, 1_000_000))
        fee_of = {who: floor(Fraction(value * fee, 10_000)) for who, fee in points.items()}
        self.owned[buyer.owner, money] -= value + fee_of[id(buyer)]
        self.owned[seller.owner, money] += value - fee_of[id(seller)]
        self.fees[money] += sum(fee_of.values())
        self.owned[seller.owner, symbol] -= grams
        self.owned[buyer.owner, symbol] += grams
        for order in (buyer, seller):
            order.remaining -= grams
            order.fills.append((price, grams))
            order.status = "PARTIALLY_FILLED" if order.remaining else "FILLED"
        number = len(self.trades[symbol]) + 1
        fees = fee_of[id(buyer)], fee_of[id(seller)]
        parties = buyer.sequence, seller.sequence
        self.trades[symbol].append((number, price, grams, value, *parties, *fees, taken_by_buyer))
        self.phases[symbol].day.append((self.now, price, grams))
        self.phases[symbol].all_trades.append((self.now, price))

    # ------------------------------------------------------------ phases

    def _check_phase(self, symbol: str, price: int, waits: bool) -> None:
        phase = self.phases[symbol]
        if phase.name not in ("CONTINUOUS", "CALL_AUCTION"):
            raise Refused("MARKET_CLOSED", opens_at=phase.until.isoformat() if phase.until else None)
        if phase.name == "CALL_AUCTION" and not waits:
            raise Refused("MARKET_CLOSED", opens_at=phase.until.isoformat() if phase.until else None)
        if phase.reference is not None:
            lowest, highest = ceil(Fraction(phase.reference * 9, 10)), floor(Fraction(phase.reference * 11, 10))
            if not lowest <= price <= highest:
                raise Refused("PRICE_OUTSIDE_BAND", floor=lowest, ceiling=highest)

    def _start_price(self, symbol: str) -> int | None:
        """Where an order finds the market: the first price since the minute 5 minutes ago, else the last price."""
        phase = self.phases[symbol]
        if phase.reference is None:
            return None
        if phase.auction is not None and self.now < phase.auction[1]:
            return phase.auction[0]
        since = (self.now - timedelta(minutes=5)).replace(second=0, microsecond=0)
        recent = [traded for at, traded in phase.all_trades if at >= since]
        return recent[0] if recent else (phase.all_trades[-1][1] if phase.all_trades else None)

    def _runs_away(self, start: int | None, price: int) -> bool:
        return start is not None and abs(Fraction(price - start, start)) > Fraction(5, 100)

    def _halt(self, symbol: str) -> None:
        phase = self.phases[symbol]
        assert phase.ends is not None
        phase.name, phase.until = "HALTED", min(self.now + timedelta(minutes=5), phase.ends)

    def _set_terms(self, command: SetTerms, now: datetime) -> Answer:
        phase, before = self.phases[command.symbol], self.limits.setdefault(command.symbol, {})
        was = before.get("batch_seconds", 0)
        before.update(command.changes)
        phase.reference = command.reference_price or phase.reference
        if before.get("batch_seconds", 0) != was and phase.name not in ("HALTED", "CALL_AUCTION"):
            phase.until = now
        return "instrument", {"symbol": command.symbol}

    def _halt_market(self, command: HaltMarket, _now: datetime) -> Answer:
        self.phases[command.symbol].name, self.phases[command.symbol].until = "HALTED", None
        return "instrument", {"symbol": command.symbol}

    def _resume_market(self, command: ResumeMarket, now: datetime) -> Answer:
        if self.phases[command.symbol].name != "HALTED":
            raise invalid("symbol")
        self.phases[command.symbol].until = now
        return "instrument", {"symbol": command.symbol}

    def _change_phase(self, command: ChangePhase, _now: datetime) -> Answer:
        phase = self.phases[command.symbol]
        if phase.name == "CALL_AUCTION" or command.phase == "CONTINUOUS":
            price = self._auction(command.symbol)
            if price is not None:
                phase.auction = price, self.now + timedelta(minutes=5)
        if phase.starts is not None and command.session_start != phase.starts:
            if phase.day:
                mean = Fraction(sum(price * grams for _, price, grams in phase.day), sum(row[2] for row in phase.day))
                phase.reference = floor(mean + Fraction(1, 2))
            phase.day = []
        phase.starts, phase.ends = command.session_start, command.session_end
        phase.name, phase.until = command.phase.value, command.until
        return "phase", {"symbol": command.symbol, "phase": phase.name}

    def _auction(self, symbol: str) -> int | None:
        """Tries every price at which anything changes, and those next to it."""
        self._part_own(symbol)
        mine = [order for order in self.orders if order.is_open and order.symbol == symbol]
        buys, sells = [order for order in mine if order.buys], [order for order in mine if not order.buys]
        if not buys or not sells:
            return None
        low, high = min(order.price for order in sells), max(order.price for order in buys)
        if low > high:
            return None
        phase = self.phases[symbol]
        target = phase.reference if phase.reference is not None else (low + high) // 2
        if phase.reference is None and phase.all_trades:
            target = phase.all_trades[-1][1]
        tried = []
        near = {price + step for price in (target, *(order.price for order in mine)) for step in (-1, 0, 1)}
        for price in sorted({min(max(price, low), high) for price in near}):
            wanted = sum(order.remaining for order in buys if order.price >= price)
            offered = sum(order.remaining for order in sells if order.price <= price)
            tried.append((-min(wanted, offered), abs(wanted - offered), abs(price - target), price))
        best = sorted(row for row in tried if row[:3] == min(tried)[:3])
        drawn = int.from_bytes(blake2b(str(self.sequence).encode(), digest_size=8).digest(), "big") % len(best)
        price = best[drawn][3]
        points = self.programme_of_asset[symbol].maker_fee_basis_points
        while True:
            buyers = [order for order in buys if order.is_open and order.price >= price]
            sellers = [order for order in sells if order.is_open and order.price <= price]
            if not buyers or not sellers:
                return price
            buyer = min(buyers, key=lambda order: (-order.price, order.priority))
            seller = min(sellers, key=lambda order: (order.price, order.priority))
            self._deliver(buyer, seller, price, {id(buyer): points, id(seller): points}, None)

    def _part_own(self, symbol: str) -> None:
        """Of two orders of one owner that could trade with each other, the newer one ends; best BUYs come first."""
        mine = [order for order in self.orders if order.is_open and order.symbol == symbol]
        for buy in sorted((order for order in mine if order.buys), key=lambda order: (-order.price, order.priority)):
            own = [order for order in mine if order.is_open and order.owner == buy.owner and buy.crosses(order)]
            if any(order.priority < buy.priority for order in own):
                buy.status, buy.reason = "CANCELLED", "SELF_TRADE"
            else:
                for order in own:
                    order.status, order.reason = "CANCELLED", "SELF_TRADE"

    def _cancel(self, command: CancelOrder, _now: datetime) -> Answer:
        for order in self.orders:
            if (order.owner, order.key) == (command.caller, command.client_order_id):
                if order.is_open:
                    until = self._frozen_until(order.symbol, self.now)
                    if until is not None:
                        raise Refused("MARKET_CLOSED", opens_at=until.isoformat())
                    order.status, order.reason = "CANCELLED", "CANCELLED_BY_OWNER"
                elif order.reason != "CANCELLED_BY_OWNER":
                    raise Refused("ORDER_NOT_OPEN")
                return "order", {"id": order.sequence}
        raise Refused("NOT_FOUND")

    def _replace(self, command: ReplaceOrder, _now: datetime) -> Answer:
        found = [
            order for order in self.orders if (order.owner, order.key) == (command.caller, command.client_order_id)
        ]
        if not found:
            raise Refused("NOT_FOUND")
        [order] = found
        if not order.is_open:
            raise Refused("ORDER_NOT_OPEN")
        self._check_numbers(order.symbol, command.quantity, command.price)
        if command.quantity <= order.filled:
            raise invalid("quantity")
        until = self._frozen_until(order.symbol, self.now)
        if until is not None:
            raise Refused("MARKET_CLOSED", opens_at=until.isoformat())
        if command.price == order.price and command.quantity <= order.quantity:
            order.is_changed = order.is_changed or command.quantity < order.quantity
            order.quantity, order.remaining = command.quantity, command.quantity - order.filled
            return "order", {"id": order.sequence}
        self._check_phase(order.symbol, command.price, waits=not order.post_only)
        as_wanted = replace(
            order, quantity=command.quantity, price=command.price, remaining=command.quantity - order.filled
        )
        could_own = self.owned[order.owner, order.symbol] + sum(
            (as_wanted if other is order else other).remaining
            for other in self.orders
            if other.is_open and other.buys and (other.owner, other.symbol) == (order.owner, order.symbol)
        )
        limits = self.limits.get(order.symbol, {})
        if order.buys and could_own > limits.get("holding", could_own):
            raise Refused("ORDER_LIMIT_EXCEEDED")
        more = self._reserved_by(as_wanted) - self._reserved_by(order)
        self._require(order.owner, self._reserved_asset(order), more)
        order.quantity, order.price, order.remaining = as_wanted.quantity, as_wanted.price, as_wanted.remaining
        order.priority = order.moved_by = self.sequence
        order.is_changed = True
        self._match(order)
        return "order", {"id": order.sequence}

    def _cancel_all(self, command: CancelAllOrders, _now: datetime) -> Answer:
        if command.symbol is not None and command.symbol not in self.symbols:
            raise invalid("symbol")
        symbols = self.symbols if command.symbol is None else [command.symbol]
        keys, left = self._end_all(command.caller, symbols, "CANCELLED_BY_OWNER", self.now)
        return "cancelled", {"client_order_ids": keys, "left": len(left)}

    def _end_all(self, owner: int, symbols: list[str], reason: str, at: datetime) -> tuple[list[str], list[datetime]]:
        """The keys of what it ended, and until when each other one is frozen."""
        keys, left = [], []
        for symbol in symbols:
            until = self._frozen_until(symbol, at)
            for order in sorted(self.orders, key=lambda order: order.priority):
                if not order.is_open or (order.owner, order.symbol) != (owner, symbol):
                    continue
                if until is not None:
                    left.append(until)
                    continue
                order.status, order.reason = "CANCELLED", reason
                keys.append(str(order.key))
        return keys, left

    def _frozen_until(self, symbol: str, at: datetime) -> datetime | None:
        """The last minute of an auction, in which nothing can be cancelled; not where auctions are all there is."""
        phase = self.phases[symbol]
        if phase.name != "CALL_AUCTION" or phase.until is None or self.limits.get(symbol, {}).get("batch_seconds"):
            return None
        return phase.until if at < phase.until <= at + timedelta(minutes=1) else None

    def _set_timer(self, command: CancelAllAfter, now: datetime) -> Answer:
        if command.seconds != 0 and not 5 <= command.seconds <= 3_600:
            raise invalid("seconds")
        self.timers.pop(command.caller, None)
        if command.seconds:
            self.timers[command.caller] = now + timedelta(seconds=command.seconds)
            return "timer", {"runs_out": self.timers[command.caller].isoformat()}
        return "timer", {"runs_out": None}

    def _expire(self, command: ExpireDue, now: datetime) -> Answer:
        """One after the other, earliest first; of several at one moment the timers, then the oldest."""
        ended = 0
        while True:
            due: list[tuple[datetime, int, NaiveOrder | NaiveRedemption | int]] = []
            due += [(o.ends_at, o.sequence, o) for o in self.orders if o.is_open and o.ends_at is not None]
            due += [(r.ends_at, r.sequence, r) for r in self.redemptions if r.status == "RESERVED"]
            due += [(at, -owner, owner) for owner, at in self.timers.items()]
            due = [row for row in due if (row[0] <= now if command.before is None else row[0] < command.before)]
            if not due:
                return "expired", {"ended": ended}
            at, _, thing = min(due)
            if isinstance(thing, int):
                keys, left = self._end_all(thing, self.symbols, "DEAD_MAN", at)
                del self.timers[thing]
                if left:
                    self.timers[thing] = min(left)
                ended += len(keys)
                continue
            if isinstance(thing, NaiveOrder):
                thing.status = thing.reason = "EXPIRED"
            else:
                self._end(thing, "EXPIRED")
            ended += 1

    # ------------------------------------------------------------ programmes and money

    def _open(self, code: str, kind: str) -> None:
        self.kinds.setdefault(code, kind)

    def _list(self, symbol: str, programme: CreateProgramme) -> None:
        self._open(symbol, "ALLOWANCE")
        self.symbols.append(symbol)
        self.trades[symbol] = []
        self.programme_of_asset[symbol] = programme
        midnight = datetime.combine(self.now.date(), time(), UTC)
        self.phases[symbol] = NaivePhase(midnight, midnight + timedelta(days=1), until=midnight + timedelta(days=1))

    def _enter(self, owner: int, asset: str, amount: int) -> None:
        self.entered[asset] += amount
        self.owned[owner, asset] += amount

    def _deposit(self, command: Deposit, _now: datetime) -> Answer:
        if command.currency not in ("GBP", "EUR"):
            raise invalid("currency")
        if command.owner == NOBODY:
            raise Refused("NOT_FOUND")
        if command.amount < 1 or self.entered[command.currency] + command.amount > LARGEST:
            raise invalid("amount")
        self._open(command.currency, "MONEY")
        self._enter(command.owner, command.currency, command.amount)
        return "balance", {"owner": command.owner, "asset": command.currency}

    def _issue(self, command: Issue, _now: datetime) -> Answer:
        if command.owner == NOBODY or command.asset not in self.kinds:
            raise Refused("NOT_FOUND")
        if self.kinds[command.asset] == "MONEY":
            raise invalid("asset")
        if command.amount < 1 or self.entered[command.asset] + command.amount > LARGEST:
            raise invalid("amount")
        self._enter(command.owner, command.asset, command.amount)
        return "balance", {"owner": command.owner, "asset": command.asset}

    def _create_programme(self, command: CreateProgramme, _now: datetime) -> Answer:
        if command.code in self.programmes:
            raise Refused("CODE_TAKEN")
        self.programmes[command.code] = command
        self._open(command.currency, "MONEY")
        self._open(f"PTS-{command.code}", "POINTS")
        self._list(f"PCA-{command.code}-{command.year}", command)
        return "programme", {"code": command.code}

    def _close_period(self, command: ClosePeriod, now: datetime) -> Answer:
        programme = self.programmes.get(command.programme_code)
        if programme is None:
            raise Refused("NOT_FOUND")
        monday = command.week_start
        over_at = datetime.combine(monday + timedelta(days=7), time(), ZoneInfo(programme.time_zone))
        if now < over_at:
            raise Refused("PERIOD_NOT_OVER")
        if (programme.code, monday) in self.closed:
            raise Refused("PERIOD_ALREADY_CLOSED")
        self.closed.add((programme.code, monday))
        thursday = monday + timedelta(days=3)
        asset = f"PCA-{programme.code}-{thursday.year}"
        if asset not in self.symbols:
            self._list(asset, programme)
        for owner, footprint in command.members:
            if footprint is not None:
                surrendered = min(footprint, programme.weekly_allowance)
                self._enter(owner, asset, programme.weekly_allowance)
                self.owned[owner, asset] -= surrendered
                self.used_up[asset] += surrendered
        number = list(self.programmes).index(programme.code) + 1
        return "period", {"programme": number, "week_start": monday.isoformat()}

    def _convert(self, command: ConvertToPoints, _now: datetime) -> Answer:
        if command.asset not in self.kinds:
            raise Refused("NOT_FOUND")
        programme = self.programme_of_asset.get(command.asset)
        if programme is None:
            raise invalid("asset")
        points = floor(Fraction(command.grams * programme.points_per_kg, 1_000))
        if points < 1:
            raise invalid("grams")
        self._require(command.caller, command.asset, command.grams)
        self.owned[command.caller, command.asset] -= command.grams
        self.used_up[command.asset] += command.grams
        self._enter(command.caller, f"PTS-{programme.code}", points)
        return "conversion", {"allowance": command.asset, "points": f"PTS-{programme.code}"}

    # ------------------------------------------------------------ rewards

    def _create_offer(self, command: CreateOffer, _now: datetime) -> Answer:
        if command.points_asset not in self.kinds:
            raise Refused("NOT_FOUND")
        if self.kinds[command.points_asset] != "POINTS":
            raise invalid("pointsAsset")
        offer = NaiveOffer(
            self.sequence,
            command.partner_owner,
            command.points_asset,
            command.points,
            command.stock,
            command.valid_until,
        )
        self.offers.append(offer)
        return "offer", {"id": offer.sequence}

    def _redeem(self, command: RedeemOffer, now: datetime) -> Answer:
        offers = [offer for offer in self.offers if offer.sequence == command.offer]
        if not offers:
            raise Refused("NOT_FOUND")
        [offer] = offers
        if offer.stock == 0 or (offer.until is not None and offer.until <= now):
            raise Refused("OFFER_UNAVAILABLE")
        self._require(command.caller, offer.asset, offer.points)
        if offer.stock is not None:
            offer.stock -= 1
        ends_at = now + timedelta(minutes=command.minutes)
        self.redemptions.append(NaiveRedemption(self.sequence, command.caller, offer, command.code, ends_at))
        return "redemption", {"id": self.sequence}

    def _cancel_redemption(self, command: CancelRedemption, _now: datetime) -> Answer:
        for redemption in self.redemptions:
            if (redemption.sequence, redemption.owner) == (command.redemption, command.caller):
                if redemption.status == "RESERVED":
                    self._end(redemption, "CANCELLED")
                elif redemption.status != "CANCELLED":
                    raise Refused("REDEMPTION_NOT_OPEN", status=redemption.status)
                return "redemption", {"id": redemption.sequence}
        raise Refused("NOT_FOUND")

    def _capture(self, command: CaptureRedemption, _now: datetime) -> Answer:
        for redemption in self.redemptions:
            if (redemption.code, redemption.offer.partner) == (command.code, command.caller):
                if redemption.status != "RESERVED":
                    raise Refused("REDEMPTION_NOT_OPEN", status=redemption.status)
                redemption.status = "CAPTURED"
                self.owned[redemption.owner, redemption.offer.asset] -= redemption.offer.points
                self.owned[command.caller, redemption.offer.asset] += redemption.offer.points
                return "redemption", {"id": redemption.sequence}
        raise Refused("NOT_FOUND")

    def _end(self, redemption: NaiveRedemption, status: str) -> None:
        redemption.status = status
        if redemption.offer.stock is not None:
            redemption.offer.stock += 1
