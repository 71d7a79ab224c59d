"""Ending a task for certain."""

import asyncio
from typing import Any


async def end_task(task: asyncio.Task[Any]) -> None:
    """Cancels a task again and again until it ends; its own error is neither raised nor reported.

    `asyncio.wait_for`, which redis-py sends under, loses a cancellation that comes as it finishes (before Python 3.12).
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.1)
    if not task.cancelled():
        task.exception()
