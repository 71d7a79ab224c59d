"""What happened to a person, told after the commit: numbered without gaps, showing things as they were then."""

from dataclasses import dataclass
from datetime import datetime

from domain.ledger.model import Balance
from domain.orders.model import Fill, Order
from domain.rewards.model import Redemption


@dataclass(frozen=True, slots=True)
class OrderUpdated:
    order: Order


@dataclass(frozen=True, slots=True)
class TradeExecuted:
    order: Order
    fill: Fill


@dataclass(frozen=True, slots=True)
class BalanceChanged:
    """`reason` is the kind of the journal entry that moved it."""

    balance: Balance
    reason: str


@dataclass(frozen=True, slots=True)
class RedemptionUpdated:
    redemption: Redemption


@dataclass(frozen=True, slots=True)
class AccountEvent:
    sequence: int
    occurred_at: datetime
    payload: OrderUpdated | TradeExecuted | BalanceChanged | RedemptionUpdated
