"""Simulated phones that live the whole journey against a server, once or until they are stopped."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from mobile_stub import habits
from mobile_stub.demo_state import DemoResult, DemoState, ImportedFile
from mobile_stub.errors import PhoneError
from mobile_stub.expectations import unmet_expectations
from mobile_stub.journey import Journey, Member
from mobile_stub.spending import can_redeem, convert, redeem, spend
from mobile_stub.tally import Tally

__all__ = ["DemoResult", "DemoState", "ImportedFile", "run_demo"]

REPORT_SECONDS = 0.25
CONNECTIONS_A_PHONE = 4


async def run_demo(
    url: str,
    operator_email: str,
    operator_password: str,
    *,
    phones: int,
    once: bool,
    home: Path,
    report: Callable[[DemoState], None],
) -> DemoResult:
    """Plays the journey with new people; then gives the result (`once`), or lets them go on until cancelled.

    `home` keeps the phones' memories. `report` is called four times a second and at each change of phase, in the
    event loop. What fails is named in the result, never raised: a server that cannot be reached as well.
    """
    tally = Tally(report)
    limits = httpx.Limits(max_connections=CONNECTIONS_A_PHONE * phones + 16)
    async with httpx.AsyncClient(limits=limits) as http, _reporting(tally):
        journey = Journey(url, home, http, tally)
        try:
            await _play(journey, phones, operator_email, operator_password)
            if once:
                failures = await unmet_expectations(journey)
            else:
                await _go_on(journey)
        except (PhoneError, TimeoutError) as error:
            failures = [*journey.failures, f"{tally.state().phase}: {error or type(error).__name__}"]
        finally:
            await journey.close()
    tally.enter("done")
    return DemoResult(tally.state(), tuple(failures))


async def _play(journey: Journey, phones: int, operator_email: str, operator_password: str) -> None:
    await journey.open_programme(operator_email, operator_password)
    await journey.sign_up(phones)
    await journey.send_files()
    await journey.live_a_week()
    await journey.open_trading()
    await journey.trade()
    await spend(journey)


@contextlib.asynccontextmanager
async def _reporting(tally: Tally) -> AsyncIterator[None]:
    async def report_for_ever() -> None:
        while True:
            tally.report(tally.state())
            await asyncio.sleep(REPORT_SECONDS)

    reporter = asyncio.create_task(report_for_ever())
    try:
        yield
    finally:
        reporter.cancel()
        await asyncio.gather(reporter, return_exceptions=True)


async def _go_on(journey: Journey) -> None:
    """Until cancelled: everybody trades now and then, travels, loses the network, spends points."""
    journey.tally.enter("trading on")
    async with asyncio.TaskGroup() as people:
        for member in journey.members:
            people.create_task(_live_on(journey, member))


async def _live_on(journey: Journey, member: Member) -> None:
    """A server that is away for longer than a phone's patience only delays this person."""
    chance = random.Random()
    while True:
        await asyncio.sleep(chance.uniform(2, 6))
        with contextlib.suppress(PhoneError):
            await _do_something(journey, member, chance.random())


async def _do_something(journey: Journey, member: Member, chance: float) -> None:
    if not member.phone.is_online:
        if chance < 0.3:
            await journey.switch_network(member)
        else:
            await journey.place_order(member)
    elif chance < 0.03:
        await journey.switch_network(member)
    elif chance < 0.08:
        await journey.record(member, [habits.trip(member.number, datetime.now(UTC) - timedelta(minutes=20))])
    elif chance < 0.11 and can_redeem(journey, member):
        await redeem(journey, member)
    elif chance < 0.13:
        await convert(journey, member)
    elif chance < 0.25 and (orders := member.phone.storage.open_orders()):
        await member.phone.cancel_order(orders[0].client_order_id)
    else:
        await journey.place_order(member)
