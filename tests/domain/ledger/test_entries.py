"""The legs of each kind of entry as they are posted, and the proof that they balance."""

from datetime import UTC, datetime

import pytest

from domain.ledger import entries
from domain.ledger.model import EntryKind, Leg
from domain.state import State, Wallet
from domain.turn import Turn

ALICE, BOB, SHOP = 1_001, 1_002, 1_101
GRAMS, MONEY, POINTS = 3, 1, 2
AVAILABLE, HELD = False, True


def posted(legs: tuple[Leg, ...]) -> tuple[Leg, ...]:
    """What is written of an entry between owners who have enough of everything."""
    state = State()
    for owner in (2, 4, 5, ALICE, BOB, SHOP):
        state.wallets[owner] = Wallet()
        state.wallets[owner].balances = {asset: [100_000, 100_000] for asset in (GRAMS, MONEY, POINTS)}
    turn = Turn(state, 1, datetime(2026, 11, 2, tzinfo=UTC))
    entry = turn.post(EntryKind.TRADE, "trade:1", legs)
    assert entry == state.entry_sequence == 1
    ((_, _, _, _, written),) = turn.outcome.entries
    return written


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
def test_legs(legs: tuple[Leg, ...], expected: tuple[Leg, ...]) -> None:
    assert posted(legs) == expected


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

    assert posted(legs) == (
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

    assert posted(legs) == (
        (ALICE, MONEY, HELD, -200),
        (BOB, MONEY, AVAILABLE, 200),
        (BOB, GRAMS, HELD, -4_000),
        (ALICE, GRAMS, AVAILABLE, 4_000),
    )


@pytest.mark.parametrize(
    "legs",
    [
        ((ALICE, MONEY, AVAILABLE, 1),),
        ((ALICE, MONEY, AVAILABLE, -2), (BOB, MONEY, AVAILABLE, 1)),
        ((ALICE, MONEY, AVAILABLE, -2), (BOB, GRAMS, AVAILABLE, 2)),
        (
            (ALICE, MONEY, AVAILABLE, -2),
            (BOB, MONEY, AVAILABLE, 2),
            (BOB, GRAMS, HELD, 1),
        ),
    ],
)
def test_what_does_not_sum_to_zero_for_each_asset_is_a_fault(legs: tuple[Leg, ...]) -> None:
    with pytest.raises(ArithmeticError, match="unbalanced"):
        posted(legs)


def test_empty_legs_are_left_out() -> None:
    kept = (ALICE, MONEY, AVAILABLE, -1), (BOB, MONEY, AVAILABLE, 1)

    assert posted((kept[0], (ALICE, GRAMS, HELD, 0), kept[1])) == kept
