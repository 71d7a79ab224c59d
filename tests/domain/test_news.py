"""What the engine tells each person of a command, in which order, and how it is numbered."""

from typing import Any

import pytest

from domain.commands import Command
from domain.orders.model import TimeInForce
from tests import factories as make
from tests.domain.exchange import Exchange, told
from tests.factories import ALICE, BOB, CAROL, MONEY, SYMBOL

IOC, FOK = TimeInForce.IOC, TimeInForce.FOK


def test_each_party_hears_its_trades_then_its_orders_then_its_balances(exchange: Exchange) -> None:
    codes = {code: asset.id for code, asset in exchange.state.assets.items()}
    one = exchange.order(make.sell(ALICE, 1_000, 50_000))
    two = exchange.order(make.sell(CAROL, 1_000, 51_000))
    three = exchange.order(make.sell(ALICE, 2_000, 52_000))
    before = {owner: exchange.state.wallets[owner].event_sequence for owner in (ALICE, BOB, CAROL)}

    outcome = exchange.done(make.buy(BOB, 3_000, 52_000))
    taken = outcome.answer.state.id

    assert told(outcome, BOB) == [
        ["T", taken, 0, 153_000_000, "FILLED", None, 3, 1],
        ["T", taken, 0, 153_000_000, "FILLED", None, 3, 2],
        ["T", taken, 0, 153_000_000, "FILLED", None, 3, 3],
        ["O", taken, 0, 153_000_000, "FILLED", None, 3],
        ["B", codes[MONEY], 999_847, 0, "TRADE"],
        ["B", codes[SYMBOL], 103_000, 0, "TRADE"],
    ]
    assert told(outcome, ALICE) == [
        ["T", one.id, 0, 50_000_000, "FILLED", None, 3, 1],
        ["T", three.id, 1_000, 52_000_000, "PARTIALLY_FILLED", None, 3, 3],
        ["O", one.id, 0, 50_000_000, "FILLED", None, 3],
        ["O", three.id, 1_000, 52_000_000, "PARTIALLY_FILLED", None, 3],
        ["B", codes[MONEY], 1_000_102, 0, "TRADE"],
        ["B", codes[SYMBOL], 97_000, 1_000, "TRADE"],
    ]
    assert told(outcome, CAROL) == [
        ["T", two.id, 0, 51_000_000, "FILLED", None, 3, 2],
        ["O", two.id, 0, 51_000_000, "FILLED", None, 3],
        ["B", codes[MONEY], 1_000_051, 0, "TRADE"],
        ["B", codes[SYMBOL], 99_000, 0, "TRADE"],
    ]
    numbers = {owner: (first, last) for owner, first, last, _ in outcome.news}
    assert numbers == {
        owner: (before[owner] + 1, before[owner] + length) for owner, length in ((ALICE, 6), (BOB, 6), (CAROL, 4))
    }


@pytest.mark.parametrize(
    ("fields", "event"),
    [
        ({}, ["O", 1_000, 0, "OPEN", None]),
        ({"time_in_force": IOC}, ["O", 1_000, 0, "CANCELLED", "IOC_REMAINDER"]),
    ],
)
def test_an_order_without_a_trade_is_told_with_its_balance(
    exchange: Exchange, fields: dict[str, Any], event: list[Any]
) -> None:
    outcome = exchange.done(make.buy(BOB, 1_000, 50_000, **fields))

    [first, second] = told(outcome, BOB)
    assert [first[0], *first[2:6]] == event
    resting = not fields
    assert second == [
        "B",
        exchange.state.assets[MONEY].id,
        *((999_950, 50) if resting else (1_000_000, 0)),
        "ORDER_HOLD" if resting else "ORDER_RELEASE",
    ]


@pytest.mark.parametrize(
    ("fields", "event"),
    [
        ({"time_in_force": FOK}, ["O", 2_000, 0, "CANCELLED", "FOK_NOT_FILLABLE"]),
        ({"post_only": True}, ["O", 2_000, 0, "REJECTED", "POST_ONLY_WOULD_TRADE"]),
    ],
)
def test_an_order_that_never_held_anything_is_told_alone(
    exchange: Exchange, fields: dict[str, Any], event: list[Any]
) -> None:
    exchange.order(make.sell(ALICE, 1_000, 50_000))

    outcome = exchange.done(make.buy(BOB, 2_000, 50_000, **fields))

    [only] = told(outcome, BOB)
    assert [only[0], *only[2:6]] == event
    assert told(outcome, ALICE) == []
    assert outcome.entries == []


def test_the_system_accounts_hear_nothing(exchange_with_fees: Exchange) -> None:
    exchange_with_fees.order(make.sell(ALICE, 100_000, 900_000))

    outcome = exchange_with_fees.done(make.buy(BOB, 100_000, 900_000))

    assert {owner for owner, *_ in outcome.news} == {ALICE, BOB}


def test_events_are_numbered_without_gaps_for_each_person(exchange: Exchange) -> None:
    seen: dict[int, int] = {owner: exchange.state.wallets[owner].event_sequence for owner in (ALICE, BOB, CAROL)}
    commands: list[Command] = []
    for price in (50_000, 50_001, 50_002):
        mine = make.sell(ALICE, 2_000, price)
        commands += [mine, make.buy(BOB, 1_000, price), make.buy(CAROL, 1_500, price), make.cancel(mine)]
    for outcome in exchange.apply_all(commands):
        for owner, first, last, payloads in outcome.news:
            assert first == seen[owner] + 1
            assert last == seen[owner] + len(payloads)
            seen[owner] = last
    assert seen == {owner: exchange.state.wallets[owner].event_sequence for owner in seen}
