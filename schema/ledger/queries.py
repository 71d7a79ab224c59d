import strawberry

from domain.identity.model import Viewer
from domain.ledger import model as ledger
from domain.ports import StatementLine
from domain.text import is_code
from schema.connections import Connection, Page, numbered, own, page
from schema.context import Info, RequestContext
from schema.ledger.types import Balance, JournalEntry
from schema.node import as_number, finds


@strawberry.type
class Wallet:
    @strawberry.field(graphql_type=list[Balance])
    @staticmethod
    async def balances(viewer: strawberry.Parent[Viewer], info: Info) -> list[ledger.Balance]:
        return list(await info.context.stores.ledger.balances(viewer.owner))

    @strawberry.field(graphql_type=Balance | None)
    @staticmethod
    async def balance(viewer: strawberry.Parent[Viewer], info: Info, asset: str) -> ledger.Balance | None:
        return await info.context.stores.ledger.balance(viewer.owner, asset) if is_code(asset) else None

    @strawberry.field(graphql_type=Connection[JournalEntry])
    @staticmethod
    async def statement(
        viewer: strawberry.Parent[Viewer], info: Info, first: int | None = 20, after: str | None = None
    ) -> Page[StatementLine]:
        entries = numbered(own(viewer, "statement"), _entry_id)
        store = info.context.stores.ledger
        return await page(entries, first, after, lambda position, limit: store.statement(viewer.owner, position, limit))


@strawberry.type
class ViewerLedger:
    @strawberry.field(graphql_type=Wallet)
    @staticmethod
    def wallet(viewer: strawberry.Parent[Viewer]) -> Viewer:
        return viewer


def _entry_id(line: StatementLine) -> int:
    return line.entry.id


@finds("JournalEntry")
async def find_entry(context: RequestContext, key: str) -> StatementLine | None:
    number = as_number(key)
    return None if number is None else await context.stores.ledger.entry(context.owner, number)
