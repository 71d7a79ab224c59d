"""Rounding: once, down, and never in favour of more than was held."""

import random
from fractions import Fraction
from math import ceil, floor

import pytest

from domain.units import OUTSIDE_MAX, fee_of, is_outside_integer, purchase_hold, trade_value


@pytest.mark.parametrize(
    ("price", "grams", "value"),
    [
        (50_000, 4_000, 200),
        (1_000, 1_000, 1),
        (1_999, 1_000, 1),
        (999, 1_000, 0),
        (1, 1_000_000, 1),
        (1, 999_999, 0),
        (333_333, 3_000, 999),
        (1_234_567, 7_000, 8_641),
        (OUTSIDE_MAX, 1_000_000, OUTSIDE_MAX),
    ],
)
def test_a_trade_is_worth_price_times_tonnes_rounded_down(price: int, grams: int, value: int) -> None:
    assert trade_value(price, grams) == value


@pytest.mark.parametrize(
    ("price", "grams", "basis_points", "hold"),
    [
        (50_000, 4_000, 0, 200),
        (50_001, 4_000, 0, 201),
        (1_000, 1_000, 0, 1),
        (1_001, 1_000, 0, 2),
        (1_000_000, 4_000, 25, 4_010),
        (1_000_000, 4_001, 25, 4_012),
        (1_000_001, 4_000, 25, 4_012),
        (1_000_000, 1_000, 1, 1_001),
        (1_000_000, 10_000, 10_000, 20_000),
        (1_000_000, 0, 25, 0),
    ],
)
def test_a_purchase_holds_value_and_fee_each_rounded_up(price: int, grams: int, basis_points: int, hold: int) -> None:
    assert purchase_hold(price, grams, basis_points) == hold


@pytest.mark.parametrize(
    ("value", "basis_points", "fee"), [(4_000, 25, 10), (3_999, 25, 9), (399, 25, 0), (400, 25, 1), (10, 0, 0)]
)
def test_a_fee_is_rounded_down(value: int, basis_points: int, fee: int) -> None:
    assert fee_of(value, basis_points) == fee


def test_the_formulas_are_those_of_exact_arithmetic(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(2_000):
        price, grams = dice.randrange(1, 10**7), dice.randrange(0, 10**7)
        basis_points = dice.choice([0, 1, 10, 25, 333, 10_000])
        exact = Fraction(price) * grams / 1_000_000
        assert trade_value(price, grams) == floor(exact)
        fee = ceil(Fraction(ceil(exact) * basis_points, 10_000))
        assert purchase_hold(price, grams, basis_points) == ceil(exact) + fee
        assert fee_of(grams, basis_points) == floor(Fraction(grams * basis_points, 10_000))


def test_however_an_order_is_filled_its_hold_is_enough_at_each_step(seed: int) -> None:
    """What a fill takes is never more than what the hold of the rest gives free."""
    dice = random.Random(seed)
    for _ in range(500):
        limit, rest = dice.randrange(1_000, 2_000_000), dice.randrange(1, 50_000)
        highest = dice.choice([0, 1, 25, 333, 10_000])
        while rest:
            grams = dice.randrange(1, rest + 1)
            price = dice.randrange(1, limit + 1)
            value = trade_value(price, grams)
            freed = purchase_hold(limit, rest, highest) - purchase_hold(limit, rest - grams, highest)
            assert freed >= value + fee_of(value, dice.randrange(highest + 1))
            rest -= grams


@pytest.mark.parametrize("value", [0, 1, -1, OUTSIDE_MAX, -OUTSIDE_MAX])
def test_an_integer_in_range_may_cross_the_border(value: int) -> None:
    assert is_outside_integer(value) is True


@pytest.mark.parametrize("value", [OUTSIDE_MAX + 1, -OUTSIDE_MAX - 1, True, False, 1.0, "1", None])
def test_anything_else_may_not(value: object) -> None:
    assert is_outside_integer(value) is False
