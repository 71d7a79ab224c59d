"""Forecasts come from a process of their own, which may die without harm and ends when nobody asks."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from domain.footprint.pacing import ForecastBand
from infra.forecasting import forecaster as module
from infra.forecasting.forecaster import Forecaster

ROOT = Path(__file__).parents[3]
FIRST = date(2026, 1, 5)
STEADY = [10_000] * 60


@pytest.fixture
async def forecaster(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Forecaster]:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 120)
    opened = Forecaster()
    yield opened
    await opened.close()


def pid_of(forecaster: Forecaster) -> int | None:
    return forecaster._process.pid if forecaster._process else None


async def test_a_steady_person(forecaster: Forecaster) -> None:
    assert await forecaster.sum_of_next(FIRST, STEADY, 7) == ForecastBand(70_000, 70_000, 70_000)
    assert await forecaster.sum_of_next(FIRST, [None, *STEADY, None], 1) == ForecastBand(10_000, 10_000, 10_000)
    assert await forecaster.sum_of_next(FIRST, STEADY[:5], 7) is None


async def test_the_same_question_is_asked_once(forecaster: Forecaster) -> None:
    await forecaster.sum_of_next(FIRST, STEADY, 7)
    await forecaster.close()
    assert await forecaster.sum_of_next(FIRST, STEADY, 7) == ForecastBand(70_000, 70_000, 70_000)
    assert pid_of(forecaster) is None


async def test_a_worker_that_dies_is_missed_once(forecaster: Forecaster) -> None:
    await forecaster.sum_of_next(FIRST, STEADY, 7)
    pid = pid_of(forecaster)
    assert pid
    os.kill(pid, 9)
    answers = [await forecaster.sum_of_next(FIRST, STEADY, days) for days in (8, 9)]
    assert answers[-1] == ForecastBand(90_000, 90_000, 90_000)
    assert pid_of(forecaster) not in (None, pid)


async def test_a_cancelled_question_leaves_no_answer_for_the_next(forecaster: Forecaster) -> None:
    await forecaster.sum_of_next(FIRST, STEADY, 7)
    asked = asyncio.create_task(forecaster.sum_of_next(FIRST, STEADY, 30))
    await asyncio.sleep(0)
    asked.cancel()
    await asyncio.wait([asked])
    assert await forecaster.sum_of_next(FIRST, STEADY, 2) == ForecastBand(20_000, 20_000, 20_000)


async def test_whoever_does_not_wait_leaves_the_worker_to_get_ready(
    forecaster: Forecaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.05)
    assert await forecaster.sum_of_next(FIRST, STEADY, 7) is None
    pid = pid_of(forecaster)
    monkeypatch.setattr(module, "ANSWER_SECONDS", 120)
    assert await forecaster.sum_of_next(FIRST, STEADY, 7) == ForecastBand(70_000, 70_000, 70_000)
    assert pid_of(forecaster) == pid


async def test_too_many_questions_are_not_waited_for(forecaster: Forecaster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_MAX", 2)
    answers = await asyncio.gather(*(forecaster.sum_of_next(FIRST, STEADY, days) for days in range(1, 6)))
    assert [answer is not None for answer in answers] == [True, True, False, False, False]


async def test_a_worker_ends_when_nobody_asks(forecaster: Forecaster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.05)
    await forecaster.sum_of_next(FIRST, STEADY, 7)
    process = forecaster._process
    assert process
    async with asyncio.timeout(60):
        await process.wait()
    assert process.returncode == 0
    assert pid_of(forecaster) is None


@pytest.mark.parametrize("module", ["api.app", "infra.capture.worker"])
def test_numeric_libraries_stay_out_of_other_processes(module: str) -> None:
    """Pint would take numpy along; nothing else may either."""
    code = f"import sys, {module}; sys.exit(sorted({{'numpy', 'scipy', 'sklearn'}} & sys.modules.keys()) != [])"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
