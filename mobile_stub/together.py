"""Running many phones' steps at once."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any


async def together(steps: Iterable[Coroutine[Any, Any, Any]]) -> None:
    """Runs all at once; when one fails the others are cancelled and its error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(step)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors
