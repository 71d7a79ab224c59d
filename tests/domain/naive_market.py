"""A second exchange, written from the contract's words alone and as plain as possible, to compare the engine with.

It keeps lists and looks through them anew at each step. It knows what people own; what is held is never kept but added
up from what is open, so it can be no other than what open orders and redemptions reserve. Fractions do the rounding.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from math import ceil, floor
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.commands import (
    CancelOrder,
    CancelRedemption,
    CaptureRedemption,
    ClosePeriod,
    Command,
    ConvertToPoints,
    CreateOffer,
    CreateProgramme,
    Deposit,
    Issue,
    PlaceOrder,
    RedeemOffer,
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
    status: str = "OPEN"
    reason: str | None = None
    fills: list[tuple[int, int]] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.status in ("OPEN", "PARTIALLY_FILLED")

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
        self.trades: dict[str, list[tuple[int, ...]]] = {}
        self.limits: dict[str, dict[str, int]] = {}
        """By symbol: smallest, largest, open and holding, where a market has such a limit."""
        self.offers: list[NaiveOffer] = []
        self.redemptions: list[NaiveRedemption] = []
        self.closed: set[tuple[str, date]] = set()

    def apply(self, command: Command, now: datetime) -> Answer:
        """What must be answered: the kind, and the fields without the message."""
        self.sequence += 1
        rules: dict[str, Callable[[Any, datetime], Answer]] = {
            "PLACE_ORDER": self._place,
            "CANCEL_ORDER": self._cancel,
            "EXPIRE_DUE": self._expire,
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
        if command.quantity < 1 or command.quantity % 1_000:
            raise invalid("quantity")
        if command.price < 1 or Fraction(command.price * 1_000, 1_000_000) < 1:
            raise invalid("price")
        self._check_limits(command, may_rest=not market and not immediate)
        assert command.key is not None
        midnight = datetime.combine(now.date(), time(), UTC) + timedelta(days=1)
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
            midnight if command.time_in_force == "DAY" else command.expires_at,
        )
        self._require(order.owner, self._reserved_asset(order), self._reserved_by(order))
        self.orders.append(order)
        self._match(order, command.post_only)
        return "order", {"id": order.sequence}

    def _check_limits(self, command: PlaceOrder, may_rest: bool) -> None:
        limits = self.limits.get(command.symbol, {})
        mine = [
            order
            for order in self.orders
            if order.is_open and (order.owner, order.symbol) == (command.caller, command.symbol)
        ]
        owned = self.owned[command.caller, command.symbol]
        could_own = owned + sum(order.remaining for order in mine if order.buys) + command.quantity
        if (
            command.quantity < limits.get("smallest", 1)
            or command.quantity > limits.get("largest", 10**12)
            or (may_rest and len(mine) >= limits.get("open", 10_000))
            or (command.side == "BUY" and could_own > limits.get("holding", could_own))
        ):
            raise Refused("ORDER_LIMIT_EXCEEDED")

    def _in_reach(self, order: NaiveOrder) -> list[NaiveOrder]:
        """Open orders that this one would trade with, in the order in which it would."""
        found = [other for other in self.orders if other.is_open and order.crosses(other)]
        return sorted(found, key=lambda other: (other.price if order.buys else -other.price, other.sequence))

    def _match(self, order: NaiveOrder, post_only: bool) -> None:
        in_reach = self._in_reach(order)
        if post_only and in_reach:
            order.status, order.reason = "REJECTED", "POST_ONLY_WOULD_TRADE"
            return
        if order.time_in_force == "FOK":
            own = [other.owner == order.owner for other in in_reach]
            before_own = in_reach[: own.index(True)] if True in own else in_reach
            if sum(other.remaining for other in before_own) < order.quantity:
                order.status, order.reason = "CANCELLED", "FOK_NOT_FILLABLE"
                return
        while order.remaining and (in_reach := self._in_reach(order)):
            if in_reach[0].owner == order.owner:
                order.status, order.reason = "CANCELLED", "SELF_TRADE"
                return
            self._trade(order, in_reach[0])
        if order.remaining and order.time_in_force in ("IOC", "FOK"):
            order.status, order.reason = "CANCELLED", "IOC_REMAINDER"

    def _trade(self, taker: NaiveOrder, maker: NaiveOrder) -> None:
        grams, price, symbol = min(taker.remaining, maker.remaining), maker.price, taker.symbol
        programme, money = self.programme_of_asset[symbol], self._money_of(symbol)
        value = floor(Fraction(price * grams, 1_000_000))
        fee_of = {
            id(taker): floor(Fraction(value * programme.taker_fee_basis_points, 10_000)),
            id(maker): floor(Fraction(value * programme.maker_fee_basis_points, 10_000)),
        }
        buyer, seller = (taker, maker) if taker.buys else (maker, taker)
        self.owned[buyer.owner, money] -= value + fee_of[id(buyer)]
        self.owned[seller.owner, money] += value - fee_of[id(seller)]
        self.fees[money] += sum(fee_of.values())
        self.owned[seller.owner, symbol] -= grams
        self.owned[buyer.owner, symbol] += grams
        for order in (taker, maker):
            order.remaining -= grams
            order.fills.append((price, grams))
            order.status = "PARTIALLY_FILLED" if order.remaining else "FILLED"
        number = len(self.trades[symbol]) + 1
        fees = fee_of[id(buyer)], fee_of[id(seller)]
        self.trades[symbol].append((number, price, grams, value, buyer.sequence, seller.sequence, *fees, taker.buys))

    def _cancel(self, command: CancelOrder, _now: datetime) -> Answer:
        for order in self.orders:
            if (order.owner, order.key) == (command.caller, command.client_order_id):
                if order.is_open:
                    order.status, order.reason = "CANCELLED", "CANCELLED_BY_OWNER"
                elif order.reason != "CANCELLED_BY_OWNER":
                    raise Refused("ORDER_NOT_OPEN")
                return "order", {"id": order.sequence}
        raise Refused("NOT_FOUND")

    def _expire(self, _command: Command, now: datetime) -> Answer:
        ended = 0
        for order in self.orders:
            if order.is_open and order.ends_at is not None and order.ends_at <= now:
                order.status = order.reason = "EXPIRED"
                ended += 1
        for redemption in self.redemptions:
            if redemption.status == "RESERVED" and redemption.ends_at <= now:
                self._end(redemption, "EXPIRED")
                ended += 1
        return "expired", {"ended": ended}

    # ------------------------------------------------------------ programmes and money

    def _open(self, code: str, kind: str) -> None:
        self.kinds.setdefault(code, kind)

    def _list(self, symbol: str, programme: CreateProgramme) -> None:
        self._open(symbol, "ALLOWANCE")
        self.symbols.append(symbol)
        self.trades[symbol] = []
        self.programme_of_asset[symbol] = programme

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
