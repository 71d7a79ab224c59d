from collections.abc import AsyncIterator

import strawberry

from domain.errors import NotFound
from domain.footprint import model as footprint
from schema.context import Info
from schema.footprint.types import Import
from schema.node import uuid_of
from schema.permissions import Requires, person


@strawberry.type
class FootprintSubscriptions:
    @strawberry.subscription(graphql_type=Import, extensions=[Requires(person)])
    @staticmethod
    async def import_progress(info: Info, id: strawberry.ID) -> AsyncIterator[footprint.ImportJob]:
        context = info.context
        job = uuid_of(id, "Import")
        if await context.stores.imports.by_id(context.owner, job) is None:
            raise NotFound(message="There is no such Import.")
        return context.streams.import_progress(context.owner, job)
