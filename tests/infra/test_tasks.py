"""Ending a task that loses cancellations."""

import asyncio
import contextlib

from infra.tasks import end_task


async def test_a_cancellation_that_is_lost_is_sent_again() -> None:
    lost = 0

    async def stubborn() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                lost += 1
                if lost == 3:
                    raise

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await end_task(task)
    assert lost == 3
    assert task.cancelled()


async def test_the_tasks_own_error_is_not_raised() -> None:
    async def failing() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        raise ValueError

    task = asyncio.create_task(failing())
    await asyncio.sleep(0)
    await end_task(task)
    assert isinstance(task.exception(), ValueError)
