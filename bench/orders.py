"""Durable, settled orders per second through the writer, beside its peers on the same server in the same run.

    python -m bench.orders [--seconds 10] [--rounds 3] [--owners 10000] [--in-flight 4096] [--seed 1]

Rounds alternate, so that noise falls on all alike: pgbench (TPC-B, scale 10, 8 clients, 10 s), a transaction for each
order, batches of 200 by unnest (both in `bench.peers`), then orders at full rate, then orders at half of that rate,
then a mixed load at full rate. The orders are as the peers have them: of one size, so that two of them make one trade.
The mixed load has orders of 1 to 20 lots, which make more trades, and cancels beside them that are not counted.
Each of these begins after a CHECKPOINT, so that none pays for what another left to be written out.
Read the ratios; absolute figures are those of the machine and the hour.

An order counts when its COMMIT has returned (fsync on) and the engine accepted it: key looked up, balance reserved,
matched, settled by double entry, told to both parties, bound into the hash chain. Submitting goes through the queue
that the API uses, in the writer's process, so "CPU" is that of writer and clients together. After the last round every
invariant is audited; a red one ends with exit code 1.

Without GRAMME_DATABASE_URL a Postgres and a Valkey of their own start in a temporary folder.
"""

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import asyncpg
import uvloop
from rich.console import Console
from rich.table import Table

from api.settings import Settings
from bench import peers
from bench.order_flow import Load, OrderFlow, full_rate, fund, paced
from bench.servers import Addresses, fresh_database, in_database, running_writer, servers
from infra.engine.audit import audit
from infra.engine.queue import LocalQueue
from infra.postgres.connection import Connection

MIXED_PROGRAMME = "MIXED"
GOALS = {"pgbench": 4.0, "singly": 6.0, "batches": 0.6}
PEERS = {
    "pgbench": "pgbench",
    "singly": "a transaction for each order",
    "batches": "batches by unnest, which know no keys, books, news or hash chain",
}
GOAL_P99_MS = 25
BATCH_OF_PEER = 200

console = Console(highlight=False, soft_wrap=True)


# ---------------------------------------------------------------- the run


@dataclass(frozen=True)
class Written:
    """What the batches of a phase hold."""

    batch_sizes: list[int]
    trades_per_order: float
    takers: float
    """Share of the orders that traded as they came."""


async def written_after(connection: Connection, batch: int) -> Written:
    sizes = await connection.fetch("SELECT last_command - first_command + 1 FROM batch WHERE sequence > $1", batch)
    row = await connection.fetchrow(
        """WITH first AS (SELECT min(first_command) AS command FROM batch WHERE sequence > $1)
           SELECT (SELECT count(*) FROM orders, first WHERE id >= command) AS orders, count(*) AS trades,
                  count(DISTINCT CASE aggressor WHEN 'BUY' THEN buy_order ELSE sell_order END) AS takers
             FROM trade, first WHERE trade.command >= first.command""",
        batch,
    )
    assert row is not None
    return Written([size[0] for size in sizes], row["trades"] / row["orders"], row["takers"] / row["orders"])


@dataclass
class Round:
    pgbench: float
    singly: float
    batches: float
    full: Load
    half: Load
    mixed: Load
    written: Written
    written_mixed: Written


async def measure(arguments: argparse.Namespace, addresses: Addresses) -> list[Round]:
    rounds: list[Round] = []
    async with AsyncExitStack() as stack:
        name = f"gramme_bench_{os.getpid()}"
        database = await stack.enter_async_context(fresh_database(addresses.owner_url, name))
        peer = await stack.enter_async_context(fresh_database(addresses.owner_url, f"{name}_peer"))
        peer_url = in_database(addresses.owner_url, peer)
        database_url = in_database(addresses.owner_url, database)
        await peers.prepare(peer_url)
        async with running_writer(addresses, database, arguments.batch_size) as queue:
            symbol = await fund(queue, arguments.owners)
            flow = OrderFlow(symbol, arguments.owners, arguments.seed, mixed=False)
            mixed_symbol = await fund(queue, arguments.owners, MIXED_PROGRAMME)
            mixed_flow = OrderFlow(mixed_symbol, arguments.owners, arguments.seed + 1)
            connection = await asyncpg.connect(database_url)
            await _tell_server(connection)
            await full_rate(queue, flow, 1.0, arguments.in_flight)
            for number in range(1, arguments.rounds + 1):
                await _write_out(connection)
                pgbench = await peers.pgbench_rate(peer_url)
                settler = peers.Settler(peer_url, arguments.seconds / 2)
                await _write_out(connection)
                singly = await settler.singly()
                await _write_out(connection)
                batches = await settler.in_batches(BATCH_OF_PEER)
                flow.prepare(arguments.seconds * 1.5)
                mixed_flow.prepare(arguments.seconds / 2)
                full, written = await _full_rate(queue, connection, flow, arguments.seconds, arguments.in_flight)
                await _write_out(connection)
                half = await paced(queue, flow, arguments.seconds / 2, full.rate / 2)
                mixed = await _full_rate(queue, connection, mixed_flow, arguments.seconds / 2, arguments.in_flight)
                rounds.append(Round(pgbench, singly, batches, full, half, mixed[0], written, mixed[1]))
                console.print(
                    f"round {number}: orders {full.rate:,.0f}/s, pgbench {pgbench:,.0f}, singly {singly:,.0f}, "
                    f"in batches of {BATCH_OF_PEER} {batches:,.0f}; load {os.getloadavg()[0]:.1f}"
                )
            await connection.close()
        await _audit(database_url)
    return rounds


async def _full_rate(
    queue: LocalQueue, connection: Connection, flow: OrderFlow, seconds: float, in_flight: int
) -> tuple[Load, Written]:
    before = await connection.fetchval("SELECT max(sequence) FROM batch")
    await _write_out(connection)
    load = await full_rate(queue, flow, seconds, in_flight)
    return load, await written_after(connection, before)


async def _write_out(server: Connection) -> None:
    """Lets a phase, a peer's or ours, begin without what the one before has left to be written out."""
    try:
        await server.execute("CHECKPOINT")
    except asyncpg.InsufficientPrivilegeError:
        console.print("This login may not begin a checkpoint: phases may pay for each other's writes.")


async def _tell_server(connection: Connection) -> None:
    shown = {
        name: await connection.fetchval(f"SHOW {name}")
        for name in ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers")
    }
    if shown["fsync"] != "on" or shown["synchronous_commit"] != "on":
        raise SystemExit("This Postgres does not wait for its disk (fsync, synchronous_commit): nothing to compare.")
    console.print("Postgres " + ", ".join(f"{name} {value}" for name, value in shown.items()))


async def _audit(database_url: str) -> None:
    begun = time.perf_counter()
    checks = await audit(database_url)
    for check in checks:
        console.print(f"  {'ok ' if check.ok else 'RED'} {check.name}: {check.figure}")
    console.print(f"audit: {len(checks)} checks in {time.perf_counter() - begun:.1f} s")
    if not all(check.ok for check in checks):
        raise SystemExit(1)


# ---------------------------------------------------------------- the report


def _spread(values: Sequence[float], form: str = ",.0f") -> tuple[str, str]:
    return f"{statistics.median(values):{form}}", f"{min(values):{form}} .. {max(values):{form}}"


def report(rounds: list[Round]) -> bool:
    """Prints the table and the goals; True where all are reached."""
    table = Table("", "median", "range")
    ratios = {peer: [round_.full.rate / getattr(round_, peer) for round_ in rounds] for peer in GOALS}
    sizes = [size for round_ in rounds for size in round_.written.batch_sizes]
    rows: list[tuple[str, Sequence[float], str]] = [
        ("pgbench TPC-B, transactions/s", [round_.pgbench for round_ in rounds], ",.0f"),
        ("a transaction for each order, 8 connections, orders/s", [round_.singly for round_ in rounds], ",.0f"),
        (f"batches of {BATCH_OF_PEER} by unnest, orders/s", [round_.batches for round_ in rounds], ",.0f"),
        ("settled orders/s", [round_.full.rate for round_ in rounds], ",.0f"),
        ("against pgbench", ratios["pgbench"], ".2f"),
        ("against a transaction for each order", ratios["singly"], ".2f"),
        (f"against batches of {BATCH_OF_PEER}", ratios["batches"], ".2f"),
        ("full rate: CPU of writer and clients, us an order", [_microseconds(round_.full) for round_ in rounds], ".1f"),
        ("full rate: p50 ms", [round_.full.percentile(0.5) for round_ in rounds], ".1f"),
        ("full rate: p99 ms", [round_.full.percentile(0.99) for round_ in rounds], ".1f"),
        ("full rate: CPU of writer and clients, cores", [round_.full.cpu for round_ in rounds], ".2f"),
        ("half rate: orders/s", [round_.half.rate for round_ in rounds], ",.0f"),
        ("half rate: p50 ms", [round_.half.percentile(0.5) for round_ in rounds], ".1f"),
        ("half rate: p99 ms", [round_.half.percentile(0.99) for round_ in rounds], ".1f"),
        ("half rate: CPU of writer and clients, cores", [round_.half.cpu for round_ in rounds], ".2f"),
        ("commands in a batch at full rate", sizes, ",.0f"),
        ("orders that traded as they came", [round_.written.takers for round_ in rounds], ".0%"),
        ("trades per order", [round_.written.trades_per_order for round_ in rounds], ".2f"),
        ("mixed load: settled orders/s", [round_.mixed.rate for round_ in rounds], ",.0f"),
        ("mixed load: against pgbench", [round_.mixed.rate / round_.pgbench for round_ in rounds], ".2f"),
        (
            "mixed load: CPU of writer and clients, us an order",
            [_microseconds(round_.mixed) for round_ in rounds],
            ".1f",
        ),
        ("mixed load: trades per order", [round_.written_mixed.trades_per_order for round_ in rounds], ".2f"),
        ("mixed load: cancels in a round", [round_.mixed.cancels for round_ in rounds], ",.0f"),
        ("orders refused in a round", [_refused(round_) for round_ in rounds], ",.0f"),
    ]
    for name, values, form in rows:
        table.add_row(name, *_spread(values, form))
    console.print(table)
    p99 = statistics.median(round_.half.percentile(0.99) for round_ in rounds)
    console.print(f"{p99:.1f} ms from submit to durable answer at half rate (p99); the goal is {GOAL_P99_MS} ms")
    reached = p99 <= GOAL_P99_MS
    for peer, goal in GOALS.items():
        ratio = statistics.median(ratios[peer])
        console.print(f"{ratio:.2f} x {PEERS[peer]}; the goal is {goal:.1f} x")
        reached = reached and ratio >= goal
    return reached


def _refused(round_: Round) -> int:
    return round_.full.refused + round_.half.refused + round_.mixed.refused


def _microseconds(load: Load) -> float:
    return 1e6 * load.cpu / load.rate


def main() -> None:
    parser = argparse.ArgumentParser(description="Orders through the writer, beside pgbench on the same Postgres.")
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="at full rate in a round, then half of it at half rate"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--owners", type=int, default=10_000)
    parser.add_argument("--in-flight", type=int, default=4_096, help="clients at full rate")
    parser.add_argument("--batch-size", type=int, default=Settings().batch_size)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    console.print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{arguments.owners:,} owners, {arguments.in_flight} in flight, seed {arguments.seed}"
    )
    with servers() as addresses:
        rounds = uvloop.run(measure(arguments, addresses))
    sys.exit(0 if report(rounds) else 1)


if __name__ == "__main__":
    main()
