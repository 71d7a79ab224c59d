"""Accounts, postings and entries of the double-entry ledger.

Every owner has two balances for each asset: available and held. A posting has a signed amount: plus is into the
account. The postings of an entry sum to zero for each asset. Entries are only ever added.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class AssetKind(StrEnum):
    MONEY = "MONEY"
    ALLOWANCE = "ALLOWANCE"
    CREDIT = "CREDIT"
    POINTS = "POINTS"


MONEY_UNIT = "minor units"
ASSET_UNITS = {AssetKind.ALLOWANCE: "g", AssetKind.CREDIT: "g", AssetKind.POINTS: "points"}


@dataclass(frozen=True, slots=True)
class Asset:
    """`unit` is what its amounts count: `minor units` of the currency, `g` or `points`."""

    id: int
    code: str
    kind: AssetKind
    unit: str


class SystemAccount:
    """Owners that belong to the system. ISSUANCE and FLOAT are the only accounts that may go below zero."""

    ISSUANCE = 1
    """Minus what was ever issued of an allowance, a credit or points."""
    SURRENDERED = 2
    """Grams given up for a closed week's footprint."""
    RETIRED = 3
    """Credits retired for good."""
    CONVERTED = 4
    """Grams given up for points."""
    FEES = 5
    FLOAT = 6
    """Minus the money that came in from outside."""
    RESERVE = 7
    """The operator's reserve: an account like a person's, whose orders hold prices within floor and ceiling."""


class EntryKind(StrEnum):
    DEPOSIT = "DEPOSIT"
    ISSUANCE = "ISSUANCE"
    PERIOD_CLOSE = "PERIOD_CLOSE"
    CONVERSION = "CONVERSION"
    ORDER_HOLD = "ORDER_HOLD"
    ORDER_RELEASE = "ORDER_RELEASE"
    TRADE = "TRADE"
    REDEMPTION_HOLD = "REDEMPTION_HOLD"
    REDEMPTION_CAPTURE = "REDEMPTION_CAPTURE"
    REDEMPTION_RELEASE = "REDEMPTION_RELEASE"


class Posting(NamedTuple):
    """One leg: `amount` in the asset's own unit, into (plus) or out of (minus) the owner's available or held part."""

    owner: int
    asset: int
    held: bool
    amount: int


Leg = tuple[int, int, bool, int]
"""A posting while it is being written: the same four values without their names, which cost most of making one."""


Entry = tuple[int, int, EntryKind, str, tuple[Leg, ...]]
"""An entry while it is being written: its id, its command, its kind, what it is about, its legs."""


class JournalEntry(NamedTuple):
    """`reference` names the cause, for example `order:42`. `ledger/entries.py` builds the legs."""

    id: int
    kind: EntryKind
    reference: str
    postings: tuple[Posting, ...]


@dataclass(frozen=True, slots=True)
class Balance:
    asset: Asset
    available: int
    held: int
