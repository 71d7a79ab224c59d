"""Things of the domain survive the way to another process: every field, every type."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
import pytest

from domain.commands import Answer
from domain.ledger.model import Asset, AssetKind, Balance
from domain.orders.book import OrderBook
from domain.orders.model import Instrument, Order, OrderReason, OrderSide, OrderStatus, OrderType, TimeInForce
from domain.rewards.model import Offer, Partner, Redemption, RedemptionStatus
from infra.engine.states import plain, state_of
from infra.postgres.connection import Connection
from infra.postgres.rows import order_of
from tests import factories as make
from tests.infra.engine.running import Running

GRAMS = Asset(1, "PCA-LON-2026", AssetKind.ALLOWANCE, "g")
MONEY = Asset(2, "GBP", AssetKind.MONEY, "minor units")
MARKET = Instrument(7, "PCA-LON-2026", GRAMS, MONEY, 1, 1_000, 10, 25)
NOON = datetime(2026, 7, 1, 12, 0, 0, 123_456, UTC)
ORDER = Order(
    id=42,
    owner=1_001,
    client_order_id=UUID(int=5),
    instrument=MARKET,
    side=OrderSide.SELL,
    type=OrderType.LIMIT,
    time_in_force=TimeInForce.GTD,
    price=50_000,
    quantity=3_000,
    post_only=True,
    placed_at=NOON,
    expires_at=NOON + timedelta(hours=1),
    remaining=1_000,
    notional=2**70,
    status=OrderStatus.CANCELLED,
    reason=OrderReason.CANCELLED_BY_OWNER,
    trades_until=9,
)
REDEMPTION = Redemption(
    3,
    1_001,
    Offer(2, Partner(UUID(int=9), 1_101, "Café"), "Coffee", "One cup", GRAMS, 100, None, None),
    100,
    "CODE",
    RedemptionStatus.RESERVED,
    NOON,
    NOON,
)


def there_and_back(state: object) -> object:
    return state_of(orjson.loads(plain(state)), {7: MARKET})


@pytest.mark.parametrize("state", [ORDER, REDEMPTION, Balance(MONEY, 5, 6), None, 12], ids=lambda state: type(state))
def test_a_thing_comes_back_as_it_went(state: object) -> None:
    back = there_and_back(state)

    assert back == state
    assert type(back) is type(state)


def test_values_have_their_types_again() -> None:
    order = there_and_back(ORDER)

    assert isinstance(order, Order)
    for name in ("side", "type", "time_in_force", "status", "reason", "client_order_id", "placed_at", "expires_at"):
        assert type(getattr(order, name)) is type(getattr(ORDER, name)), name
    assert order.instrument is MARKET


def test_what_is_absent_stays_absent() -> None:
    order = ORDER.as_it_is()
    order.expires_at = order.reason = None

    assert there_and_back(order) == order


def test_an_order_in_the_book_is_told_without_its_place_there() -> None:
    order = ORDER.as_it_is()
    OrderBook().rest(order)

    back = there_and_back(order)

    assert isinstance(back, Order)
    assert back.resting is False


async def test_an_order_read_from_postgres_travels_too(running: Running, owner: Connection) -> None:
    """Its ids are of a class that only the driver has."""
    [placed] = await running.submit(make.sell(make.ALICE, 1_000, 60_000))
    instrument = placed.state.instrument
    row = await owner.fetchrow("SELECT * FROM orders WHERE id = $1", placed.data["id"])
    assert row is not None
    order = order_of(row, {instrument.id: instrument})

    back = state_of(orjson.loads(plain(order)), {instrument.id: instrument})

    assert back == order == placed.state
    assert type(back.client_order_id) is UUID


def test_lists_hold_things() -> None:
    assert there_and_back((1, ORDER, (Balance(MONEY, 1, 2),))) == [1, ORDER, [Balance(MONEY, 1, 2)]]


def test_an_unknown_instrument_is_told() -> None:
    with pytest.raises(LookupError):
        state_of(orjson.loads(plain(ORDER)), {})


def test_what_does_not_travel_is_left_out() -> None:
    assert orjson.loads(plain([1, Answer("order", {}), 2])) == [1, None, 2]
