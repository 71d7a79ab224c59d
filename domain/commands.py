"""What the engine can be asked. Commands are stored and replayed: a class is never changed, only given a new version.

`caller` owns the idempotency `key`; None means that the rule itself is the key (a closed week, an order already
cancelled). `private` names the fields that the caller did not choose and that are left out of the payload hash. `later`
gives the default of each field that came later: with that value it is left out, so that the same request has the same
hash before and after.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from domain.basis import EmissionBasis
from domain.orders.model import (
    OrderSide,
    OrderType,
    ReservePart,
    SelfTradePrevention,
    TimeInForce,
    TradingPhase,
)

_KINDS: dict[str, type["Command"]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    kind: ClassVar[str] = ""
    private: ClassVar[frozenset[str]] = frozenset()
    later: ClassVar[Mapping[str, Any]] = {}

    caller: int
    key: UUID | None = None

    def values(self) -> dict[str, Any]:
        """The command's own fields as JSON values, without caller and key; `from_values` is the way back."""
        return {name: _plain(value) for name, value in self.fields().items()}

    def fields(self) -> dict[str, Any]:
        """The command's own fields as they are, without caller and key; a `later` one only where it says something."""
        values = {name: getattr(self, name) for name in _own_fields(type(self))}
        for name, default in self.later.items():
            if values[name] == default:
                del values[name]
        return values

    def owners(self) -> Iterable[int]:
        """Whose balances the command may move, beyond those of what it names and of standing orders."""
        return (self.caller,)

    def fingerprint(self) -> dict[str, Any]:
        """What the caller chose: two commands with one key are the same request when these are equal."""
        return {name: value for name, value in self.values().items() if name not in self.private}

    @staticmethod
    def from_values(kind: str, caller: int, key: UUID | None, values: dict[str, Any]) -> "Command":
        """The command that `values` described; KeyError for a kind that this version does not know."""
        cls = _KINDS[kind]
        readers = _READERS.get(kind, {})
        read = {
            name: readers[name](value) if name in readers and value is not None else value
            for name, value in values.items()
        }
        return cls(caller=caller, key=key, **read)


def command(kind: str) -> Any:
    """Class decorator: registers a command under the name by which it is stored."""

    def register(cls: type[Command]) -> type[Command]:
        cls.kind = kind
        _KINDS[kind] = cls
        return cls

    return register


_FIELD_NAMES: dict[type[Command], tuple[str, ...]] = {}


def _own_fields(cls: type[Command]) -> tuple[str, ...]:
    names = _FIELD_NAMES.get(cls)
    if names is None:
        names = tuple(field.name for field in fields(cls) if field.name not in ("caller", "key"))
        _FIELD_NAMES[cls] = names
    return names


_JSON_TYPES = frozenset({int, str, bool, type(None), tuple, dict})


def _plain(value: Any) -> Any:
    if type(value) in _JSON_TYPES:
        return value
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    return value


# ---------------------------------------------------------------- market


@command("PLACE_ORDER")
@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder(Command):
    later: ClassVar[Mapping[str, Any]] = {"self_trade": SelfTradePrevention.CANCEL_NEWEST}

    symbol: str
    side: OrderSide
    type: OrderType
    time_in_force: TimeInForce
    quantity: int
    price: int
    expires_at: datetime | None = None
    post_only: bool = False
    self_trade: SelfTradePrevention = SelfTradePrevention.CANCEL_NEWEST


@command("REPLACE_ORDER")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceOrder(Command):
    """`quantity` is the whole quantity, what is filled included."""

    client_order_id: UUID
    quantity: int
    price: int


@command("CANCEL_ORDER")
@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder(Command):
    client_order_id: UUID


@command("CANCEL_ALL_ORDERS")
@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAllOrders(Command):
    """Of one market, or of all where `symbol` is None."""

    symbol: str | None = None


@command("CANCEL_ALL_AFTER")
@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAllAfter(Command):
    """Sets the caller's dead-man timer anew; 0 switches it off."""

    seconds: int


@command("EXPIRE_DUE")
@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireDue(Command):
    """From the clock: ends what is over at the command's own time, orders, redemptions, dead-man timers.

    With `before`, those alone whose time was over before that moment.
    """

    later: ClassVar[Mapping[str, Any]] = {"before": None}

    before: datetime | None = None


@command("CHANGE_PHASE")
@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePhase(Command):
    """From the clock: the next phase as the calendar has it, until when, and the session that it belongs to."""

    symbol: str
    phase: TradingPhase
    until: datetime | None
    session_start: datetime | None
    session_end: datetime | None


# ---------------------------------------------------------------- acts of an operator


@command("SET_TERMS")
@dataclass(frozen=True, slots=True, kw_only=True)
class SetTerms(Command):
    """`changes` names fields of `Terms` with their new JSON values; steps and reference stay where they are None."""

    symbol: str
    changes: dict[str, Any]
    tick_size: int | None = None
    lot_size: int | None = None
    reference_price: int | None = None


@command("HALT_MARKET")
@dataclass(frozen=True, slots=True, kw_only=True)
class HaltMarket(Command):
    symbol: str
    reason: str


@command("RESUME_MARKET")
@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeMarket(Command):
    symbol: str


@command("CANCEL_ORDER_OF")
@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrderOf(Command):
    """Anybody's order, by its number."""

    order: int
    reason: str


@command("PROPOSE_RESERVE")
@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeReserve(Command):
    """What one part of an instrument's reserve shall be; a quantity of 0 takes it away."""

    symbol: str
    part: ReservePart
    price: int
    quantity: int


@command("DECIDE_PROPOSAL")
@dataclass(frozen=True, slots=True, kw_only=True)
class DecideProposal(Command):
    proposal: int
    approve: bool


# ---------------------------------------------------------------- programmes and money


@command("CREATE_PROGRAMME")
@dataclass(frozen=True, slots=True, kw_only=True)
class CreateProgramme(Command):
    """`year` is the ISO year of its first allowance asset."""

    later: ClassVar[Mapping[str, Any]] = {"basis": EmissionBasis.DIRECT}

    code: str
    name: str
    region: str
    currency: str
    weekly_allowance: int
    points_per_kg: int
    time_zone: str
    year: int
    maker_fee_basis_points: int = 0
    taker_fee_basis_points: int = 0
    basis: EmissionBasis = EmissionBasis.DIRECT


@command("CLOSE_PERIOD")
@dataclass(frozen=True, slots=True, kw_only=True)
class ClosePeriod(Command):
    """`members` is (owner, footprint in grams) for everyone; None as footprint where nothing was counted that week."""

    programme_code: str
    week_start: date
    members: tuple[tuple[int, int | None], ...]

    def owners(self) -> Iterable[int]:
        return (owner for owner, _ in self.members)


@command("DEPOSIT")
@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit(Command):
    """`owner` is NOBODY for an unknown person. The money asset of the currency is opened where missing."""

    owner: int
    currency: str
    amount: int

    def owners(self) -> Iterable[int]:
        return (self.owner,)


@command("ISSUE")
@dataclass(frozen=True, slots=True, kw_only=True)
class Issue(Command):
    """`owner` is NOBODY for an unknown person."""

    owner: int
    asset: str
    amount: int

    def owners(self) -> Iterable[int]:
        return (self.owner,)


@command("CONVERT_TO_POINTS")
@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertToPoints(Command):
    asset: str
    grams: int


# ---------------------------------------------------------------- rewards


@command("CREATE_OFFER")
@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOffer(Command):
    """`partner_id` and `partner_owner` name a partner that the service has found."""

    partner_id: UUID
    partner_owner: int
    partner_name: str
    title: str
    description: str
    points_asset: str
    points: int
    stock: int | None
    valid_until: datetime | None


@command("REDEEM_OFFER")
@dataclass(frozen=True, slots=True, kw_only=True)
class RedeemOffer(Command):
    private: ClassVar[frozenset[str]] = frozenset({"code", "minutes"})

    offer: int
    code: str
    minutes: int


@command("CANCEL_REDEMPTION")
@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRedemption(Command):
    redemption: int


@command("CAPTURE_REDEMPTION")
@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureRedemption(Command):
    """`caller` is the partner; the key is made from its till reference."""

    code: str
    till_reference: str


def _pairs(value: list[list[Any]]) -> tuple[tuple[int, int | None], ...]:
    return tuple((owner, footprint) for owner, footprint in value)


_READERS: dict[str, dict[str, Any]] = {
    "PLACE_ORDER": {
        "side": OrderSide,
        "type": OrderType,
        "time_in_force": TimeInForce,
        "expires_at": datetime.fromisoformat,
        "self_trade": SelfTradePrevention,
    },
    "REPLACE_ORDER": {"client_order_id": UUID},
    "CANCEL_ORDER": {"client_order_id": UUID},
    "PROPOSE_RESERVE": {"part": ReservePart},
    "EXPIRE_DUE": {"before": datetime.fromisoformat},
    "CHANGE_PHASE": {
        "phase": TradingPhase,
        "until": datetime.fromisoformat,
        "session_start": datetime.fromisoformat,
        "session_end": datetime.fromisoformat,
    },
    "CREATE_PROGRAMME": {"basis": EmissionBasis},
    "CLOSE_PERIOD": {"week_start": date.fromisoformat, "members": _pairs},
    "CREATE_OFFER": {"partner_id": UUID, "valid_until": datetime.fromisoformat},
}


@dataclass(slots=True)
class Answer:
    """What the engine decided. `kind` names the thing (`order`, `balance`, ...) or the code of a DomainError.

    `data` holds JSON values: ids of the thing, or the fields of the error. `state` is the thing itself as this command
    left it, where the answer is fresh; it is not stored, and a repeated request reads the thing again.
    """

    kind: str
    data: dict[str, Any]
    state: Any = None
