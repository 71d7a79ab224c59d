"""What an operator does to a market: terms, halts, cancels, and the reserve with its two pairs of eyes."""

import pytest

from domain.commands import CancelOrderOf, DecideProposal, HaltMarket, ProposeReserve, ResumeMarket
from domain.errors import InvalidInput, NotFound
from domain.ledger.model import SystemAccount
from domain.orders.model import (
    MarketClosed,
    OrderNotOpen,
    OrderReason,
    OrderSide,
    OrderStatus,
    PriceOutsideBand,
    ProposalNotOpen,
    ReservePart,
    SecondOperatorNeeded,
    TradingPhase,
)
from tests import factories as make
from tests.domain.orders.day import Day, phases_of

ALICE, BOB = make.ALICE, make.BOB
SECOND = make.OPERATOR + 90
FLOOR, TIER_1, CEILING = ReservePart.FLOOR, ReservePart.TIER_1, ReservePart.CEILING


def propose(part: ReservePart, price: int, quantity: int, symbol: str = make.SYMBOL) -> ProposeReserve:
    return ProposeReserve(
        caller=make.OPERATOR, key=make.new_key(), symbol=symbol, part=part, price=price, quantity=quantity
    )


def decide(proposal: int, approve: bool = True, by: int = SECOND) -> DecideProposal:
    return DecideProposal(caller=by, key=make.new_key(), proposal=proposal, approve=approve)


def set_reserve(day: Day, part: ReservePart, price: int, quantity: int) -> None:
    proposed = day.done(propose(part, price, quantity)).answer.data["id"]
    day.done(decide(proposed))


def reserve_has(day: Day, asset: str) -> tuple[int, int]:
    return day.balance(SystemAccount.RESERVE, asset)


# ---------------------------------------------------------------- terms


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"smallest_order": 0}, "smallestOrder"),
        ({"smallest_order": 5_000, "largest_order": 4_000}, "largestOrder"),
        ({"open_orders": 0}, "openOrders"),
        ({"holding": -1}, "holding"),
        ({"price_floor": 60_000, "price_ceiling": 50_000}, "priceCeiling"),
        ({"band": 10_001}, "band"),
        ({"halt": 0}, "halt"),
        ({"halt_window": 59}, "haltWindow"),
        ({"halt_seconds": -1}, "haltSeconds"),
        ({"auction_seconds": 86_401}, "auctionSeconds"),
        ({"batch_seconds": True}, "batchSeconds"),
        ({"nothing": 1}, "terms"),
    ],
)
def test_terms_that_make_no_sense_are_refused(changes: dict[str, object], named: str) -> None:
    day = Day()

    assert day.refusal(make.set_terms(**changes), InvalidInput) == {"field": named}  # type: ignore[arg-type]


def test_terms_change_one_by_one_and_none_takes_a_bound_away() -> None:
    day = Day()
    day.done(make.set_terms(holding=5_000, band=500))
    day.done(make.set_terms(holding=None))

    assert (day.instrument.terms.holding, day.instrument.terms.band) == (None, 500)


def test_steps_change_only_while_the_book_is_empty() -> None:
    day = Day()
    order = make.buy(ALICE, 1_000, 50_000)
    day.order(order)
    assert day.refusal(make.set_terms(tick_size=5), InvalidInput) == {"field": "tickSize"}
    day.order(make.cancel(order))

    day.done(make.set_terms(tick_size=5, lot_size=2_000))

    assert day.refusal(make.buy(ALICE, 2_000, 50_001), InvalidInput) == {"field": "price"}
    assert day.refusal(make.buy(ALICE, 1_000, 50_000), InvalidInput) == {"field": "quantity"}


# ---------------------------------------------------------------- halt, resume, cancel


def test_a_halted_market_stays_halted_until_it_is_resumed_and_opens_by_auction() -> None:
    day = Day()
    standing = make.buy(ALICE, 1_000, 50_000)
    day.order(standing)
    before = day.state.markets[make.SYMBOL].book_sequence

    day.done(HaltMarket(caller=make.OPERATOR, key=make.new_key(), symbol=make.SYMBOL, reason="A rumour."))

    assert day.state.markets[make.SYMBOL].book_sequence == before + 1
    assert day.refusal(make.sell(BOB, 1_000, 50_000), MarketClosed) == {"opens_at": None}
    assert day.order(make.cancel(standing)).status is OrderStatus.CANCELLED
    assert day.wait(days=3) == []
    day.done(ResumeMarket(caller=make.OPERATOR, key=make.new_key(), symbol=make.SYMBOL))
    assert phases_of(day.tick()) == [TradingPhase.CALL_AUCTION]
    assert phases_of(day.wait(minutes=5)) == [TradingPhase.CONTINUOUS]


def test_only_what_is_halted_is_resumed() -> None:
    day = Day()

    resume = ResumeMarket(caller=make.OPERATOR, key=make.new_key(), symbol=make.SYMBOL)
    assert day.refusal(resume, InvalidInput) == {"field": "symbol"}
    elsewhere = HaltMarket(caller=make.OPERATOR, key=make.new_key(), symbol="PCA-NO-2026", reason="")
    assert day.refusal(elsewhere, NotFound) == {}


def test_an_operator_cancels_anybodys_order_and_its_owner_hears_why() -> None:
    day = Day()
    placed = make.buy(ALICE, 1_000, 50_000)
    number = day.order(placed).id
    act = CancelOrderOf(caller=make.OPERATOR, key=make.new_key(), order=number, reason="A complaint.")

    outcome = day.done(act)

    assert [owner for owner, *_ in outcome.news] == [ALICE]
    assert day.now_of(placed).reason is OrderReason.CANCELLED_BY_OPERATOR
    assert day.balance(ALICE, make.MONEY) == (100_000_000, 0)
    assert day.refusal(make.cancel(placed), OrderNotOpen) == {}
    again = CancelOrderOf(caller=make.OPERATOR, key=make.new_key(), order=number, reason="Once more.")
    assert day.refusal(again, OrderNotOpen) == {}


# ---------------------------------------------------------------- the reserve


def test_a_tier_serves_whoever_pays_its_price_in_the_same_match() -> None:
    day = Day()
    set_reserve(day, TIER_1, 60_000, 5_000)
    assert reserve_has(day, make.SYMBOL) == (0, 5_000)
    day.order(make.sell(ALICE, 1_000, 59_000))

    bought = day.order(make.buy(BOB, 3_000, 60_000))

    assert (bought.status, bought.notional) == (OrderStatus.FILLED, 59_000 * 1_000 + 60_000 * 2_000)
    assert reserve_has(day, make.SYMBOL) == (0, 3_000)
    assert reserve_has(day, make.MONEY) == (120, 0)


def test_the_floor_buys_from_whoever_sells_at_it_and_nobody_goes_below() -> None:
    day = Day()
    set_reserve(day, FLOOR, 20_000, 10_000)
    assert reserve_has(day, make.MONEY) == (0, 200)

    assert day.order(make.sell(ALICE, 4_000, 20_000)).status is OrderStatus.FILLED
    refused = day.refusal(make.sell(ALICE, 1_000, 19_999), PriceOutsideBand)

    assert refused["floor"] == 20_000
    assert reserve_has(day, make.SYMBOL) == (4_000, 0)


def test_a_part_that_changes_takes_the_place_of_the_one_before() -> None:
    day = Day()
    set_reserve(day, CEILING, 90_000, 5_000)
    set_reserve(day, CEILING, 80_000, 2_000)

    assert day.levels(OrderSide.SELL) == [(80_000, 2_000, 1)]
    assert reserve_has(day, make.SYMBOL) == (3_000, 2_000), "what is there is used before more is issued"
    assert day.instrument.price_ceiling == 80_000
    set_reserve(day, CEILING, 80_000, 0)
    assert (day.levels(OrderSide.SELL), day.instrument.price_ceiling) == ([], None)
    assert reserve_has(day, make.SYMBOL) == (5_000, 0)


def test_who_proposes_does_not_approve() -> None:
    day = Day()
    proposal = day.done(propose(TIER_1, 60_000, 5_000)).answer.data["id"]

    assert day.refusal(decide(proposal, by=make.OPERATOR), SecondOperatorNeeded) == {}
    assert day.levels(OrderSide.SELL) == []
    day.done(decide(proposal, approve=False, by=make.OPERATOR))
    assert day.refusal(decide(proposal), ProposalNotOpen) == {}
    assert reserve_has(day, make.SYMBOL) == (0, 0)


@pytest.mark.parametrize(
    ("part", "price", "quantity", "named"),
    [
        (TIER_1, 60_000, 1_500, "quantity"),
        (TIER_1, 0, 1_000, "price"),
        (TIER_1, 30_000, 1_000, "price"),
        (TIER_1, 90_001, 1_000, "price"),
        (FLOOR, 90_000, 1_000, "price"),
        (CEILING, 30_000, 1_000, "price"),
    ],
)
def test_a_reserve_that_makes_no_sense_is_refused(part: ReservePart, price: int, quantity: int, named: str) -> None:
    day = Day(price_floor=30_000, price_ceiling=90_000)

    assert day.refusal(propose(part, price, quantity), InvalidInput) == {"field": named}


def test_a_proposal_is_looked_at_again_when_it_is_approved() -> None:
    day = Day()
    low, high = (
        day.done(propose(part, price, 1_000)).answer.data["id"] for part, price in ((CEILING, 40_000), (FLOOR, 50_000))
    )
    tier = day.done(propose(TIER_1, 40_001, 1_000)).answer.data["id"]
    day.done(make.set_terms(tick_size=10))

    day.done(decide(low))

    assert day.refusal(decide(high), InvalidInput) == {"field": "price"}
    assert day.refusal(decide(tier), InvalidInput) == {"field": "price"}
    assert (day.instrument.price_floor, day.instrument.price_ceiling) == (None, 40_000)
    day.done(decide(high, approve=False))
    gone = [day.done(propose(CEILING, 0, 0)).answer.data["id"] for _ in range(2)]
    day.done(decide(gone[0]))
    assert day.refusal(decide(gone[1]), NotFound) == {}


def test_a_part_that_is_not_there_cannot_be_taken_away() -> None:
    assert Day().refusal(propose(TIER_1, 60_000, 0), NotFound) == {}
