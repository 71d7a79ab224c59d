"""Orders per second through API processes in front of an engine process, beside one process that does all.

    python -m bench.processes [--apis 3] [--seconds 10] [--rounds 3] [--in-flight 8192] [--seed 1]

Rounds alternate on one Postgres and one database: one process with the writer and all clients in it, then an engine
process with `--apis` client processes that share the same number of clients. What the clients do is what
`bench.order_flow` does at full rate: submit, wait for the durable answer, submit again; no HTTP, no GraphQL. In the
second half of a round a command crosses a socket twice. Read the ratio. After the last round every invariant is
audited.
"""

import argparse
import asyncio
import os
import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass

import asyncpg
import orjson
import uvloop
from rich.console import Console

from api.engine import settle_collector
from api.settings import Settings
from bench.order_flow import OrderFlow, full_rate, fund
from bench.servers import Addresses, fresh_database, in_database, running_writer, servers
from domain.orders.model import Instrument
from infra.engine.audit import audit
from infra.engine.command_server import CommandServer
from infra.engine.commit_loop import Writer
from infra.engine.queue import LocalQueue
from infra.engine.remote_queue import RemoteQueue
from infra.postgres.connection import Database
from infra.postgres.market import PostgresMarket
from infra.redis.connection import news_channel, open_redis
from infra.redis.publisher import Publisher

GOAL = 0.8
SECRET = b"bench" * 4
SYMBOL = "PCA-BENCH-2026"
WARM_SECONDS = 1.0

console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Part:
    """What one process is to do."""

    role: str
    app_url: str
    redis_url: str
    owners: int
    in_flight: int
    seconds: float
    seed: int
    batch_size: int


@dataclass(frozen=True)
class Told:
    """What one process did: accepted orders a second, seconds of processor time a second."""

    rate: float
    cpu: float


# ---------------------------------------------------------------- within a process


async def play(part: Part) -> None:
    """Says `ready`, waits for a line, does its part, says what it did; the engine goes on until its input ends."""
    async with AsyncExitStack() as stack:
        queue = await stack.enter_async_context(_queue(part))
        settle_collector()
        _say("ready")
        if part.role == "engine":
            begun, cpu = time.perf_counter(), time.process_time()
            await asyncio.to_thread(sys.stdin.read)
            elapsed = time.perf_counter() - begun
            _say(orjson.dumps(asdict(Told(0.0, (time.process_time() - cpu) / elapsed))).decode())
            return
        await asyncio.to_thread(sys.stdin.readline)
        flow = OrderFlow(SYMBOL, part.owners, part.seed)
        await full_rate(queue, flow, WARM_SECONDS, part.in_flight)
        load = await full_rate(queue, flow, part.seconds, part.in_flight)
        _say(orjson.dumps(asdict(Told(load.rate, load.cpu))).decode())


@asynccontextmanager
async def _queue(part: Part) -> AsyncIterator[LocalQueue | RemoteQueue]:
    async with AsyncExitStack() as stack:
        if part.role == "api":
            database = await Database.open(part.app_url)
            stack.push_async_callback(database.close)

            async def address() -> str:
                leased: str = await database.pool.fetchval("SELECT address FROM lease")
                return leased

            async def instruments() -> list[Instrument]:
                return list(await PostgresMarket(database).instruments())

            remote = RemoteQueue(address, instruments, SECRET, size=100_000)
            await remote.start()
            stack.push_async_callback(remote.close)
            while not remote.is_open:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            yield remote
            return
        redis = open_redis(part.redis_url)
        stack.push_async_callback(redis.aclose)
        publisher = Publisher(redis, news_channel(part.app_url.rsplit("/", 1)[1]))
        stack.push_async_callback(publisher.close)
        local = LocalQueue(100_000)
        told = ""
        if part.role == "engine":
            listener = socket.create_server(("127.0.0.1", 0))
            server = CommandServer(local, SECRET)
            await server.start(listener)
            stack.push_async_callback(server.close)
            told = f"127.0.0.1:{listener.getsockname()[1]}"
        writer = Writer(part.app_url, local, publisher.ring, batch_size=part.batch_size, address=told)
        running = asyncio.create_task(writer.run())
        await local.until_open()
        try:
            yield local
        finally:
            writer.stop()
            await running


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


# ---------------------------------------------------------------- around the processes


@asynccontextmanager
async def _process(part: Part) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that is ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bench.processes", "--part", orjson.dumps(asdict(part)).decode()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert (await process.stdout.readline()).strip() == b"ready"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _go(process: asyncio.subprocess.Process) -> Told:
    """Lets a client process do its part."""
    assert process.stdin is not None
    process.stdin.write(b"go\n")
    return await _told(process)


async def _told(process: asyncio.subprocess.Process) -> Told:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    return Told(**orjson.loads(await process.stdout.readline()))


@dataclass(frozen=True)
class Round:
    together: Told
    apart: Told
    engine: Told
    written: str


async def measure(arguments: argparse.Namespace, addresses: Addresses) -> list[Round]:
    async with fresh_database(addresses.owner_url, f"gramme_bench_{os.getpid()}") as database:
        async with running_writer(addresses, database, arguments.batch_size) as queue:
            await fund(queue, arguments.owners)
        rounds = [await _round(arguments, addresses, database, number) for number in range(1, arguments.rounds + 1)]
        checks = await audit(in_database(addresses.owner_url, database))
        for check in checks:
            if not check.ok:
                raise SystemExit(f"RED {check.name}: {check.figure}")
        console.print(f"audit: {len(checks)} checks green")
    return rounds


async def _round(arguments: argparse.Namespace, addresses: Addresses, database: str, number: int) -> Round:
    def part(role: str, share: int, place: int) -> Part:
        return Part(
            role,
            in_database(addresses.app_url, database),
            addresses.redis_url,
            arguments.owners,
            arguments.in_flight // share,
            arguments.seconds,
            1_000 * arguments.seed + 100 * number + place,
            arguments.batch_size,
        )

    async with _process(part("all", 1, 0)) as alone:
        together = await _go(alone)
    url = in_database(addresses.owner_url, database)
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(_process(part("engine", 1, 0)))
        apis = [
            await stack.enter_async_context(_process(part("api", arguments.apis, 1 + place)))
            for place in range(arguments.apis)
        ]
        before = await _last_batch(url)
        told = await asyncio.gather(*(_go(api) for api in apis))
        written = await _written(url, before)
        of_engine = await _told(engine)
    apart = Told(sum(each.rate for each in told), sum(each.cpu for each in told))
    console.print(
        f"round {number}: one process {together.rate:,.0f}/s (CPU {together.cpu:.2f}), {arguments.apis} APIs and an "
        f"engine {apart.rate:,.0f}/s (CPU {apart.cpu:.2f} and {of_engine.cpu:.2f}, {written}), "
        f"ratio {apart.rate / together.rate:.2f}"
    )
    return Round(together, apart, of_engine, written)


async def _last_batch(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT max(sequence) FROM batch"))
    finally:
        await connection.close()


async def _written(url: str, batch: int) -> str:
    connection = await asyncpg.connect(url)
    try:
        median = await connection.fetchval(
            """SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY last_command - first_command + 1)
                 FROM batch WHERE sequence > $1""",
            batch,
        )
    finally:
        await connection.close()
    return f"batches of {median}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apis", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--owners", type=int, default=10_000)
    parser.add_argument("--in-flight", type=int, default=8_192)
    parser.add_argument("--batch-size", type=int, default=Settings().batch_size)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", help=argparse.SUPPRESS)
    return parser


def main() -> None:
    arguments = _parser().parse_args()
    if arguments.part:
        uvloop.run(play(Part(**orjson.loads(arguments.part))))
        return
    console.print(f"{os.cpu_count()} cores, seed {arguments.seed}, {arguments.in_flight} clients in all")
    with servers() as addresses:
        rounds = uvloop.run(measure(arguments, addresses))
    ratios = [each.apart.rate / each.together.rate for each in rounds]
    median = statistics.median(ratios)
    console.print(
        f"median of {len(ratios)}: one process {statistics.median(each.together.rate for each in rounds):,.0f}/s, "
        f"{arguments.apis} API processes and an engine {statistics.median(each.apart.rate for each in rounds):,.0f}/s, "
        f"ratio {median:.2f} ({min(ratios):.2f} to {max(ratios):.2f}), goal {GOAL}"
    )
    sys.exit(0 if median >= GOAL else 1)


if __name__ == "__main__":
    main()
