"""A market with a few people who can buy and sell."""

import pytest

from tests import factories as make
from tests.domain.exchange import Exchange
from tests.factories import ALICE, BOB, CAROL


@pytest.fixture
def two_markets() -> Exchange:
    """LON with fees and PAR; Alice, Bob and Carol have 10,000.00 GBP and 20 kg each."""
    exchange = Exchange()
    exchange.apply_all(
        [
            make.create_programme(maker_fee_basis_points=10, taker_fee_basis_points=25),
            make.create_programme("PAR"),
        ]
    )
    for owner in (ALICE, BOB, CAROL):
        exchange.apply_all([make.deposit(owner, 1_000_000), make.issue(owner, 20_000)])
    return exchange
