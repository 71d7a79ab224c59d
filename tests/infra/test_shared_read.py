"""Reads that are shared: few queries, an answer for each, a failure for each."""

import asyncio
from collections.abc import Sequence

import pytest

from infra.shared_read import SharedRead


async def test_what_is_asked_while_a_read_is_under_way_goes_into_the_next() -> None:
    reads: list[list[int]] = []

    async def double(keys: Sequence[int]) -> list[int]:
        reads.append(list(keys))
        await asyncio.sleep(0.01)
        return [2 * key for key in keys]

    shared = SharedRead(double, 3)
    first = asyncio.create_task(shared.read(1))
    await asyncio.sleep(0.001)

    later = await asyncio.gather(*(shared.read(key) for key in range(2, 7)))

    assert await first == 2
    assert later == [4, 6, 8, 10, 12]
    assert reads == [[1], [2, 3, 4], [5, 6]]


async def test_a_failure_reaches_everybody_of_that_read_and_nobody_else() -> None:
    async def fail_once(keys: Sequence[int]) -> list[int]:
        await asyncio.sleep(0)
        if 1 in keys:
            raise ConnectionError("away")
        return list(keys)

    shared = SharedRead(fail_once, 2)

    answers = await asyncio.gather(*(shared.read(key) for key in (1, 2, 3)), return_exceptions=True)

    assert [type(answer) for answer in answers] == [ConnectionError, ConnectionError, int]
    with pytest.raises(ConnectionError):
        await shared.read(1)


async def test_who_went_away_does_not_hold_up_the_others() -> None:
    async def same(keys: Sequence[int]) -> list[int]:
        await asyncio.sleep(0.01)
        return list(keys)

    shared = SharedRead(same, 10)
    gone, stays = asyncio.create_task(shared.read(1)), asyncio.create_task(shared.read(2))
    await asyncio.sleep(0.001)
    gone.cancel()

    assert await stays == 2
    assert await shared.read(3) == 3
