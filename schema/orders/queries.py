import strawberry

from domain.identity.model import Viewer
from domain.ids import client_key
from domain.orders import model as orders
from domain.text import is_code
from schema.connections import Connection, Page, checked_filter, numbered, own, page
from schema.context import Info, RequestContext
from schema.node import as_number, finds
from schema.orders.types import Instrument, Order


@strawberry.type
class OrderQueries:
    @strawberry.field(graphql_type=list[Instrument])
    @staticmethod
    async def instruments(info: Info) -> list[orders.Instrument]:
        return list(await info.context.stores.market.instruments())

    @strawberry.field(graphql_type=Instrument | None)
    @staticmethod
    async def instrument(info: Info, symbol: str) -> orders.Instrument | None:
        return await find_instrument(info.context, symbol)


@strawberry.type
class ViewerOrders:
    @strawberry.field(name="orders", graphql_type=Connection[Order])
    @staticmethod
    async def order_list(
        viewer: strawberry.Parent[Viewer],
        info: Info,
        first: int | None = 20,
        after: str | None = None,
        symbol: str | None = None,
        open_only: bool | None = False,
    ) -> Page[orders.Order]:
        market, wanted = info.context.stores.market, checked_filter(symbol, "symbol")
        return await page(
            numbered(own(viewer, "orders"), _order_number),
            first,
            after,
            lambda position, limit: market.orders(viewer.owner, position, limit, wanted, bool(open_only)),
        )

    @strawberry.field(graphql_type=Order | None)
    @staticmethod
    async def order(
        viewer: strawberry.Parent[Viewer], info: Info, client_order_id: strawberry.ID
    ) -> orders.Order | None:
        key = client_key(client_order_id)
        return None if key is None else await info.context.stores.market.order(viewer.owner, key)


def _order_number(order: orders.Order) -> int:
    return order.id


@finds("Order")
async def find_order(context: RequestContext, key: str) -> orders.Order | None:
    number = as_number(key)
    return None if number is None else await context.stores.market.order_by_id(context.owner, number)


@finds("Instrument")
async def find_instrument(context: RequestContext, key: str) -> orders.Instrument | None:
    return await context.stores.market.instrument(key) if is_code(key) else None
