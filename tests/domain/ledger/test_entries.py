"""The legs of each kind of entry, and the proof that they balance."""

import pytest

from domain.ledger import entries
from domain.ledger.model import Posting

ALICE, BOB, SHOP = 1_001, 1_002, 1_101
GRAMS, MONEY, POINTS = 3, 1, 2
AVAILABLE, HELD = False, True


@pytest.mark.parametrize(
    ("legs", "expected"),
    [
        (entries.deposit(ALICE, MONEY, 500), ((6, MONEY, AVAILABLE, -500), (ALICE, MONEY, AVAILABLE, 500))),
        (entries.issuance(ALICE, GRAMS, 500), ((1, GRAMS, AVAILABLE, -500), (ALICE, GRAMS, AVAILABLE, 500))),
        (
            entries.period_close(ALICE, GRAMS, 70_000, 20_000),
            ((1, GRAMS, AVAILABLE, -70_000), (2, GRAMS, AVAILABLE, 20_000), (ALICE, GRAMS, AVAILABLE, 50_000)),
        ),
        (
            entries.period_close(ALICE, GRAMS, 70_000, 70_000),
            ((1, GRAMS, AVAILABLE, -70_000), (2, GRAMS, AVAILABLE, 70_000)),
        ),
        (
            entries.period_close(ALICE, GRAMS, 70_000, 0),
            ((1, GRAMS, AVAILABLE, -70_000), (ALICE, GRAMS, AVAILABLE, 70_000)),
        ),
        (
            entries.conversion(ALICE, GRAMS, 1_000, POINTS, 15),
            (
                (ALICE, GRAMS, AVAILABLE, -1_000),
                (4, GRAMS, AVAILABLE, 1_000),
                (1, POINTS, AVAILABLE, -15),
                (ALICE, POINTS, AVAILABLE, 15),
            ),
        ),
        (entries.hold(ALICE, MONEY, 200), ((ALICE, MONEY, AVAILABLE, -200), (ALICE, MONEY, HELD, 200))),
        (entries.release(ALICE, MONEY, 200), ((ALICE, MONEY, HELD, -200), (ALICE, MONEY, AVAILABLE, 200))),
        (entries.capture(ALICE, SHOP, POINTS, 250), ((ALICE, POINTS, HELD, -250), (SHOP, POINTS, AVAILABLE, 250))),
    ],
)
def test_legs(legs: tuple[Posting, ...], expected: tuple[tuple[int, int, bool, int], ...]) -> None:
    assert legs == expected


def test_a_trade_delivers_grams_against_money_with_fees_and_release() -> None:
    legs = entries.trade(
        buyer=ALICE,
        seller=BOB,
        money=MONEY,
        grams_asset=GRAMS,
        grams=4_000,
        value=3_600,
        buyer_fee=9,
        seller_fee=3,
        buyer_release=401,
    )

    assert legs == (
        (ALICE, MONEY, HELD, -4_010),
        (ALICE, MONEY, AVAILABLE, 401),
        (BOB, MONEY, AVAILABLE, 3_597),
        (5, MONEY, AVAILABLE, 12),
        (BOB, GRAMS, HELD, -4_000),
        (ALICE, GRAMS, AVAILABLE, 4_000),
    )


def test_a_trade_without_fee_or_release_has_four_legs() -> None:
    legs = entries.trade(
        buyer=ALICE,
        seller=BOB,
        money=MONEY,
        grams_asset=GRAMS,
        grams=4_000,
        value=200,
        buyer_fee=0,
        seller_fee=0,
        buyer_release=0,
    )

    assert legs == (
        (ALICE, MONEY, HELD, -200),
        (BOB, MONEY, AVAILABLE, 200),
        (BOB, GRAMS, HELD, -4_000),
        (ALICE, GRAMS, AVAILABLE, 4_000),
    )


@pytest.mark.parametrize(
    "legs",
    [
        [Posting(ALICE, MONEY, AVAILABLE, 1)],
        [Posting(ALICE, MONEY, AVAILABLE, -2), Posting(BOB, MONEY, AVAILABLE, 1)],
        [Posting(ALICE, MONEY, AVAILABLE, -2), Posting(BOB, GRAMS, AVAILABLE, 2)],
        [
            Posting(ALICE, MONEY, AVAILABLE, -2),
            Posting(BOB, MONEY, AVAILABLE, 2),
            Posting(BOB, GRAMS, HELD, 1),
        ],
    ],
)
def test_what_does_not_sum_to_zero_for_each_asset_is_a_fault(legs: list[Posting]) -> None:
    with pytest.raises(ArithmeticError, match="unbalanced"):
        entries.checked(legs)


def test_empty_legs_are_left_out() -> None:
    kept = Posting(ALICE, MONEY, AVAILABLE, -1), Posting(BOB, MONEY, AVAILABLE, 1)

    assert entries.checked([kept[0], Posting(ALICE, GRAMS, HELD, 0), kept[1]]) == kept
