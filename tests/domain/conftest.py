"""The exchange that the engine's tests share."""

import pytest

from tests import factories as make
from tests.domain.exchange import Exchange


@pytest.fixture
def exchange() -> Exchange:
    """Programme LON without fees. Alice, Bob and Carol have 10,000.00 GBP and 100 kg each."""
    exchange = Exchange()
    exchange.done(make.create_programme())
    return funded(exchange)


@pytest.fixture
def exchange_with_fees() -> Exchange:
    """The same with 10 basis points for the maker and 25 for the taker."""
    exchange = Exchange()
    exchange.done(make.create_programme(maker_fee_basis_points=10, taker_fee_basis_points=25))
    return funded(exchange)


def funded(exchange: Exchange) -> Exchange:
    for owner in (make.ALICE, make.BOB, make.CAROL):
        exchange.done(make.deposit(owner, 1_000_000))
        exchange.done(make.issue(owner, 100_000))
    return exchange
