"""How long audit and replay take on a long history, and how fast a writer is ready on it.

    python -m bench.history [--orders 1000000] [--owners 10000] [--seed 1]

Makes a database by the flow of `bench.order_flow` until it holds that many orders, then takes the time of a restart
(from the first connection to ready), of `gramme audit` and of `gramme replay`, with the memory that each took at its
peak.
"""

import argparse
import asyncio
import os
import resource
import sys
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import asyncpg
import uvloop
from rich.console import Console

from bench.order_flow import OrderFlow, full_rate, fund
from bench.servers import Addresses, fresh_database, in_database, running_writer, servers
from infra.engine.audit import audit
from infra.engine.replay import first_difference

SECONDS_AT_ONCE = 10.0

console = Console(highlight=False, soft_wrap=True)


async def grow(arguments: argparse.Namespace, addresses: Addresses, database: str) -> int:
    """Orders in the database at the end."""
    connection = await asyncpg.connect(in_database(addresses.owner_url, database))
    try:
        async with running_writer(addresses, database, arguments.batch_size) as queue:
            flow = OrderFlow(await fund(queue, arguments.owners), arguments.owners, arguments.seed)
            while (orders := int(await connection.fetchval("SELECT count(*) FROM orders"))) < arguments.orders:
                console.print(f"{orders:,} orders")
                await full_rate(queue, flow, SECONDS_AT_ONCE, 1_024)
        return orders
    finally:
        await connection.close()


def _alone(work: Callable[[str], Coroutine[None, None, tuple[str, bool]]], url: str) -> tuple[str, bool, float, int]:
    """In a process of its own: what it said, whether it is right, seconds, and megabytes at its peak."""
    begun = time.perf_counter()
    told, is_right = uvloop.run(work(url))
    seconds = time.perf_counter() - begun
    return told, is_right, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


async def audited(url: str) -> tuple[str, bool]:
    checks = await audit(url)
    red = [f"{check.name}: {check.figure}" for check in checks if not check.ok]
    return "; ".join(red) or f"{len(checks)} checks green", not red


async def replayed(url: str) -> tuple[str, bool]:
    count, digest, difference = await first_difference(url)
    return difference or f"{count:,} commands, digest {digest.hex()[:16]}", difference is None


async def measure(arguments: argparse.Namespace, addresses: Addresses) -> bool:
    async with fresh_database(addresses.owner_url, f"gramme_history_{os.getpid()}") as database:
        orders = await grow(arguments, addresses, database)
        begun = time.perf_counter()
        async with running_writer(addresses, database, arguments.batch_size):
            console.print(f"{orders:,} orders: restart to ready in {time.perf_counter() - begun:.2f} s")
        is_right = True
        with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as alone:
            for name, work in (("audit", audited), ("replay", replayed)):
                url = in_database(addresses.owner_url, database)
                told, ok, seconds, megabytes = await asyncio.get_running_loop().run_in_executor(
                    alone, _alone, work, url
                )
                console.print(f"{name}: {seconds:.1f} s, {megabytes:,} MB at its peak; {told}")
                is_right = is_right and ok
    return is_right


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--owners", type=int, default=10_000)
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with servers() as addresses:
        sys.exit(0 if uvloop.run(measure(arguments, addresses)) else 1)


if __name__ == "__main__":
    main()
