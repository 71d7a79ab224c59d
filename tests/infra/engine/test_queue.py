"""The way to the writer: bounded, in order, closed while nobody writes."""

import asyncio

import pytest

from domain.commands import Answer
from domain.errors import Overloaded, Unavailable
from infra.engine.queue import LocalQueue
from tests import factories as make

ANSWER = Answer("balance", {"owner": make.ALICE, "asset": make.MONEY})


async def waiting(queue: LocalQueue, count: int) -> list["asyncio.Task[Answer]"]:
    tasks = [asyncio.create_task(queue.submit(make.deposit(make.ALICE, number + 1))) for number in range(count)]
    await asyncio.sleep(0)
    assert queue.waiting == count
    return tasks


async def test_nothing_is_taken_while_no_writer_is_ready() -> None:
    queue = LocalQueue(10)

    with pytest.raises(Unavailable):
        await queue.submit(make.deposit(make.ALICE, 1))
    assert queue.waiting == 0
    assert queue.is_open is False


async def test_the_answer_is_the_writers() -> None:
    queue = LocalQueue(10)
    queue.open()
    [task] = await waiting(queue, 1)

    [pending] = queue.take(512)
    assert not task.done()
    pending.resolve(ANSWER)

    assert await task is ANSWER


async def test_commands_are_taken_in_order_and_no_more_than_asked() -> None:
    queue = LocalQueue(10)
    queue.open()
    tasks = await waiting(queue, 5)

    first, second = queue.take(3), queue.take(3)

    assert [pending.command.amount for pending in (*first, *second)] == [1, 2, 3, 4, 5]  # type: ignore[attr-defined]
    assert (len(first), len(second), queue.take(3)) == (3, 2, [])
    for pending in (*first, *second):
        pending.resolve(ANSWER)
    assert await asyncio.gather(*tasks) == [ANSWER] * 5


async def test_a_full_queue_refuses_at_once_and_takes_again_when_it_is_emptied() -> None:
    queue = LocalQueue(3)
    queue.open()
    tasks = await waiting(queue, 3)

    with pytest.raises(Overloaded) as refusal:
        await queue.submit(make.deposit(make.ALICE, 4))
    assert refusal.value.retry_after_seconds == 1
    assert queue.waiting == 3

    for pending in queue.take(1):
        pending.resolve(ANSWER)
    more = asyncio.create_task(queue.submit(make.deposit(make.ALICE, 5)))
    await asyncio.sleep(0)
    assert queue.waiting == 3
    queue.close()
    done = await asyncio.gather(*tasks, more, return_exceptions=True)
    assert [type(each) for each in done] == [Answer, Unavailable, Unavailable, Unavailable]


async def test_closing_fails_what_waits_and_refuses_what_comes() -> None:
    queue = LocalQueue(10)
    queue.open()
    tasks = await waiting(queue, 2)

    queue.close()

    done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    assert [type(each) for each in done] == [Unavailable, Unavailable]
    with pytest.raises(Unavailable):
        await queue.submit(make.deposit(make.ALICE, 3))
    queue.open()
    assert queue.is_open is True
    assert queue.waiting == 0


async def test_waiting_ends_when_something_comes_or_the_time_is_over() -> None:
    queue = LocalQueue(10)
    queue.open()
    assert await queue.wait(0.01) is False

    waiter = asyncio.create_task(queue.wait(10))
    await asyncio.sleep(0)
    [task] = await waiting(queue, 1)

    assert await waiter is True
    assert await queue.wait(10) is True
    queue.close()
    with pytest.raises(Unavailable):
        await task


async def test_who_has_gone_away_is_not_answered() -> None:
    queue = LocalQueue(10)
    queue.open()
    [task] = await waiting(queue, 1)
    [pending] = queue.take(1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    pending.resolve(ANSWER)
    pending.fail(Unavailable())

    assert pending.answer.cancelled()


async def test_an_answer_is_given_once() -> None:
    queue = LocalQueue(10)
    queue.open()
    [task] = await waiting(queue, 1)
    [pending] = queue.take(1)

    pending.resolve(ANSWER)
    pending.resolve(Answer("other", {}))
    pending.fail(Unavailable())

    assert await task is ANSWER
