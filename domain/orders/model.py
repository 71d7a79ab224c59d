"""Instruments, orders and trades: what they are and which combinations make sense."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from domain.errors import DomainError
from domain.ledger.model import Asset
from domain.orders.level import Level
from domain.orders.terms import Terms


@dataclass(eq=False)
class PriceOutsideBand(DomainError):
    floor: int
    ceiling: int


@dataclass(eq=False)
class MarketClosed(DomainError):
    """`opens_at` is RFC 3339, where the next opening is known."""

    opens_at: str | None = None


@dataclass(eq=False)
class OrderLimitExceeded(DomainError):
    pass


@dataclass(eq=False)
class OrderNotOpen(DomainError):
    pass


class OrderSide(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    LIMIT = "LIMIT"
    MARKET = "MARKET"


class TimeInForce(StrEnum):
    GTC = "GTC"
    DAY = "DAY"
    GTD = "GTD"
    IOC = "IOC"
    FOK = "FOK"


class OrderStatus(StrEnum):
    OPEN = "OPEN"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"


class OrderReason(StrEnum):
    """Why an order ended other than by being filled."""

    IOC_REMAINDER = "IOC_REMAINDER"
    FOK_NOT_FILLABLE = "FOK_NOT_FILLABLE"
    SELF_TRADE = "SELF_TRADE"
    POST_ONLY_WOULD_TRADE = "POST_ONLY_WOULD_TRADE"
    CANCELLED_BY_OWNER = "CANCELLED_BY_OWNER"
    CANCELLED_BY_OPERATOR = "CANCELLED_BY_OPERATOR"
    DEAD_MAN = "DEAD_MAN"
    EXPIRED = "EXPIRED"


class SelfTradePrevention(StrEnum):
    """What happens where an order meets one of its own owner's; the incoming order's word counts."""

    CANCEL_NEWEST = "CANCEL_NEWEST"
    CANCEL_OLDEST = "CANCEL_OLDEST"
    CANCEL_BOTH = "CANCEL_BOTH"
    DECREMENT_AND_CANCEL = "DECREMENT_AND_CANCEL"


class Liquidity(StrEnum):
    MAKER = "MAKER"
    TAKER = "TAKER"
    AUCTION = "AUCTION"


class TradingPhase(StrEnum):
    CLOSED = "CLOSED"
    CALL_AUCTION = "CALL_AUCTION"
    CONTINUOUS = "CONTINUOUS"
    HALTED = "HALTED"


class ReservePart(StrEnum):
    """What the operator's reserve stands ready for: it buys at the floor and sells at the others."""

    FLOOR = "FLOOR"
    TIER_1 = "TIER_1"
    TIER_2 = "TIER_2"
    CEILING = "CEILING"


class ProposalStatus(StrEnum):
    OPEN = "OPEN"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


@dataclass(eq=False)
class ProposalNotOpen(DomainError):
    pass


@dataclass(eq=False)
class SecondOperatorNeeded(DomainError):
    message: str = "Another operator must decide: who proposes does not approve."


@dataclass(slots=True)
class Proposal:
    """A change of the reserve that waits for a second operator; `decided_*` once it was decided."""

    id: int
    symbol: str
    part: ReservePart
    price: int
    quantity: int
    proposed_by: int
    proposed_at: datetime
    status: ProposalStatus = ProposalStatus.OPEN
    decided_by: int | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """What an operator did, as the journal has it: `values` are what was asked, `answer` how it was decided."""

    sequence: int
    kind: str
    operator: int
    at: datetime
    values: dict[str, Any]
    answer: str


@dataclass(slots=True)
class Instrument:
    """A market. `asset` is what is traded, `money` what it is paid in. Fees are basis points of a trade's value.

    An order's price lies from `price_floor` to `price_ceiling`, both inclusive, as the terms and the reference price
    (the last official close) give them. The phase holds until `phase_until`, None where nothing will end it by itself.
    """

    id: int
    symbol: str
    asset: Asset
    money: Asset
    tick_size: int
    lot_size: int
    maker_fee_basis_points: int
    taker_fee_basis_points: int
    phase: TradingPhase = TradingPhase.CONTINUOUS
    reference_price: int | None = None
    price_floor: int | None = None
    price_ceiling: int | None = None
    terms: Terms = field(default_factory=Terms)
    phase_until: datetime | None = None
    opens_at: datetime | None = None
    """When a market that takes no orders will take them again, where that is known."""
    session_start: datetime | None = None
    session_end: datetime | None = None
    session_trades: int = 0
    """The trade counter when the session began: trades past it make the official close."""
    anchor_price: int | None = None
    """The price of the last auction, from which the price may not move too fast until `anchor_until`."""
    anchor_until: datetime | None = None
    reserve: dict[ReservePart, int] = field(default_factory=dict)
    """The order that stands for each part of the operator's reserve."""

    highest_fee_basis_points: int = field(init=False)

    def __post_init__(self) -> None:
        self.highest_fee_basis_points = max(self.maker_fee_basis_points, self.taker_fee_basis_points)


class SeenByBook:
    """What the book reads of every order it meets, side by side in memory: a large book is not in the cache."""

    __slots__ = ("id", "level", "owner", "place", "price", "remaining", "siblings", "side")


@dataclass(slots=True)
class Order(SeenByBook):
    """`notional` is the sum of `price * grams` of its fills."""

    id: int
    owner: int
    client_order_id: UUID
    instrument: Instrument = field(compare=False)
    side: OrderSide
    type: OrderType
    time_in_force: TimeInForce
    price: int
    quantity: int
    post_only: bool
    placed_at: datetime
    expires_at: datetime | None
    remaining: int
    notional: int = 0
    status: OrderStatus = OrderStatus.OPEN
    reason: OrderReason | None = None
    trades_until: int = 0
    """The instrument's trade counter when this state was true: fills past it came later."""
    self_trade: SelfTradePrevention = SelfTradePrevention.CANCEL_NEWEST
    moved_by: int | None = None
    """The command that gave it another place in the book; None while it has the one that it was placed with."""
    placed_quantity: int | None = None
    placed_price: int | None = None
    """Quantity and price as it was placed; None while they are what they were."""
    level: Level | None = field(default=None, init=False, repr=False, compare=False)
    """Where it stands in the book; None while it does not."""
    siblings: "list[Order]" = field(init=False, repr=False, compare=False)
    """All that its owner has in the book, with this one at `place`; since it first stood there."""
    place: int = field(init=False, repr=False, compare=False)

    def as_it_is(self) -> "Order":
        """A copy that later commands do not change."""
        return Order(
            self.id,
            self.owner,
            self.client_order_id,
            self.instrument,
            self.side,
            self.type,
            self.time_in_force,
            self.price,
            self.quantity,
            self.post_only,
            self.placed_at,
            self.expires_at,
            self.remaining,
            self.notional,
            self.status,
            self.reason,
            self.trades_until,
            self.self_trade,
            self.moved_by,
            self.placed_quantity,
            self.placed_price,
        )

    @property
    def resting(self) -> bool:
        """True while it stands in the book."""
        return self.level is not None

    @property
    def sequence(self) -> int:
        """The command that gave it its priority."""
        return self.moved_by or self.id

    def change_terms(self, quantity: int, price: int) -> None:
        """What is filled stays filled; `quantity` is more than that."""
        if self.placed_quantity is None:
            self.placed_quantity, self.placed_price = self.quantity, self.price
        self.remaining += quantity - self.quantity
        self.quantity = quantity
        self.price = price

    @property
    def filled(self) -> int:
        return self.quantity - self.remaining

    @property
    def average_price(self) -> int | None:
        """Mean price of the fills weighted by grams, rounded down; None without a fill."""
        return self.notional // self.filled if self.filled else None


class Trade(NamedTuple):
    """One match. `sequence` counts the instrument's trades without gaps."""

    instrument: int
    sequence: int
    price: int
    quantity: int
    value: int
    buy_order: int
    sell_order: int
    buyer_fee: int
    seller_fee: int
    aggressor: OrderSide | None
    """None in an auction, where nobody takes."""


@dataclass(frozen=True, slots=True)
class Fill:
    """One party's side of a trade; `order_id` is that party's order."""

    order_id: int
    price: int
    quantity: int
    fee: int
    liquidity: Liquidity
    at: datetime
    sequence: int


@dataclass(frozen=True, slots=True)
class PublicTrade:
    symbol: str
    sequence: int
    price: int
    quantity: int
    aggressor: OrderSide | None
    at: datetime


@dataclass(frozen=True, slots=True)
class PriceLevel:
    price: int
    quantity: int
    orders: int


@dataclass(frozen=True, slots=True)
class Trading:
    """The phase, and what a call auction would come to if it ended now; `surplus` is above 0 where BUYs are left."""

    phase: TradingPhase = TradingPhase.CONTINUOUS
    indicative_price: int | None = None
    indicative_quantity: int | None = None
    surplus: int | None = None


@dataclass(frozen=True, slots=True)
class BookSnapshot:
    """Best `depth` levels of each side, best first, and the checksum over the best ten of them."""

    symbol: str
    sequence: int
    bids: tuple[PriceLevel, ...]
    asks: tuple[PriceLevel, ...]
    checksum: str
    trading: Trading = Trading()


@dataclass(frozen=True, slots=True)
class BookUpdate:
    """A snapshot, or the levels that changed since `previous_sequence`, with absolute sizes (0 removes a level)."""

    symbol: str
    sequence: int
    previous_sequence: int
    snapshot: bool
    bids: tuple[PriceLevel, ...]
    asks: tuple[PriceLevel, ...]
    checksum: str
    trading: Trading = Trading()


@dataclass(frozen=True, slots=True)
class Ticker:
    symbol: str
    last_price: int | None
    best_bid: int | None
    best_ask: int | None
    open: int | None
    high: int | None
    low: int | None
    volume: int
    sequence: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Candle:
    opened_at: datetime
    open: int
    high: int
    low: int
    close: int
    volume: int
    trades: int
