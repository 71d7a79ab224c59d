"""Mass, money and price as integers, and the one place that rounds.

Mass is grams of CO2e, money is minor units of a currency, price is minor units for one tonne. Every such number lies
within plus or minus 2^53 - 1 (JSON integers): the edge checks what comes in, the engine what it computes.
"""

from typing import NewType

Grams = NewType("Grams", int)
MinorUnits = NewType("MinorUnits", int)
Price = NewType("Price", int)

GRAMS_PER_TONNE = 1_000_000
BASIS_POINTS = 10_000
OUTSIDE_MAX = 2**53 - 1
"""Largest integer that every JSON reader keeps exact (RFC 8259, section 6)."""


def trade_value(price: int, grams: int) -> int:
    """Minor units that change hands for `grams` at `price` per tonne: rounded down, once, for both legs."""
    return price * grams // GRAMS_PER_TONNE


def purchase_hold(price: int, grams: int, fee_basis_points: int) -> int:
    """Minor units a BUY reserves: the value rounded up plus the highest fee rounded up, so fills never exceed it."""
    value = -(-price * grams // GRAMS_PER_TONNE)
    return value - (-value * fee_basis_points // BASIS_POINTS)


def fee_of(value: int, basis_points: int) -> int:
    """The fee on a trade's value, rounded down."""
    return value * basis_points // BASIS_POINTS


def is_outside_integer(value: object) -> bool:
    """True for an int (never a bool) that may cross the border of the system."""
    return type(value) is int and -OUTSIDE_MAX <= value <= OUTSIDE_MAX
