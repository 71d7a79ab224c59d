"""Programmes: what opening one opens, closing weeks, turning grams into points."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from domain.credits.model import (
    CodeTaken,
    PeriodAlreadyClosed,
    PeriodNotOver,
    PeriodStatement,
    Programme,
)
from domain.errors import InsufficientBalance, InvalidInput, NotFound
from domain.ledger.model import Asset, AssetKind, Balance
from domain.orders.model import Instrument, TradingPhase
from domain.turn import Period
from domain.units import OUTSIDE_MAX
from tests import factories as make
from tests.domain.exchange import Exchange, told
from tests.factories import ALICE, BOB, CAROL, MONEY, POINTS, SYMBOL

ISSUANCE, SURRENDERED, CONVERTED = 1, 2, 4
MONDAY = date(2026, 6, 22)


@pytest.fixture
def exchange() -> Exchange:
    """Programme LON: 70 kg a week, 15 points a kilogram; nobody has anything."""
    exchange = Exchange()
    exchange.done(make.create_programme())
    return exchange


# ---------------------------------------------------------------- opening one


def test_a_programme_opens_its_assets_and_its_market() -> None:
    exchange = Exchange()

    outcome = exchange.done(
        make.create_programme(maker_fee_basis_points=10, taker_fee_basis_points=25, time_zone="Europe/London")
    )

    money = Asset(1, MONEY, AssetKind.MONEY, "minor units")
    points = Asset(2, POINTS, AssetKind.POINTS, "points")
    allowance = Asset(3, SYMBOL, AssetKind.ALLOWANCE, "g")
    programme = Programme(1, "LON", "London", "GB", MONEY, 70_000, 15, "Europe/London", points, allowance, 10, 25)
    instrument = Instrument(1, SYMBOL, allowance, money, 1, 1_000, 10, 25, TradingPhase.CONTINUOUS)
    instrument.session_start = datetime.combine(make.NOON.date(), time(), UTC)
    instrument.session_end = instrument.phase_until = instrument.session_start + timedelta(days=1)
    assert (outcome.answer.kind, outcome.answer.data) == ("programme", {"code": "LON"})
    assert outcome.things is not None
    assert outcome.things.assets == [money, points, allowance]
    assert outcome.things.programmes == [programme]
    assert outcome.things.instruments == [instrument]
    assert exchange.state.programmes == {"LON": programme}
    assert exchange.state.markets[SYMBOL].instrument == instrument
    assert outcome.entries == []
    assert outcome.news == []


def test_a_second_programme_shares_the_currency(exchange: Exchange) -> None:
    outcome = exchange.done(make.create_programme("PAR"))

    assert outcome.things is not None
    assert [asset.code for asset in outcome.things.assets] == ["PTS-PAR", "PCA-PAR-2026"]
    assert [programme.id for programme in outcome.things.programmes] == [2]
    assert exchange.state.markets["PCA-PAR-2026"].instrument.money is exchange.state.assets[MONEY]


def test_a_code_is_taken_once(exchange: Exchange) -> None:
    assert exchange.refusal(make.create_programme(currency="EUR"), CodeTaken) == {}
    assert "EUR" not in exchange.state.assets


# ---------------------------------------------------------------- closing a week


def test_a_week_issues_surrenders_and_leaves_the_rest(exchange: Exchange) -> None:
    outcome = exchange.done(make.close_period({ALICE: 20_000, BOB: 90_000, CAROL: None, 1_004: 0}, MONDAY))

    reference = "period:LON:2026-06-22"
    assert exchange.legs(outcome) == [
        (
            "PERIOD_CLOSE",
            reference,
            {(ISSUANCE, SYMBOL, False, -70_000), (SURRENDERED, SYMBOL, False, 20_000), (ALICE, SYMBOL, False, 50_000)},
        ),
        ("PERIOD_CLOSE", reference, {(ISSUANCE, SYMBOL, False, -70_000), (SURRENDERED, SYMBOL, False, 70_000)}),
        ("PERIOD_CLOSE", reference, {(ISSUANCE, SYMBOL, False, -70_000), (1_004, SYMBOL, False, 70_000)}),
    ]
    assert outcome.things is not None
    assert outcome.things.statements == [
        PeriodStatement(1, ALICE, MONDAY, 70_000, 20_000, 20_000, 50_000),
        PeriodStatement(1, BOB, MONDAY, 70_000, 90_000, 70_000, 0),
        PeriodStatement(1, CAROL, MONDAY, 0, 0, 0, 0),
        PeriodStatement(1, 1_004, MONDAY, 70_000, 0, 0, 70_000),
    ]
    assert outcome.things.periods == [Period(1, MONDAY, 4, 210_000, 90_000, 120_000)]
    assert (outcome.answer.kind, outcome.answer.data) == ("period", {"programme": 1, "week_start": "2026-06-22"})
    assert outcome.answer.state == (4, 210_000, 90_000, 120_000)
    assert [exchange.balance(owner, SYMBOL) for owner in (ALICE, BOB, CAROL, 1_004)] == [
        (50_000, 0),
        (0, 0),
        (0, 0),
        (70_000, 0),
    ]
    assert exchange.balance(ISSUANCE, SYMBOL) == (-210_000, 0)
    assert exchange.balance(SURRENDERED, SYMBOL) == (90_000, 0)


def test_each_member_hears_of_the_grams_that_are_left(exchange: Exchange) -> None:
    outcome = exchange.done(make.close_period({ALICE: 20_000, BOB: 90_000, CAROL: None}))

    grams = exchange.state.assets[SYMBOL].id
    assert told(outcome, ALICE) == [["B", grams, 50_000, 0, "PERIOD_CLOSE"]]
    assert told(outcome, BOB) == []
    assert told(outcome, CAROL) == []


def test_what_is_left_over_can_be_sold(exchange: Exchange) -> None:
    exchange.done(make.close_period({ALICE: 20_000}))

    exchange.order(make.sell(ALICE, 50_000, 50_000))

    assert exchange.balance(ALICE, SYMBOL) == (0, 50_000)


def test_a_programme_without_members_closes_with_zeros(exchange: Exchange) -> None:
    outcome = exchange.done(make.close_period({}))

    assert outcome.answer.state == (0, 0, 0, 0)
    assert outcome.entries == []


def test_a_week_is_closed_once(exchange: Exchange) -> None:
    exchange.done(make.close_period({ALICE: 20_000}, MONDAY))

    assert exchange.refusal(make.close_period({ALICE: 20_000, BOB: 5}, MONDAY), PeriodAlreadyClosed) == {}
    exchange.done(make.close_period({ALICE: 0}, MONDAY - timedelta(days=7)))
    assert exchange.balance(ALICE, SYMBOL) == (120_000, 0)


def test_two_programmes_close_the_same_week(exchange: Exchange) -> None:
    exchange.done(make.create_programme("PAR"))
    exchange.done(make.close_period({ALICE: 0}))

    exchange.done(make.close_period({BOB: 0}, programme_code="PAR"))

    assert exchange.balance(BOB, "PCA-PAR-2026") == (70_000, 0)


def test_an_unknown_programme_has_no_weeks(exchange: Exchange) -> None:
    assert exchange.refusal(make.close_period({ALICE: 0}, programme_code="PAR"), NotFound) == {}


@pytest.mark.parametrize(
    ("zone", "over_at"),
    [
        ("UTC", datetime(2026, 7, 6, tzinfo=UTC)),
        ("Asia/Shanghai", datetime(2026, 7, 5, 16, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 7, 6, 4, tzinfo=UTC)),
    ],
)
def test_a_week_is_over_on_monday_at_midnight_in_the_programmes_zone(zone: str, over_at: datetime) -> None:
    exchange = Exchange(over_at - timedelta(microseconds=1))
    exchange.done(make.create_programme(time_zone=zone))
    week = make.close_period({ALICE: 0}, date(2026, 6, 29))

    assert exchange.refusal(week, PeriodNotOver) == {}

    exchange.forward(microseconds=1)
    assert exchange.done(week).answer.state == (1, 70_000, 0, 70_000)


@pytest.mark.parametrize(
    ("monday", "asset", "opened"),
    [
        (date(2026, 12, 21), "PCA-LON-2026", False),
        # 2027-01-01 lies in this week, which is the 53rd of 2026.
        (date(2026, 12, 28), "PCA-LON-2026", False),
        (date(2027, 1, 4), "PCA-LON-2027", True),
        (date(2025, 12, 29), "PCA-LON-2026", False),
        (date(2025, 12, 22), "PCA-LON-2025", True),
        (date(2024, 12, 30), "PCA-LON-2025", True),
    ],
)
def test_a_week_is_booked_in_its_iso_year(monday: date, asset: str, opened: bool) -> None:
    exchange = Exchange(datetime(2027, 2, 1, tzinfo=UTC))
    exchange.done(make.create_programme(maker_fee_basis_points=10, taker_fee_basis_points=25))

    outcome = exchange.done(make.close_period({ALICE: 20_000}, monday))

    assert exchange.balance(ALICE, asset) == (50_000, 0)
    assert outcome.things is not None
    assert [each.code for each in outcome.things.assets] == ([asset] if opened else [])
    market = exchange.state.markets[asset].instrument
    assert [each.symbol for each in outcome.things.instruments] == ([asset] if opened else [])
    assert (market.money.code, market.maker_fee_basis_points, market.taker_fee_basis_points) == (MONEY, 10, 25)
    assert exchange.state.assets[asset].kind is AssetKind.ALLOWANCE


def test_the_programmes_asset_is_that_of_its_newest_year(exchange: Exchange) -> None:
    exchange.now = datetime(2028, 2, 1, tzinfo=UTC)
    programme = exchange.state.programmes["LON"]

    for monday, newest in (
        (date(2025, 1, 6), "PCA-LON-2026"),
        (date(2027, 1, 4), "PCA-LON-2027"),
        (date(2026, 1, 5), "PCA-LON-2027"),
    ):
        exchange.done(make.close_period({ALICE: 0}, monday))
        assert programme.allowance_asset.code == newest
    exchange.order(make.sell(ALICE, 70_000, 50_000, symbol="PCA-LON-2025"))


def test_a_week_that_would_pass_the_cap_is_a_fault_and_not_a_booking() -> None:
    exchange = Exchange()
    exchange.done(make.create_programme(weekly_allowance=OUTSIDE_MAX))
    exchange.done(make.issue(ALICE, 1))

    with pytest.raises(ArithmeticError, match="more of PCA-LON-2026 than can exist"):
        exchange.apply(make.close_period({ALICE: 0}))


# ---------------------------------------------------------------- grams into points


@pytest.mark.parametrize(
    ("grams", "points"), [(67, 1), (133, 1), (134, 2), (1_000, 15), (1_066, 15), (1_067, 16), (70_000, 1_050)]
)
def test_points_are_rounded_down_and_all_the_grams_are_used_up(exchange: Exchange, grams: int, points: int) -> None:
    exchange.done(make.issue(ALICE, 70_000))

    outcome = exchange.done(make.convert(ALICE, grams))

    assert exchange.legs(outcome) == [
        (
            "CONVERSION",
            f"command:{outcome.sequence}",
            {
                (ALICE, SYMBOL, False, -grams),
                (CONVERTED, SYMBOL, False, grams),
                (ISSUANCE, POINTS, False, -points),
                (ALICE, POINTS, False, points),
            },
        )
    ]
    assets = exchange.state.assets
    assert outcome.answer.data == {"allowance": SYMBOL, "points": POINTS}
    assert outcome.answer.state == (Balance(assets[SYMBOL], 70_000 - grams, 0), Balance(assets[POINTS], points, 0))
    assert told(outcome, ALICE) == [
        ["B", assets[SYMBOL].id, 70_000 - grams, 0, "CONVERSION"],
        ["B", assets[POINTS].id, points, 0, "CONVERSION"],
    ]


@pytest.mark.parametrize("grams", [66, 1, 0, -1, -1_000])
def test_grams_that_are_worth_no_point_are_refused(exchange: Exchange, grams: int) -> None:
    exchange.done(make.issue(ALICE, 70_000))

    assert exchange.refusal(make.convert(ALICE, grams), InvalidInput) == {"field": "grams"}


def test_a_programme_that_gives_no_points_converts_nothing() -> None:
    exchange = Exchange()
    exchange.done(make.create_programme(points_per_kg=0))
    exchange.done(make.issue(ALICE, 70_000))

    assert exchange.refusal(make.convert(ALICE, 70_000), InvalidInput) == {"field": "grams"}


def test_one_converts_what_one_has(exchange: Exchange) -> None:
    exchange.done(make.issue(ALICE, 1_000))

    assert exchange.refusal(make.convert(ALICE, 1_001), InsufficientBalance) == {
        "asset": SYMBOL,
        "available": 1_000,
        "required": 1_001,
    }
    exchange.done(make.convert(ALICE, 1_000))
    assert exchange.balance(ALICE, SYMBOL) == (0, 0)
    assert exchange.balance(CONVERTED, SYMBOL) == (1_000, 0)


@pytest.mark.parametrize("asset", [MONEY, POINTS])
def test_only_allowance_is_converted(exchange: Exchange, asset: str) -> None:
    assert exchange.refusal(make.convert(ALICE, 1_000, asset), InvalidInput) == {"field": "asset"}


def test_an_unknown_asset_is_not_found(exchange: Exchange) -> None:
    assert exchange.refusal(make.convert(ALICE, 1_000, "PCA-LON-1999"), NotFound) == {}


def test_an_older_years_allowance_gives_the_same_points(exchange: Exchange) -> None:
    exchange.done(make.close_period({ALICE: 0}, date(2025, 6, 2)))

    exchange.done(make.convert(ALICE, 10_000, "PCA-LON-2025"))

    assert exchange.balance(ALICE, POINTS) == (150, 0)


@pytest.mark.parametrize("code", ["NEW-YORK", "NEW-YORK-2026", "PCA-X"])
def test_a_code_with_dashes_finds_its_programme(code: str) -> None:
    exchange = Exchange()
    exchange.done(make.create_programme(code))
    exchange.done(make.issue(ALICE, 1_000, f"PCA-{code}-2026"))

    exchange.done(make.convert(ALICE, 1_000, f"PCA-{code}-2026"))

    assert exchange.balance(ALICE, f"PTS-{code}") == (15, 0)


def test_more_points_than_the_ledger_can_hold_are_refused() -> None:
    exchange = Exchange()
    exchange.done(make.create_programme(points_per_kg=1_000_000))
    exchange.done(make.issue(ALICE, OUTSIDE_MAX))

    assert exchange.refusal(make.convert(ALICE, OUTSIDE_MAX // 1_000 + 1), InvalidInput) == {"field": "grams"}
    exchange.done(make.convert(ALICE, OUTSIDE_MAX // 1_000))
    assert exchange.balance(ALICE, POINTS) == (OUTSIDE_MAX // 1_000 * 1_000, 0)
