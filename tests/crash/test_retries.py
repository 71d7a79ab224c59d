"""Phones that hear nothing send again: twice and many times at once, out of order, from another device, much later."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.conftest import sign_in
from tests.crash.conftest import Tell
from tests.crash.fleet import fleet_on
from tests.crash.load import Answer, Saved
from tests.crash.machine import Machine
from tests.crash.trial import Trial, trial

REQUESTS = 100
COPIES = (2, 12)
PAIRS = 20


@pytest.mark.crash
async def test_whatever_a_phone_sends_again_counts_once(
    machine: Machine, tmp_path: Path, chance: random.Random, times: int, tell: Tell
) -> None:
    async with fleet_on(machine, tmp_path, apis=2) as fleet:
        exchange = fleet.exchange

        async def duplicated() -> str:
            """Many copies of each request at once, through both API processes."""

            async def send(copies: int) -> int:
                request = running.load.new_order(chance.choice(exchange.people))
                _check_same(running, request, await running.load.send_copies([request] * copies))
                return copies

            sent = await asyncio.gather(*(send(chance.randint(*COPIES)) for _ in range(REQUESTS)))
            return f"{sum(sent)} sendings of {REQUESTS} orders"

        async def reordered() -> str:
            """The cancel of an order overtakes the order now and then."""
            refused = sum(await asyncio.gather(*(reorder() for _ in range(PAIRS))))
            return f"{refused} cancels came before their order"

        async def reorder() -> int:
            order = running.load.new_order(chance.choice(exchange.people))
            cancel = running.load.cancel_of(order)
            first, second = chance.sample([order, cancel], 2)
            answers = await running.load.send_copies([first, second, order, cancel])
            order.answer = answers[0 if first is order else 1]
            assert order.answer.name == "Order"
            assert answers[2].id == order.answer.id
            return [answer.name for answer in answers].count("NotFound")

        async def late_from_another_device() -> str:
            """The first requests of all, under the tokens of a new sign-in."""
            oldest = running.load.of_people()[:REQUESTS]
            tokens = {}
            for person in exchange.people:
                tokens[person.token] = (await sign_in(exchange.http, person.email)).token
            copies = [running.load.under(request, tokens[request.token]) for request in oldest]
            for request, answer in zip(oldest, await running.load.send_copies(copies), strict=True):
                _check_same(running, request, [answer])
            return f"{len(oldest)} of the oldest requests"

        async with trial(exchange, chance, tell) as running:
            for _ in range(times):
                await running.strike("duplicated retries", duplicated)
                await running.strike("reordered retries", reordered)
                await running.strike("late retries from another device", late_from_another_device)


def _check_same(running: Trial, request: Saved, answers: list[Answer]) -> None:
    told = {(answer.name, answer.id) for answer in answers}
    if request.answer is None:
        request.answer = answers[0]
    running.findings.figures["copies sent"] += len(answers)
    if told != {(request.answer.name, request.answer.id)}:
        running.findings.breach("answered otherwise when repeated", request.key, str(told))
