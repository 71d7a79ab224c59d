from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import strawberry

from domain.errors import NotFound
from domain.footprint import model as footprint
from domain.footprint import summary
from domain.footprint.service import summarise
from domain.identity.model import Viewer
from domain.ids import client_key
from schema.connections import Connection, ListOf, Page, PageEdge, checked_filter, numbered, own, page
from schema.context import Info, RequestContext
from schema.footprint.types import Activity, EmissionFactor, FootprintSummary, Import, ImportFormat
from schema.node import as_number, finds, uuid_of
from schema.permissions import Requires, person

FromDate = Annotated[date, strawberry.argument(name="from")]
ToDate = Annotated[date, strawberry.argument(name="to")]


@strawberry.type
class FootprintQueries:
    @strawberry.field(graphql_type=Connection[EmissionFactor])
    @staticmethod
    async def emission_factors(
        info: Info,
        activity: str | None = None,
        category: str | None = None,
        region: str | None = None,
        on: date | None = None,
        first: int | None = 20,
        after: str | None = None,
        search: Annotated[
            str | None,
            strawberry.argument(
                description="words of label, id, category or notes, or how they begin; all must be there; best first"
            ),
        ] = None,
    ) -> Page[footprint.EmissionFactor]:
        factor_id = checked_filter(activity, "activity")
        group, place = checked_filter(category, "category"), checked_filter(region, "region")
        text = checked_filter(search, "search")
        store = info.context.stores.factors
        if text is not None:
            found = await page(
                ListOf("foundFactors", _rank, _show_rank, _read_rank),
                first,
                after,
                lambda position, limit: store.find(text, factor_id, group, place, on, position, limit),
            )
            return Page([PageEdge(edge.cursor, edge.node.factor) for edge in found.edges], found.page_info)
        return await page(
            numbered("emissionFactors", _factor_number),
            first,
            after,
            lambda position, limit: store.search(factor_id, group, place, on, position, limit),
        )

    @strawberry.field(graphql_type=list[ImportFormat])
    @staticmethod
    def import_formats(info: Info) -> list[footprint.ImportFormat]:
        return list(info.context.stores.formats)

    @strawberry.field(name="import", graphql_type=Import | None, extensions=[Requires(person)])
    @staticmethod
    async def import_by_id(info: Info, id: strawberry.ID) -> footprint.ImportJob | None:
        try:
            job = uuid_of(id, "Import")
        except NotFound:
            return None
        return await info.context.stores.imports.by_id(info.context.owner, job)


@strawberry.type
class ViewerFootprint:
    @strawberry.field(name="footprint", graphql_type=FootprintSummary)
    @staticmethod
    async def footprint_summary(
        viewer: strawberry.Parent[Viewer], info: Info, from_date: FromDate, to_date: ToDate
    ) -> summary.FootprintSummary:
        stores = info.context.stores
        return await summarise(
            stores.footprint, stores.programmes, owner=viewer.owner, from_date=from_date, to_date=to_date
        )

    @strawberry.field(graphql_type=Connection[Activity])
    @staticmethod
    async def activities(
        viewer: strawberry.Parent[Viewer],
        info: Info,
        first: int | None = 20,
        after: str | None = None,
        from_date: Annotated[date | None, strawberry.argument(name="from")] = None,
        to_date: Annotated[date | None, strawberry.argument(name="to")] = None,
    ) -> Page[footprint.Activity]:
        activities = ListOf(own(viewer, "activities"), _activity_place, _show_place, _read_place)
        store = info.context.stores.footprint
        return await page(
            activities,
            first,
            after,
            lambda position, limit: store.activities(viewer.owner, position, limit, from_date, to_date),
        )


def _rank(found: footprint.RankedFactor) -> tuple[int, int]:
    return found.rank, found.factor.id


def _show_rank(place: tuple[int, int]) -> str:
    return f"{place[0]} {place[1]}"


def _read_rank(text: str) -> tuple[int, int] | None:
    left, _, right = text.partition(" ")
    rank, number = as_number(left), as_number(right)
    return None if rank is None or number is None else (rank, number)


def _factor_number(factor: footprint.EmissionFactor) -> int:
    return factor.id


def _activity_place(activity: footprint.Activity) -> tuple[datetime, UUID]:
    return activity.started_at, activity.id


def _show_place(place: tuple[datetime, UUID]) -> str:
    return f"{place[0].isoformat()} {place[1]}"


def _read_place(text: str) -> tuple[datetime, UUID] | None:
    moment, _, key = text.partition(" ")
    activity = client_key(key)
    try:
        started_at = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return None if activity is None or started_at.tzinfo is None else (started_at, activity)


@finds("Activity")
async def find_activity(context: RequestContext, key: str) -> footprint.Activity | None:
    activity = client_key(key)
    return None if activity is None else await context.stores.footprint.activity(context.owner, activity)


@finds("Import")
async def find_import(context: RequestContext, key: str) -> footprint.ImportJob | None:
    job = client_key(key)
    return None if job is None else await context.stores.imports.by_id(context.owner, job)
