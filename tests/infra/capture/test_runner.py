"""Files go in, activities come out: on the real database, each file in its own worker process."""

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from domain.footprint.model import ActivityStatus, ImportJob, ImportStatus
from tests.infra.capture.desk import OWNER, WAIT_SECONDS, Desk
from tests.infra.capture.files import DATA, zipped

YEAR = DATA / "green_button" / "TestGBDataOneYearDailyBinnedMonthly.xml"
MONTH = DATA / "nem12" / "Example_NEM12_month_solar.csv"


def green_button(*readings: tuple[int, int, int]) -> bytes:
    """A feed of (hour since 2026-01-01 05:00Z, length in hours, Wh)."""
    rows = "".join(
        f"<IntervalReading><timePeriod><duration>{hours * 3600}</duration><start>{1767243600 + hour * 3600}</start>"
        f"</timePeriod><value>{value}</value></IntervalReading>"
        for hour, hours, value in readings
    )
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><content><ReadingType xmlns="http://naesb.org/espi">'
        "<uom>72</uom></ReadingType></content></entry><entry><content>"
        f'<IntervalBlock xmlns="http://naesb.org/espi">{rows}</IntervalBlock></content></entry></feed>'
    ).encode()


def counts(job: ImportJob) -> tuple[int, int, int, int]:
    return job.records_read, job.records_imported, job.records_duplicate, job.records_rejected


# ---------------------------------------------------------------- the two files of the demo


async def test_a_year_of_green_button(desk: Desk) -> None:
    job = await desk.send(YEAR)
    assert (job.status, job.format, counts(job)) == (ImportStatus.FINISHED, "GREEN_BUTTON", (444, 444, 0, 0))
    assert await desk.counted() == (Decimal("9917.817"), 444)
    summary = await desk.footprint.summary(OWNER, date(2013, 1, 1), date(2014, 3, 20))
    assert summary.total == job.emissions > 0
    assert len(summary.by_day) == 444
    [first] = await desk.footprint.activities(OWNER, None, 1, None, date(2013, 1, 1))
    assert (first.started_at, first.ended_at) == (
        datetime(2013, 1, 1, 5, tzinfo=UTC),
        datetime(2013, 1, 2, 5, tzinfo=UTC),
    )
    assert first.emissions == round(first.quantity * first.explanation.factor_kg_per_unit * 1000)
    assert "No edition covers 2013-01-01" in first.explanation.caveats[0]
    await desk.check_totals()
    await desk.check_folder()


async def test_the_same_file_again_imports_nothing(desk: Desk) -> None:
    await desk.send(YEAR)
    before = await desk.database.pool.fetch("SELECT * FROM activity ORDER BY id")
    again = await desk.send(YEAR)
    assert (counts(again), again.emissions) == ((444, 0, 444, 0), 0)
    assert await desk.database.pool.fetch("SELECT * FROM activity ORDER BY id") == before


async def test_a_month_of_nem12(desk: Desk) -> None:
    job = await desk.send(zipped({"any name.bin": MONTH.read_bytes()}), region="AU-QLD", time_zone="Australia/Brisbane")
    assert (job.format, counts(job)) == ("NEM12", (17_856, 17_856, 0, 0))
    assert await desk.counted() == (Decimal("270.738"), 31)
    sums = await desk.database.pool.fetch("SELECT direction, sum(value) FROM meter_reading GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in sums] == [("EXPORT", Decimal("589.172")), ("IMPORT", Decimal("270.738"))]
    activities = await desk.footprint.activities(OWNER, None, 100, None, None)
    assert {item.explanation.factor_kg_per_unit for item in activities} == {Decimal("0.5563")}
    assert job.emissions == sum(round(item.quantity * Decimal("556.3")) for item in activities)


async def test_days_are_those_of_the_person_s_clock(desk: Desk) -> None:
    await desk.send(DATA / "malformed" / "nem_dst_day.csv", region="AU-NSW", time_zone="Australia/Sydney")
    rows = await desk.database.pool.fetch("SELECT local_date, quantity FROM activity ORDER BY 1")
    assert [tuple(row) for row in rows] == [(date(2023, 10, 1), Decimal("23.0")), (date(2023, 10, 2), Decimal("1.0"))]


async def test_a_gas_bill_in_therms(desk: Desk) -> None:
    [file] = (DATA / "green_button").glob("ngma_natural_gas_billing*")
    job = await desk.send(file)
    assert job.emissions == 18_505_129
    assert await desk.counted() == (Decimal(3484), 1_067)
    days = await desk.database.pool.fetchrow("SELECT min(local_date), max(local_date) FROM activity")
    assert tuple(days) == (date(2021, 5, 25), date(2024, 4, 25))
    [row] = await desk.database.pool.fetch("SELECT DISTINCT activity, unit, category FROM activity")
    assert tuple(row) == ("energy.natural_gas.therm", "therm", "energy")


async def test_gas_in_therms_is_counted_by_the_kilowatt_hour_where_no_therm_has_a_factor(desk: Desk) -> None:
    [file] = (DATA / "green_button").glob("ngma_natural_gas_billing*")
    job = await desk.send(file, region="GB", time_zone="Europe/London")
    assert job.status is ImportStatus.FINISHED
    [row] = await desk.database.pool.fetch("SELECT DISTINCT activity, unit FROM activity")
    assert tuple(row) == ("energy.natural_gas.kwh_gross", "therm")


async def test_without_a_factor_nothing_is_recorded(desk: Desk) -> None:
    [file] = (DATA / "green_button").glob("ngma_natural_gas_billing*")
    job = await desk.send(file, region="FR", time_zone="Europe/Paris")
    assert job.status is ImportStatus.FAILED
    [refusal] = await desk.imports.rejections(job.id, 10)
    assert refusal.code == "NO_FACTOR"
    assert refusal.reason.startswith("energy.natural_gas.therm has no factor for FR.")
    assert await desk.database.pool.fetchval("SELECT count(*) FROM meter_reading") == 0
    assert await desk.counted() == (0, 0)


# ---------------------------------------------------------------- files that overlap


async def test_an_overlapping_file_adds_only_what_is_new(desk: Desk) -> None:
    await desk.send(green_button(*((hour, 1, 100) for hour in range(30))))
    assert await desk.counted() == (Decimal("3"), 2)
    job = await desk.send(green_button(*((hour, 1, 100) for hour in range(20, 48))))
    assert counts(job) == (28, 18, 10, 0)
    assert await desk.counted() == (Decimal("4.8"), 2)
    statuses = await desk.database.pool.fetch("SELECT status, local_date, quantity FROM activity ORDER BY 1, 2")
    assert [tuple(row) for row in statuses] == [
        ("COUNTED", date(2026, 1, 1), Decimal("2.4")),
        ("COUNTED", date(2026, 1, 2), Decimal("2.4")),
        ("REVERSED", date(2026, 1, 2), Decimal("0.6")),
    ]
    await desk.check_totals()


async def test_a_corrected_reading_replaces_the_old_one_which_is_kept_aside(desk: Desk) -> None:
    first = await desk.send(green_button((0, 1, 100), (1, 1, 100)))
    job = await desk.send(green_button((0, 1, 150), (1, 1, 100)))
    assert counts(job) == (2, 1, 1, 0)
    assert await desk.counted() == (Decimal("0.25"), 1)
    assert await desk.told(job) == {"REPLACED_EARLIER": 1}
    [old] = await desk.database.pool.fetch("SELECT value, import_id, replaced_by FROM replaced_reading")
    assert tuple(old) == (Decimal("0.1"), first.id, job.id)
    summary = await desk.footprint.summary(OWNER, date(2026, 1, 1), date(2026, 1, 1))
    assert summary.total == first.emissions + job.emissions
    await desk.check_totals()


async def test_hours_after_their_day_count_once(desk: Desk) -> None:
    await desk.send(green_button((0, 24, 2400), (24, 24, 1200)))
    job = await desk.send(green_button(*((hour, 1, 100) for hour in range(24))))
    assert counts(job) == (24, 24, 0, 0)
    assert await desk.counted() == (Decimal("3.6"), 2)
    assert await desk.told(job) == {"OVERLAP_EARLIER": 1}
    await desk.check_totals()


async def test_a_bill_after_some_of_its_days_counts_once(desk: Desk) -> None:
    await desk.send(green_button((24, 24, 1000), (48, 24, 1000)))
    await desk.send(green_button((0, 240, 9000)))
    assert await desk.counted() == (Decimal("9"), 10)
    await desk.send(green_button((72, 24, 1000)))
    assert await desk.counted() == (Decimal("9"), 10)
    await desk.send(green_button(*((24 * day, 24, 800) for day in (0, 3, 4, 5, 6, 7, 8, 9))))
    assert await desk.counted() == (Decimal("8.4"), 10)
    await desk.check_totals()


async def test_two_files_at_once_of_one_person(desk: Desk) -> None:
    files = [green_button(*((hour, 1, 100) for hour in range(start, start + 40))) for start in (0, 10, 20, 30)]
    jobs = [await desk.queue(file) for file in files]
    done = [await desk.done(job) for job in jobs]
    assert {job.status for job in done} == {ImportStatus.FINISHED}
    assert sum(job.records_imported for job in done) == 70
    assert (await desk.counted())[0] == Decimal("7")
    await desk.check_totals()


async def test_the_same_file_of_two_people_is_two_footprints(desk: Desk) -> None:
    await desk.send(YEAR)
    other = await desk.send(YEAR, owner=OWNER + 1)
    assert counts(other) == (444, 444, 0, 0)
    assert await desk.counted(OWNER + 1) == (Decimal("9917.817"), 444)


async def test_what_no_household_uses_waits_for_its_owner(desk: Desk) -> None:
    job = await desk.send(DATA / "malformed" / "gb_multiplier_plus3.xml", time_zone="America/Denver")
    assert job.emissions > 0
    assert await desk.counted() == (0, 0)
    [activity] = await desk.footprint.activities(OWNER, None, 10, None, None)
    assert (activity.status, activity.quantity) == (ActivityStatus.QUARANTINED, Decimal(14760))
    assert await desk.told(job) == {"IMPLAUSIBLE": 1}
    await desk.check_totals()


# ---------------------------------------------------------------- hostile files and restarts


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "EMPTY_FILE"),
        (b"\x00" * 5_000, "UNKNOWN_FORMAT"),
        (b"PK\x03\x04 not a zip", "BAD_ZIP"),
        (zipped({"any name.bin": b""}), "EMPTY_FILE"),
        (zipped({"any name.bin": zipped({"any name.bin": b"100,NEM12"})}), "UNKNOWN_FORMAT"),
        (b"100,NEM12,202401010000,A,B\n900\n", "NO_READINGS"),
        (b"100,NEM12," + b"1," * 100_000, "LINE_TOO_LONG"),
        (b"<feed>" + b"<a>" * 100_000, "DAMAGED_XML"),
        (DATA / "malformed" / "gb_billion_laughs.xml", "FORBIDDEN_XML"),
        (DATA / "malformed" / "gb_truncated.xml", "DAMAGED_XML"),
    ],
)
async def test_a_hostile_file_fails_with_words(desk: Desk, content: bytes | Path, code: str) -> None:
    job = await desk.send(content)
    assert (job.status, await desk.told(job)) == (ImportStatus.FAILED, {code: 1})
    assert await desk.counted() == (0, 0)
    await desk.check_folder()


async def test_a_file_that_takes_too_much_memory_fails_alone(desk: Desk) -> None:
    hostile = b'<feed xmlns="http://naesb.org/espi"><entry><content>' + b'<a b="1"/>' * 3_000_000
    jobs: Sequence[ImportJob] = [await desk.queue(hostile), await desk.queue(green_button((0, 1, 100)))]
    failed, finished = [await desk.done(job) for job in jobs]
    assert failed.status is ImportStatus.FAILED
    assert set(await desk.told(failed)) <= {"TOO_LARGE", "TOO_COMPLEX"}
    assert finished.status is ImportStatus.FINISHED


async def test_rejected_records_have_line_and_reason(desk: Desk) -> None:
    file = DATA / "nem12" / "invalid" / "Example_NEM12_incomplete_interval.csv"
    job = await desk.send(file, region="AU", time_zone="Australia/Sydney")
    assert counts(job) == (50, 48, 0, 2)
    rejections = await desk.imports.rejections(job.id, 10)
    assert [(item.code, item.line) for item in rejections if not item.note] == [
        ("WRONG_VALUE_COUNT", 3),
        ("NOT_ENERGY", 5),
    ]
    assert rejections[0].reason == "The day does not have the 48 values that intervals of 30 minutes give."
    assert await desk.imports.rejections(job.id, 1) == rejections[:1]


async def test_another_person_sees_nothing_of_it(desk: Desk) -> None:
    job = await desk.send(green_button((0, 1, 100)))
    assert await desk.imports.by_id(OWNER + 1, job.id) is None


async def test_a_job_is_resumed_by_the_next_runner(desk: Desk) -> None:
    await desk.runner.close()
    job = await desk.queue(YEAR)
    await desk.runner.start()
    assert (await desk.done(job)).status is ImportStatus.FINISHED


async def test_a_job_of_a_dead_runner_is_started_again(desk: Desk) -> None:
    await desk.runner.close()
    job = await desk.queue(YEAR)
    past = datetime.now(UTC) - timedelta(seconds=1)
    claimed = await desk.imports.claim(past, past)
    assert claimed is not None
    assert claimed.job.id == job.id
    await desk.runner.start()
    done = await desk.done(job)
    assert (done.status, done.records_imported) == (ImportStatus.FINISHED, 444)


async def test_who_sends_much_keeps_nobody_waiting(desk: Desk) -> None:
    await desk.runner.close()
    many = [await desk.queue(YEAR, owner=owner) for _ in range(3) for owner in (OWNER, OWNER + 1)]
    other = await desk.queue(YEAR, owner=OWNER + 2)
    turns = []
    while claimed := await desk.imports.claim(now := datetime.now(UTC), now + timedelta(minutes=1)):
        turns.append(claimed.job.id)
        await desk.imports.fail(claimed.job, [])
    assert turns == [job.id for job in (*many[:2], other, *many[2:])]


async def test_closing_in_mid_file_puts_the_job_back(desk: Desk) -> None:
    job = await desk.queue(green_button(*((hour, 1, 100) for hour in range(7_000))))
    async with asyncio.timeout(WAIT_SECONDS):
        for _ in range(10_000):
            current = await desk.imports.by_id(OWNER, job.id)
            if current is not None and current.status is ImportStatus.RUNNING:
                break
            await asyncio.sleep(0.005)
    await desk.runner.close()
    stopped = await desk.imports.by_id(OWNER, job.id)
    assert stopped is not None
    assert stopped.status is ImportStatus.QUEUED
    assert await desk.counted() == (0, 0)
    await desk.runner.start()
    done = await desk.done(job)
    assert (done.status, done.records_imported) == (ImportStatus.FINISHED, 7_000)


async def test_a_worker_ends_with_its_server(desk: Desk, tmp_path: Path) -> None:
    """A worker whose standard input ends is gone, whatever it is reading."""
    fifo = tmp_path / "never ends"
    os.mkfifo(fifo)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "infra.capture.worker",
        str(fifo),
        str(fifo) + ".expanded",
        "UTC",
        "GB",
        datetime.now(UTC).isoformat(),
        stdin=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)},
    )
    assert process.stdin is not None
    await asyncio.sleep(0.3)
    process.stdin.close()
    async with asyncio.timeout(10):
        assert await process.wait() == 1
