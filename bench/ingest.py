"""Readings per second into the footprint, beside bare Postgres on the same server in the same run.

    python -m bench.ingest [--seconds 5] [--rounds 3] [--people 8]

Rounds alternate, so that noise falls on all alike. Peers, each on a table partitioned by month with one unique index:
COPY of 5,000 rows without any answer to repeats, on two connections; `INSERT ... SELECT unnest ... ON CONFLICT` of
1,000 rows on one. Ours: files of a year of half hours through the recorder of imports, two at a time, from readings
that the worker has judged to the COMMIT of the days that they add up to; and `recordReadings` with 500 readings, from
the body of the request to its answer, for `--people` persons at once, without a socket. 5 % of all our readings were
sent before. Last, a Green Button file of 64 MiB: the peak memory of the worker that reads it.

Without GRAMME_DATABASE_URL a Postgres and a Valkey of their own start in a temporary folder.
"""

import argparse
import asyncio
import itertools
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
import orjson
import uvloop
from rich.console import Console
from rich.table import Table

from api.app import create_app
from api.settings import Settings
from bench.servers import fresh_database, in_database, servers
from domain.footprint.metering import MeterRow
from domain.footprint.model import ImportJob, ImportStatus
from domain.ids import FIRST_OWNER, new_id
from infra.factors.loader import load_factors
from infra.postgres.connection import Connection, Database
from infra.postgres.import_recorder import ImportRecorder
from infra.postgres.imports import PostgresImports
from infra.postgres.migrate import migrate

HALF_HOUR = timedelta(minutes=30)
YEAR = 17_520
REPEATED = 20
"""One reading of so many was sent before."""
ROWS_AT_ONCE = 1_000
IN_A_MUTATION = 500
METER_LIFE = 3 * YEAR
"""So many readings has a meter, then comes the next."""
FILES_MAX = 200
FILE_BYTES = 64 * 2**20
START = datetime(2020, 1, 1, tzinfo=UTC)
GOALS = {"files": 0.4, "GraphQL": 0.3}
MEMORY_GOAL_MIB = 200

PEER_TABLES = """
CREATE TABLE peer (account uuid NOT NULL, device int NOT NULL, ts timestamptz NOT NULL, wh int NOT NULL,
  source smallint NOT NULL, dedupe bigint NOT NULL) PARTITION BY RANGE (ts);
CREATE TABLE peer_10 PARTITION OF peer FOR VALUES FROM ('2026-10-01') TO ('2026-11-01');
CREATE TABLE peer_11 PARTITION OF peer FOR VALUES FROM ('2026-11-01') TO ('2026-12-01');
CREATE TABLE peer_12 PARTITION OF peer FOR VALUES FROM ('2026-12-01') TO ('2027-01-01');
CREATE UNIQUE INDEX ON peer (dedupe, ts);
"""
PEER_UPSERT = (
    "INSERT INTO peer SELECT * FROM unnest($1::uuid[],$2::int[],$3::timestamptz[],$4::int[],$5::smallint[],"
    "$6::bigint[]) ON CONFLICT DO NOTHING"
)
RECORD = """mutation Record($profiles: [LoadProfileInput!]!) { recordReadings(profiles: $profiles) {
    __typename ... on RecordReadingsPayload { imported duplicate rejected } ... on UserError { code message } } }"""
SIGN_UP = """mutation ($input: SignUpInput!) { signUp(input: $input) {
    ... on Session { accessToken } ... on UserError { code message } } }"""

console = Console(highlight=False, soft_wrap=True)
Lane = Callable[[float], Awaitable[int]]


async def rate(lanes: Sequence[Lane], seconds: float) -> float:
    """Readings a second of all lanes together; each runs until the time and says how many it had."""
    begun = time.perf_counter()
    done = await asyncio.gather(*(lane(begun + seconds) for lane in lanes))
    return sum(done) / (time.perf_counter() - begun)


# ---------------------------------------------------------------- the peers


_keys = itertools.count(1)
_accounts = [UUID(int=random.Random(number).getrandbits(128)) for number in range(10_000)]


def peer_rows(count: int) -> list[tuple[UUID, int, datetime, int, int, int]]:
    first = datetime(2026, 11, 10, tzinfo=UTC)
    return [
        (
            _accounts[key % 10_000],
            key % 30_000,
            first + timedelta(seconds=key % 864_000),
            key % 4_000,
            1,
            key * 0x9E3779B97F4A7C15 & 0x7FFFFFFFFFFFFFFF,
        )
        for key in itertools.islice(_keys, count)
    ]


def copying(connection: Connection) -> Lane:
    async def lane(stop: float) -> int:
        done = 0
        while time.perf_counter() < stop:
            await connection.copy_records_to_table("peer", records=peer_rows(5_000))
            done += 5_000
        return done

    return lane


def upserting(connection: Connection) -> Lane:
    async def lane(stop: float) -> int:
        done = 0
        previous: list[tuple[UUID, int, datetime, int, int, int]] = []
        while time.perf_counter() < stop:
            rows = peer_rows(1_000)
            rows[: len(previous) // REPEATED] = previous[: len(previous) // REPEATED]
            await connection.fetch(PEER_UPSERT, *zip(*rows, strict=True))
            done += len(rows)
            previous = rows
        return done

    return lane


# ---------------------------------------------------------------- ours: files


@dataclass
class Files:
    """Years of half hours, made before the clock starts; each begins within the one before."""

    database: Database
    recorder: ImportRecorder
    owners: Iterator[int] = field(default_factory=lambda: itertools.count(FIRST_OWNER + 1_000_000))

    def lane(self) -> Lane:
        owner = next(self.owners)
        years = [_year(f"meter {owner}", number) for number in range(3)]

        async def run(stop: float) -> int:
            done = 0
            mine = owner
            for _ in range(FILES_MAX):
                for year in years:
                    if time.perf_counter() >= stop:
                        return done
                    await self._record(mine, year)
                    done += len(year)
                mine = next(self.owners)
            return done

        return run

    async def _record(self, owner: int, rows: Sequence[MeterRow]) -> None:
        now = datetime.now(UTC)
        job = ImportJob(new_id(now), owner, "BENCH", ImportStatus.RUNNING, len(rows))
        imports = PostgresImports(self.database)
        await imports.add(job, path=Path(), filename="", region="GB", time_zone="UTC", now=now)

        async def batches() -> AsyncIterator[Sequence[MeterRow]]:
            for at in range(0, len(rows), ROWS_AT_ONCE):
                yield rows[at : at + ROWS_AT_ONCE]

        finished = await self.recorder.record(job, [], batches(), region="GB", time_zone="UTC", now=now)
        assert finished.records_imported + finished.records_duplicate == len(rows)
        assert finished.emissions > 0


def _year(meter: str, number: int) -> list[MeterRow]:
    first = number * (YEAR - YEAR // REPEATED)
    return [_row(meter, at) for at in range(first, first + YEAR)]


def _row(meter: str, at: int) -> MeterRow:
    start = START + at * HALF_HOUR
    day: date = start.date()
    value = Decimal(at % 900) / 1_000
    end = start + HALF_HOUR
    return MeterRow(meter, "import", start, end, "ELECTRICITY", "IMPORT", "kWh", value, False, day, START)


# ---------------------------------------------------------------- ours: GraphQL


class Person:
    """Sends 500 half hours in a mutation, the first 25 of which were sent before."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self._client = client
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        self._at = 0
        self._meter = 0

    async def run(self, stop: float) -> int:
        done = 0
        while time.perf_counter() < stop:
            body = self._body()
            answer = orjson.loads((await self._client.post("/graphql", content=body, headers=self._headers)).content)
            assert answer["data"] is not None, answer
            payload = answer["data"]["recordReadings"]
            assert payload["imported"] + payload["duplicate"] == IN_A_MUTATION, payload
            done += IN_A_MUTATION
        return done

    def _body(self) -> bytes:
        values = [f"{at % 900 / 1_000}" for at in range(self._at, self._at + IN_A_MUTATION)]
        profile = {
            "meter": f"meter {self._meter}",
            "start": (START + self._at * HALF_HOUR).isoformat(),
            "intervalSeconds": 1_800,
            "values": values,
        }
        self._at += IN_A_MUTATION - IN_A_MUTATION // REPEATED
        if self._at + IN_A_MUTATION > METER_LIFE:
            self._meter += 1
            self._at = 0
        return orjson.dumps({"query": RECORD, "variables": {"profiles": [profile]}})


async def people(client: httpx.AsyncClient, count: int) -> list[Person]:
    made = []
    for number in range(count):
        person = {
            "email": f"bench.{time.monotonic_ns()}.{number}@example.com",
            "password": "a long enough password",
            "displayName": "Bench",
            "region": "GB",
        }
        response = await client.post("/graphql", json={"query": SIGN_UP, "variables": {"input": person}})
        made.append(Person(client, response.json()["data"]["signUp"]["accessToken"]))
    return made


# ---------------------------------------------------------------- a large file


def write_green_button(path: Path, size: int) -> int:
    """A feed of at least `size` bytes, hours of one meter; gives how many."""
    count = 0
    with path.open("w") as file:
        file.write(
            '<feed xmlns="http://www.w3.org/2005/Atom"><entry><content><ReadingType xmlns="http://naesb.org/espi">'
        )
        file.write("<uom>72</uom></ReadingType></content></entry>")
        file.write('<entry><content><IntervalBlock xmlns="http://naesb.org/espi">')
        while file.tell() < size:
            start = 946_684_800 + count * 900
            file.write(
                f"<IntervalReading><cost>{count % 9_000:05}</cost><timePeriod><duration>900</duration><start>{start}"
                f"</start></timePeriod><value>{count % 900}</value></IntervalReading>\n"
            )
            count += 1
        file.write("</IntervalBlock></content></entry></feed>")
    return count


async def reader_memory(folder: Path) -> tuple[int, int, float]:
    """Readings, peak resident MiB and seconds of a worker on a file of 64 MiB."""
    path = folder / "large.xml"
    count = await asyncio.to_thread(write_green_button, path, FILE_BYTES)
    begun = time.perf_counter()
    arguments = [str(path), str(folder / "expanded"), "UTC", "GB", datetime.now(UTC).isoformat()]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "infra.capture.worker",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=8 * 2**20,
    )
    assert process.stdout is not None
    peak, told = 0, b""
    async for line in process.stdout:
        told = line
        peak = max(peak, _peak_kib(process.pid))
    if await process.wait() or b'"end"' not in told:
        raise RuntimeError(f"The worker failed: {told[:200]!r}")
    return count, peak // 1024, time.perf_counter() - begun


def _peak_kib(pid: int) -> int:
    """The most that the process ever held, 0 where it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except FileNotFoundError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


# ---------------------------------------------------------------- the run


async def run(arguments: argparse.Namespace) -> bool:
    rates: dict[str, list[float]] = {name: [] for name in ("COPY x2", "files x2", "unnest 1000", "GraphQL")}
    with tempfile.TemporaryDirectory(prefix="gramme-bench-") as folder, servers() as addresses:
        name = "gramme_bench_ingest"
        async with fresh_database(addresses.owner_url, name):
            owner_url, app_url = in_database(addresses.owner_url, name), in_database(addresses.app_url, name)
            await migrate(owner_url, app_url)
            settings = Settings(
                database_url=app_url,
                migration_database_url=owner_url,
                redis_url=addresses.redis_url,
                home=Path(folder),
                limit_mutations=10**9,
                limit_sign_ups=10**9,
            )
            peers = [await asyncpg.connect(owner_url) for _ in range(2)]
            await peers[0].execute(PEER_TABLES)
            database = await Database.open(app_url)
            await load_factors(database, ademe_impact_co2=False)
            files = Files(database, ImportRecorder(database))
            app = create_app(settings)
            async with (
                app.router.lifespan_context(app),
                httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bench") as client,
            ):
                for number in range(arguments.rounds):
                    persons = await people(client, arguments.people)
                    lanes: dict[str, list[Lane]] = {
                        "COPY x2": [copying(peer) for peer in peers],
                        "files x2": [files.lane() for _ in range(2)],
                        "unnest 1000": [upserting(peers[0])],
                        "GraphQL": [person.run for person in persons],
                    }
                    for mode, running in lanes.items():
                        rates[mode].append(await rate(running, arguments.seconds))
                    told = "  ".join(f"{mode} {values[-1]:,.0f}/s" for mode, values in rates.items())
                    console.print(f"round {number + 1}: {told}")
            for peer in peers:
                await peer.close()
            await database.close()
        large = await reader_memory(Path(folder))
    return report(rates, large)


def report(rates: dict[str, list[float]], large: tuple[int, int, float]) -> bool:
    table = Table("readings/s", "median", "range", "of its peer", "goal")
    ratios = {
        "files": _ratios(rates["files x2"], rates["COPY x2"]),
        "GraphQL": _ratios(rates["GraphQL"], rates["unnest 1000"]),
    }
    for mode, values in rates.items():
        name = mode.removesuffix(" x2")
        ratio = f"{statistics.median(ratios[name]):.2f} x" if name in ratios else ""
        goal = f"{GOALS[name]} x" if name in GOALS else ""
        table.add_row(mode, f"{statistics.median(values):,.0f}", f"{min(values):,.0f}..{max(values):,.0f}", ratio, goal)
    console.print(table)
    readings, peak, seconds = large
    console.print(
        f"Green Button of {FILE_BYTES // 2**20} MiB: {readings:,} readings in {seconds:.1f} s, "
        f"peak memory of the worker {peak} MiB (goal {MEMORY_GOAL_MIB})"
    )
    console.print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    return peak <= MEMORY_GOAL_MIB and all(statistics.median(ratios[name]) >= goal for name, goal in GOALS.items())


def _ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [mine / other for mine, other in zip(ours, theirs, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--people", type=int, default=8)
    sys.exit(0 if uvloop.run(run(parser.parse_args())) else 1)


if __name__ == "__main__":
    main()
