"""Commands are stored and replayed: the same log gives the same outcomes, the same request the same fingerprint."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.commands import Command, PlaceOrder
from domain.orders.model import OrderType, TimeInForce
from infra.engine.journal import command_of, stored_form
from tests import factories as make
from tests.domain.exchange import Exchange, effects, picture
from tests.factories import ALICE, BOB, BUY, CAROL, NOON, POINTS, SELL, SHOP

DAY, GTD = TimeInForce.DAY, TimeInForce.GTD
MARKET = OrderType.MARKET


def a_day(offer: int) -> list[Command]:
    """One command of every kind, and what it needs, for an exchange without anything."""
    selling = make.sell(ALICE, 4_000, 50_000, time_in_force=DAY)
    return [
        make.create_programme(maker_fee_basis_points=10, taker_fee_basis_points=25),
        make.deposit(ALICE, 1_000_000),
        make.deposit(BOB, 1_000_000),
        make.issue(ALICE, 20_000),
        make.close_period({ALICE: 30_000, BOB: 90_000, CAROL: None}),
        make.convert(ALICE, 50_000),
        make.create_offer(250, stock=2, valid_until=NOON + timedelta(days=5)),
        selling,
        make.buy(BOB, 3_000, 55_000, time_in_force=GTD, expires_at=NOON + timedelta(minutes=1)),
        make.buy(CAROL, 1_000, 50_000),
        make.redeem(ALICE, offer, "ONE"),
        make.redeem(ALICE, offer, "TWO"),
        make.capture("ONE"),
        make.cancel_redemption(ALICE, offer + 5),
        make.cancel(selling),
        make.expire_due(),
    ]


def test_the_log_applied_again_gives_the_same_outcomes_byte_for_byte() -> None:
    first = Exchange()
    log = a_day(offer=7)
    outcomes = first.apply_all(log)
    assert {type(command).kind for command in log} == {
        *("PLACE_ORDER", "CANCEL_ORDER", "EXPIRE_DUE", "DEPOSIT", "ISSUE", "CREATE_PROGRAMME", "CLOSE_PERIOD"),
        *("CONVERT_TO_POINTS", "CREATE_OFFER", "REDEEM_OFFER", "CANCEL_REDEMPTION", "CAPTURE_REDEMPTION"),
    }
    assert [outcome.answer.kind for outcome in outcomes] == [
        *("programme", "balance", "balance", "balance", "period", "conversion", "offer", "order", "order"),
        *("INSUFFICIENT_BALANCE", "redemption", "redemption", "redemption", "redemption", "order", "expired"),
    ]
    assert first.balance(SHOP, POINTS) == (250, 0)

    again = Exchange()
    replayed = again.apply_all(command_of(each.kind, each.caller, each.key, stored_form(each)[0]) for each in log)

    assert [(outcome.answer, effects(outcome)) for outcome in replayed] == [
        (outcome.answer, effects(outcome)) for outcome in outcomes
    ]
    assert picture(again.state) == picture(first.state)
    assert again.state.digest() == first.state.digest()


@pytest.mark.parametrize("number", range(16))
def test_a_command_survives_being_stored(number: int) -> None:
    command = a_day(offer=7)[number]

    read = command_of(command.kind, command.caller, command.key, stored_form(command)[0])

    assert read == command
    assert [type(getattr(read, name)) for name in read.values()] == [
        type(getattr(command, name)) for name in command.values()
    ]


def test_what_the_caller_did_not_choose_is_not_part_of_the_request() -> None:
    key = UUID(int=1)
    one, two = make.redeem(ALICE, 7, "ONE", minutes=15, key=key), make.redeem(ALICE, 7, "TWO", minutes=5, key=key)

    assert one.fingerprint() == two.fingerprint() == {"offer": 7}
    assert make.redeem(ALICE, 8, "ONE", key=key).fingerprint() != one.fingerprint()


@pytest.mark.parametrize(
    "change",
    [
        {"symbol": "PCA-LON-2027"},
        {"side": SELL},
        {"quantity": 2_000},
        {"price": 50_001},
        {"type": MARKET},
        {"time_in_force": DAY},
        {"time_in_force": GTD, "expires_at": NOON + timedelta(days=1)},
        {"post_only": True},
    ],
)
def test_every_field_of_an_order_is_part_of_the_request(change: dict[str, Any]) -> None:
    key = UUID(int=1)
    fields: dict[str, Any] = {"key": key, "side": BUY, "quantity": 1_000, "price": 50_000}
    one: PlaceOrder = make.place(ALICE, **fields)
    other: PlaceOrder = make.place(ALICE, **(fields | change))

    assert one.fingerprint() != other.fingerprint()
