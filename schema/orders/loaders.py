from domain.orders.model import Fill, Order
from domain.ports import MarketStore


def moment_of(order: Order) -> tuple[int, int]:
    """An order at one moment: its fills up to then never change."""
    return order.id, order.trades_until


async def fills_by_order(market: MarketStore, orders: list[Order]) -> list[list[Fill]]:
    return [list(fills) for fills in await market.fills(orders)]
