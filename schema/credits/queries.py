from datetime import date

import strawberry

from domain.credits import model as credits
from domain.identity.model import Viewer
from schema.connections import Connection, ListOf, Page, own, page
from schema.context import Info, RequestContext
from schema.credits.types import PeriodStatement, Programme
from schema.node import as_number, finds


@strawberry.type
class CreditQueries:
    @strawberry.field(graphql_type=list[Programme])
    @staticmethod
    async def programmes(info: Info) -> list[credits.Programme]:
        return list(await info.context.stores.programmes.programmes())


@strawberry.type
class ViewerCredits:
    @strawberry.field(graphql_type=Programme | None)
    @staticmethod
    async def programme(viewer: strawberry.Parent[Viewer], info: Info) -> credits.Programme | None:
        return await info.context.stores.programmes.programme_of(viewer.owner)

    @strawberry.field(graphql_type=Connection[PeriodStatement])
    @staticmethod
    async def statements(
        viewer: strawberry.Parent[Viewer], info: Info, first: int | None = 20, after: str | None = None
    ) -> Page[credits.PeriodStatement]:
        statements = ListOf(own(viewer, "statements"), _monday, date.isoformat, _read_day)
        store = info.context.stores.programmes
        return await page(
            statements, first, after, lambda position, limit: store.statements(viewer.owner, position, limit)
        )


def _monday(statement: credits.PeriodStatement) -> date:
    return statement.week_start


def _read_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@finds("Programme")
async def find_programme(context: RequestContext, key: str) -> credits.Programme | None:
    return await context.stores.programmes.programme(key)


@finds("PeriodStatement")
async def find_statement(context: RequestContext, key: str) -> credits.PeriodStatement | None:
    number, _, rest = key.partition(".")
    day, _, owner = rest.partition(".")
    programme, monday = as_number(number), _read_day(day)
    if programme is None or monday is None or owner != str(context.owner):
        return None
    return await context.stores.programmes.statement_of(context.owner, programme, monday)
