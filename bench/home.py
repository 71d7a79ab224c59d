"""The home screen of a person with a million activities beside that of one with a hundred, in the same database.

    python -m bench.home [--many 1000000] [--few 100] [--rounds 200]

Each screen is one GraphQL request to the application in this process: sign-in, limits, resolvers and SQL are in the
time, the network is not. The two people ask in turns, so that noise falls on both alike. The first one did a hundred
things on the last hundred days; the other one as many a day as make a million in four years, in five categories.
Goal: the summary of this week within 1.5 times. The pages of activities and the week's pace are told beside it.

Without GRAMME_DATABASE_URL and GRAMME_REDIS_URL servers of their own start in a temporary folder.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

import asyncpg
import httpx
from rich.console import Console
from rich.table import Table

from api.app import create_app
from api.settings import Settings
from infra.embedded import EmbeddedServers
from infra.factors.loader import load_factors
from infra.postgres.connection import Database
from infra.postgres.migrate import migrate

GOAL = 1.5
DAYS_MANY, DAYS_FEW = 1_460, 100
PASSWORD = "a password for the bench"

Variables: TypeAlias = dict[str, object]

console = Console(highlight=False, soft_wrap=True)

SIGN_UP = """mutation ($input: SignUpInput!) { signUp(input: $input) { ... on Session { accessToken } } }"""
SUMMARY = """query ($from: Date!, $to: Date!) { viewer { footprint(from: $from, to: $to) {
    total byCategory { category total activities } byDay { date total } allowance remaining } } }"""
ACTIVITIES = """query ($after: String) { viewer { activities(first: 20, after: $after) {
    edges { node { id activity emissions status explanation { formula caveats } } }
    pageInfo { hasNextPage endCursor } } } }"""
IN_A_MONTH = """query ($from: Date!, $to: Date!) { viewer { activities(first: 20, from: $from, to: $to) {
    edges { node { id emissions } } pageInfo { endCursor } } } }"""
PACE = """{ viewer { pace { left text week { soFar forecast { expected low high } } month { soFar } } } }"""
_FILL = """
    INSERT INTO activity (owner, id, client_id, activity, category, quantity, unit, started_at, local_date, source,
                          status, emissions, explanation, payload_hash)
    SELECT $1, id, id, 'food.peas', 'category ' || at % 5, 1, 'kg', started_at, (started_at AT TIME ZONE 'UTC')::date,
           'MANUAL', 'COUNTED', 980 + at % 100, $5, ''
    FROM (SELECT at, gen_random_uuid() AS id, $4::timestamptz - at * ($3 * interval '1 day' / $2::int) AS started_at
          FROM generate_series(1, $2::int) AS at) AS made"""
_ADD_UP = """
    INSERT INTO footprint_day (owner, local_date, category, grams, activities)
    SELECT owner, local_date, category, sum(emissions), count(*) FROM activity WHERE owner = $1
    GROUP BY owner, local_date, category"""
_EXPLANATION = (
    '{"factor_id": "food.peas", "factor_kg_per_unit": "0.98", "factor_unit": "kg", "region": "GLOBAL", "edition": '
    '"2018", "source": "bench", "converted_quantity": "1", "formula": "1 kg x 0.98 kg CO2e/kg x 1000 = 980 g", '
    '"caveats": []}'
)


@dataclass
class Person:
    name: str
    activities: int
    days: int
    token: str = ""


@asynccontextmanager
async def servers() -> AsyncIterator[Settings]:
    url, redis_url = os.environ.get("GRAMME_DATABASE_URL"), os.environ.get("GRAMME_REDIS_URL")
    with tempfile.TemporaryDirectory(prefix="gramme-bench-") as folder:
        if url and redis_url:
            yield Settings(database_url=url, redis_url=redis_url, home=Path(folder))
            return
        embedded = EmbeddedServers(Path(folder))
        try:
            await asyncio.to_thread(embedded.start)
            await migrate(embedded.owner_url, embedded.app_url)
            yield Settings(database_url=embedded.app_url, redis_url=embedded.redis_url, home=Path(folder))
        finally:
            await asyncio.to_thread(embedded.stop)


async def sign_up(client: httpx.AsyncClient, person: Person) -> None:
    values = {
        "email": f"{uuid4()}@example.com",
        "password": PASSWORD,
        "displayName": person.name,
        "region": "GB",
    }
    answer = await client.post("/graphql", json={"query": SIGN_UP, "variables": {"input": values}})
    person.token = answer.json()["data"]["signUp"]["accessToken"]


async def fill(settings: Settings, person: Person, owner: int) -> None:
    connection = await asyncpg.connect(settings.database_url)
    now = datetime.now(UTC)
    await connection.execute(_FILL, owner, person.activities, person.days, now, _EXPLANATION)
    await connection.execute(_ADD_UP, owner)
    await connection.execute("ANALYZE activity; ANALYZE footprint_day")
    await connection.close()


async def ask(client: httpx.AsyncClient, person: Person, query: str, variables: Variables) -> float:
    """Milliseconds to the whole answer, which must be one."""
    started = time.perf_counter()
    response = await client.post(
        "/graphql", json={"query": query, "variables": variables}, headers={"authorization": f"Bearer {person.token}"}
    )
    elapsed = (time.perf_counter() - started) * 1_000
    answer = response.json()
    if "errors" in answer or not answer["data"]["viewer"]:
        raise RuntimeError(response.text)
    return elapsed


async def far_cursor(client: httpx.AsyncClient, person: Person, pages: int) -> str:
    """Where a person stands who has turned so many pages."""
    cursor: str | None = None
    for _ in range(pages):
        response = await client.post(
            "/graphql",
            json={"query": ACTIVITIES, "variables": {"after": cursor}},
            headers={"authorization": f"Bearer {person.token}"},
        )
        info = response.json()["data"]["viewer"]["activities"]["pageInfo"]
        if not info["hasNextPage"]:
            break
        cursor = info["endCursor"]
    return cursor or ""


async def run(many: int, few: int, rounds: int) -> int:
    people = [Person("few", few, DAYS_FEW), Person("many", many, DAYS_MANY)]
    async with servers() as settings:
        assert settings.database_url
        database = await Database.open(settings.database_url)
        await load_factors(database, ademe_impact_co2=False)
        await database.close()
        app = create_app(settings)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://gramme.bench", timeout=120) as client:
                for person in people:
                    await sign_up(client, person)
                    viewer = await app.state.resources.stores.sessions.viewer(person.token, datetime.now(UTC))
                    await fill(settings, person, viewer.owner)
                return await compare(client, people, rounds)


async def compare(client: httpx.AsyncClient, people: list[Person], rounds: int) -> int:
    today = datetime.now(UTC).date()
    week: Variables = {"from": str(today - timedelta(days=6)), "to": str(today)}
    month: Variables = {"from": str(today - timedelta(days=60)), "to": str(today - timedelta(days=30))}
    far: dict[str, Variables] = {person.name: {"after": await far_cursor(client, person, 4)} for person in people}
    screens: dict[str, tuple[str, dict[str, Variables]]] = {
        "summary of a week": (SUMMARY, {person.name: week for person in people}),
        "newest 20 activities": (ACTIVITIES, {person.name: {} for person in people}),
        "20 activities, fifth page": (ACTIVITIES, far),
        "20 activities of a month": (IN_A_MONTH, {person.name: month for person in people}),
        "pace with its forecasts": (PACE, {person.name: {} for person in people}),
    }
    table = Table("screen", *(f"{person.activities:,} activities" for person in people), "ratio of medians")
    ratio = 0.0
    for title, (query, variables) in screens.items():
        times: dict[str, list[float]] = {person.name: [] for person in people}
        for number in range(rounds + 20):
            for person in people if number % 2 else reversed(people):
                elapsed = await ask(client, person, query, dict(variables[person.name]))
                if number >= 20:
                    times[person.name].append(elapsed)
        medians = [statistics.median(times[person.name]) for person in people]
        table.add_row(title, *(f"{median:.2f} ms" for median in medians), f"{medians[1] / medians[0]:.2f}")
        ratio = ratio or medians[1] / medians[0]
    console.print(table)
    console.print(f"goal: the summary within {GOAL} times: {'met' if ratio <= GOAL else 'missed'}")
    return int(ratio > GOAL)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--few", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    return asyncio.run(run(options.many, options.few, options.rounds))


if __name__ == "__main__":
    sys.exit(main())
