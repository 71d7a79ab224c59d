from datetime import datetime

import strawberry

from domain.ledger import model as ledger
from domain.ports import StatementLine
from schema.context import Info
from schema.node import Node, represents
from schema.scalars import Amount

strawberry.enum(ledger.AssetKind)


@strawberry.type
class Asset:
    code: str
    kind: ledger.AssetKind
    unit: str


@strawberry.type(
    description=(
        "`available` can be spent, `held` is reserved by open orders and redemptions; both in the asset's own unit."
    )
)
class Balance:
    asset: Asset
    available: Amount
    held: Amount


@strawberry.type(description="The viewer's own legs of the entry: plus is into the account.")
class Posting:
    amount: Amount
    held: bool

    @strawberry.field(graphql_type=Asset)
    @staticmethod
    async def asset(posting: strawberry.Parent[ledger.Posting], info: Info) -> ledger.Asset | None:
        return await info.context.stores.ledger.asset_by_id(posting.asset)


@strawberry.type
@represents(StatementLine, key=lambda line: line.entry.id)
class JournalEntry(Node):
    occurred_at: datetime

    @strawberry.field
    @staticmethod
    def kind(line: strawberry.Parent[StatementLine]) -> str:
        return line.entry.kind.value

    @strawberry.field(graphql_type=list[Posting])
    @staticmethod
    def postings(line: strawberry.Parent[StatementLine]) -> tuple[ledger.Posting, ...]:
        return line.entry.postings

    @strawberry.field
    @staticmethod
    def reference(line: strawberry.Parent[StatementLine]) -> str | None:
        return line.entry.reference or None
