"""Money paid in and assets issued: exact balances, and the most that may ever enter."""

import pytest

from domain.errors import InvalidInput, NotFound
from domain.ids import NOBODY
from domain.ledger.model import Asset, AssetKind, Balance
from domain.units import OUTSIDE_MAX
from tests import factories as make
from tests.domain.exchange import Exchange, told
from tests.factories import ALICE, BOB, MONEY, POINTS, SYMBOL

FLOAT, ISSUANCE = 6, 1


@pytest.fixture
def exchange() -> Exchange:
    """Programme LON, and nobody has anything."""
    exchange = Exchange()
    exchange.done(make.create_programme())
    return exchange


def test_a_deposit_comes_from_the_float(exchange: Exchange) -> None:
    exchange.done(make.deposit(ALICE, 500))
    outcome = exchange.done(make.deposit(ALICE, 700))

    asset = exchange.state.assets[MONEY]
    assert (outcome.answer.kind, outcome.answer.data) == ("balance", {"owner": ALICE, "asset": MONEY})
    assert outcome.answer.state == Balance(asset, 1_200, 0)
    assert exchange.legs(outcome) == [
        ("DEPOSIT", f"command:{outcome.sequence}", {(FLOAT, MONEY, False, -700), (ALICE, MONEY, False, 700)})
    ]
    assert told(outcome, ALICE) == [["B", asset.id, 1_200, 0, "DEPOSIT"]]
    assert exchange.balance(FLOAT, MONEY) == (-1_200, 0)


def test_a_currency_is_opened_by_its_first_deposit(exchange: Exchange) -> None:
    first = exchange.done(make.deposit(ALICE, 500, "EUR"))
    second = exchange.done(make.deposit(BOB, 500, "EUR"))

    asset = Asset(4, "EUR", AssetKind.MONEY, "minor units")
    assert first.things is not None
    assert first.things.assets == [asset]
    assert second.things is None
    assert exchange.state.assets["EUR"] == asset
    assert exchange.balance(ALICE, "EUR") == (500, 0)


@pytest.mark.parametrize("asset", [SYMBOL, POINTS])
def test_what_is_issued_comes_from_issuance(exchange: Exchange, asset: str) -> None:
    outcome = exchange.done(make.issue(ALICE, 700, asset))

    assert (outcome.answer.kind, outcome.answer.data) == ("balance", {"owner": ALICE, "asset": asset})
    assert exchange.legs(outcome) == [
        ("ISSUANCE", f"command:{outcome.sequence}", {(ISSUANCE, asset, False, -700), (ALICE, asset, False, 700)})
    ]
    assert exchange.balance(ALICE, asset) == (700, 0)
    assert exchange.balance(ISSUANCE, asset) == (-700, 0)


@pytest.mark.parametrize("amount", [0, -1, -OUTSIDE_MAX])
def test_nothing_and_less_is_refused(exchange: Exchange, amount: int) -> None:
    assert exchange.refusal(make.deposit(ALICE, amount), InvalidInput) == {"field": "amount"}
    assert exchange.refusal(make.issue(ALICE, amount), InvalidInput) == {"field": "amount"}


def test_money_is_not_issued_and_the_unknown_does_not_exist(exchange: Exchange) -> None:
    assert exchange.refusal(make.issue(ALICE, 100, MONEY), InvalidInput) == {"field": "asset"}
    assert exchange.refusal(make.issue(ALICE, 100, "PCA-LON-1999"), NotFound) == {}


def test_no_more_may_enter_than_a_client_can_read(exchange: Exchange) -> None:
    """The cap is on all that ever entered, so no balance and no sum of balances can pass it."""
    for command in (make.deposit, make.issue):
        exchange.done(command(ALICE, OUTSIDE_MAX - 1))
        assert exchange.refusal(command(BOB, 2), InvalidInput) == {"field": "amount"}
        exchange.done(command(BOB, 1))
        assert exchange.refusal(command(ALICE, 1), InvalidInput) == {"field": "amount"}

    assert exchange.balance(ALICE, MONEY) == (OUTSIDE_MAX - 1, 0)
    assert exchange.balance(BOB, SYMBOL) == (1, 0)
    assert exchange.balance(FLOAT, MONEY) == (-OUTSIDE_MAX, 0)


def test_a_refused_deposit_of_a_new_currency_opens_nothing(exchange: Exchange) -> None:
    assert exchange.refusal(make.deposit(ALICE, OUTSIDE_MAX + 1), InvalidInput) == {"field": "amount"}
    assert exchange.refusal(make.deposit(ALICE, OUTSIDE_MAX + 1, "EUR"), InvalidInput) == {"field": "amount"}
    assert "EUR" not in exchange.state.assets


def test_a_refusal_of_somebody_unknown_is_an_answer(exchange: Exchange) -> None:
    assert exchange.refusal(make.deposit(NOBODY, 5), NotFound) == {}
    assert exchange.refusal(make.deposit(ALICE, 5, "ZZZ"), InvalidInput) == {"field": "currency"}
    assert exchange.refusal(make.issue(NOBODY, 5), NotFound) == {}
