"""GET /v1/activities.csv: a person's own activities, newest first, as a table.

Text that a spreadsheet would run as a formula gets an apostrophe before it, also after a semicolon, at which some
spreadsheets part the cells. The table is sent page by page, so its length costs no memory; where it breaks off, the
connection does, and nobody takes half of it for the whole.
"""

import csv
import io
import re
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, date, datetime

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.authentication import sender
from api.refusals import REFUSALS, answer_to, refused
from domain.errors import Unavailable
from domain.footprint.model import Activity
from domain.footprint.units import plain
from domain.ports import FootprintStore
from infra.postgres.connection import is_unavailable

PAGE = 500
COLUMNS = (
    "id",
    "date",
    "startedAt",
    "endedAt",
    "activity",
    "category",
    "quantity",
    "unit",
    "sharedBy",
    "source",
    "status",
    "emissionsGrams",
    "factorId",
    "factorKgPerUnit",
    "factorUnit",
    "region",
    "edition",
    "formula",
    "caveats",
    "reason",
)
_FORMULA_START = re.compile(r"(^|;)(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])")
"""Before a sign that begins a formula, the wide ones of East Asia too, or a blank that hides one."""


async def get_activities(request: Request) -> Response:
    """200 and the table; else 400, 401, 403, 429 or 503 with `{"code", "message"}`."""
    now = datetime.now(UTC)
    resources = request.app.state.resources
    try:
        first, last = (_day(request.query_params.get(name)) for name in ("from", "to"))
    except ValueError:
        return refused(400, "BAD_USER_INPUT", "`from` and `to` are days such as 2026-03-29.")
    try:
        user = await sender(resources.stores, request.headers.get("authorization"), now)
        await resources.limits.count("mutations", str(user.owner))
    except REFUSALS as refusal:
        return answer_to(refusal)
    except Exception as error:
        if not is_unavailable(error):
            raise
        return answer_to(Unavailable())
    return StreamingResponse(
        _table(resources.stores.footprint, user.owner, first, last),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": 'attachment; filename="activities.csv"', "cache-control": "no-store"},
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


async def _table(footprint: FootprintStore, owner: int, first: date | None, last: date | None) -> AsyncIterator[bytes]:
    yield _lines([COLUMNS])
    after = None
    while page := await footprint.activities(owner, after, PAGE, first, last):
        yield _lines(_cells(activity) for activity in page)
        if len(page) < PAGE:
            return
        after = (page[-1].started_at, page[-1].id)


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cells(activity: Activity) -> list[object]:
    told = activity.explanation
    return [
        activity.id,
        activity.local_date,
        _moment(activity.started_at),
        _moment(activity.ended_at) if activity.ended_at else "",
        _text(activity.activity),
        _text(activity.category),
        plain(activity.quantity),
        _text(activity.unit),
        activity.shared_by,
        activity.source.value,
        activity.status.value,
        activity.emissions,
        _text(told.factor_id),
        plain(told.factor_kg_per_unit),
        _text(told.factor_unit),
        _text(told.region),
        _text(told.edition),
        _text(told.formula),
        _text(" ".join(told.caveats)),
        _text(activity.reason),
    ]


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(text: str) -> str:
    return _FORMULA_START.sub(r"\1'", text)
