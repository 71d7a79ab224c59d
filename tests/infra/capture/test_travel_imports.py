"""Files of journeys through the whole pipeline: worker process, judge, store, and the person's answers."""

import json
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from domain.footprint.model import (
    Activity,
    ActivityAnswer,
    ActivityResolution,
    ActivitySource,
    ActivityStatus,
    ImportJob,
    ImportStatus,
)
from domain.footprint.resolution import resolve_activity
from infra.postgres.answers import PostgresAnswers
from infra.postgres.factors import PostgresFactors
from tests.infra.capture.desk import OWNER, Desk
from tests.infra.capture.files import DATA, zipped
from tests.infra.capture.test_bad_travel_files import FEED, TAPS

COUNTED, QUARANTINED, REVERSED = ActivityStatus.COUNTED, ActivityStatus.QUARANTINED, ActivityStatus.REVERSED
CAR, BUS = "transport.car.unknown.average", "transport.bus.local_average"
PETROL = "transport.car.petrol.average"
LOS_ANGELES = "America/Los_Angeles"
TIMELINE = DATA / "google_timeline/constructed_android_2015-08-23.json"


async def send(desk: Desk, content: Path | bytes, region: str = "GB", zone: str = LOS_ANGELES) -> ImportJob:
    job = await desk.send(content, region=region, time_zone=zone)
    await desk.check_totals()
    return job


async def activities(desk: Desk, status: ActivityStatus | None = None) -> list[Activity]:
    items = await desk.footprint.activities(OWNER, None, 100, None, None)
    return sorted((item for item in items if status in (None, item.status)), key=lambda item: item.started_at)


async def say(desk: Desk, activity: Activity, answer: ActivityAnswer) -> Activity:
    return await resolve_activity(
        PostgresFactors(desk.database),
        desk.footprint,
        PostgresAnswers(desk.database),
        owner=OWNER,
        region="GB",
        activity_id=activity.id,
        answer=answer,
        now=datetime.now(UTC),
    )


async def test_a_day_of_timeline(desk: Desk) -> None:
    job = await send(desk, TIMELINE)
    assert (job.format, job.status) == ("GOOGLE_TIMELINE", ImportStatus.FINISHED)
    assert (job.records_read, job.records_imported, job.records_rejected) == (5, 5, 0)
    drives = await activities(desk)
    assert [(item.activity, item.status, item.source) for item in drives] == [(CAR, COUNTED, ActivitySource.PHONE)] * 3
    assert sum(item.quantity for item in drives) == Decimal("23.872")
    assert {item.local_date for item in drives} == {date(2015, 8, 23)}
    assert (await desk.told(job))["NOT_COUNTED"] == 1
    assert job.emissions == sum(item.emissions for item in drives) > 3_000


async def test_the_same_timeline_again_changes_nothing(desk: Desk) -> None:
    first = await send(desk, TIMELINE)
    again = await send(desk, TIMELINE)
    assert (again.records_imported, again.records_duplicate, again.emissions) == (0, 5, 0)
    assert len(await activities(desk)) == 3
    assert first.emissions > 0


async def test_a_later_export_that_tells_the_mode_otherwise_replaces(desk: Desk) -> None:
    await send(desk, TIMELINE)
    changed = TIMELINE.read_text().replace("IN_PASSENGER_VEHICLE", "IN_BUS", 1)
    job = await send(desk, changed.encode())
    assert (job.records_imported, job.records_duplicate) == (1, 4)
    assert [item.activity for item in await activities(desk, COUNTED)] == [BUS, CAR, CAR]
    assert [item.activity for item in await activities(desk, REVERSED)] == [CAR]


async def test_what_nobody_can_tell_is_asked_and_the_answer_counts(desk: Desk) -> None:
    job = await send(desk, DATA / "emission/2015-08-23_car_walk.json")
    assert (job.format, job.records_read, job.records_rejected) == ("E_MISSION", 8, 3)
    assert await desk.counted() == (0, 0)
    assert (await desk.told(job))["NO_DISTANCE"] == 3
    drives = await activities(desk, QUARANTINED)
    assert [round(item.quantity, 3) for item in drives if item.quantity > 1] == [
        Decimal("9.583"),
        Decimal("11.978"),
        Decimal("2.565"),
    ]
    assert drives[0].choices[0] == PETROL
    chosen = await say(desk, drives[0], ActivityAnswer(ActivityResolution.CHOOSE, BUS))
    assert (chosen.activity, chosen.status, chosen.unit) == (BUS, COUNTED, "passenger_km")
    driven = await say(desk, drives[1], ActivityAnswer(ActivityResolution.CHOOSE, PETROL, 2))
    alone = await say(desk, drives[2], ActivityAnswer(ActivityResolution.CHOOSE, PETROL))
    assert driven.emissions * 2 * alone.quantity == pytest.approx(
        alone.emissions * driven.quantity, rel=Decimal("0.002")
    )
    await desk.check_totals()


async def test_two_views_of_one_day_count_once(desk: Desk) -> None:
    """The same day as Google's timeline and as a phone trace: what was counted stays, the other is asked about."""
    first = await send(desk, TIMELINE)
    await send(desk, DATA / "emission/2015-08-23_car_walk.json")
    counted = await activities(desk, COUNTED)
    assert sum(item.emissions for item in counted) == first.emissions
    waiting = [item for item in await activities(desk, QUARANTINED) if item.quantity > 1]
    assert all("on another journey already" in item.reason for item in waiting)


async def test_what_waits_hears_of_a_journey_that_was_counted_since(desk: Desk) -> None:
    await send(desk, DATA / "emission/2015-08-23_car_walk.json")
    asked = {item.id: item.reason for item in await activities(desk, QUARANTINED) if item.quantity > 1}
    for _time in range(2):
        await send(desk, TIMELINE)
        told = {item.id: item.reason for item in await activities(desk, QUARANTINED) if item.quantity > 1}
        assert told.keys() == asked.keys()
        for activity, reason in told.items():
            assert reason.startswith("Since this was asked, another journey at this time was counted")
            assert reason.endswith(f": discard this one if it is the same. {asked[activity]}")
    assert {item.activity for item in await activities(desk, COUNTED)} == {CAR}


async def test_taps_and_a_timetable(desk: Desk) -> None:
    job = await send(desk, zipped({**FEED, "taps.csv": TAPS}))
    assert (job.format, job.records_imported) == ("TRANSIT_TAPS", 2)
    rides = await activities(desk)
    assert [(item.activity, item.quantity, item.unit) for item in rides] == [
        (BUS, Decimal("42.485"), "passenger_km")
    ] * 2
    assert {(item.source, item.status) for item in rides} == {(ActivitySource.TRANSIT, COUNTED)}


async def test_a_whole_apple_export(desk: Desk, tmp_path: Path) -> None:
    folder = DATA / "apple_health/apple_health_export"
    with zipfile.ZipFile(tmp_path / "export.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.rglob("*.*"):
            archive.write(file, f"apple_health_export/{file.relative_to(folder)}")
    job = await send(desk, tmp_path / "export.zip")
    assert (job.format, job.status, job.records_imported) == ("APPLE_HEALTH", ImportStatus.FINISHED, 1)
    assert await activities(desk) == []


async def test_a_health_connect_export_counts_one_app(desk: Desk) -> None:
    job = await send(desk, DATA / "health_connect/constructed_Health_Connect.zip")
    assert (job.format, job.records_read, job.records_imported, job.records_rejected) == ("HEALTH_CONNECT", 3, 2, 1)
    assert (await desk.told(job))["OVERLAP"] == 1
    payloads = await desk.database.pool.fetch("SELECT payload FROM captured_record WHERE owner = $1", OWNER)
    metres = sorted(Decimal(json.loads(row["payload"])["metres"]) for row in payloads)
    assert metres == [2_410, 9_120]


async def test_a_track_in_the_person_s_zone(desk: Desk) -> None:
    job = await send(desk, DATA / "malformed/gpx_naive_time.gpx", zone="Asia/Shanghai")
    assert (job.format, (await desk.told(job))["NO_ZONE"]) == ("GPX", 1)
    [asked] = await activities(desk)
    assert (asked.started_at, asked.local_date) == (datetime(2024, 3, 30, 18, 30, tzinfo=UTC), date(2024, 3, 31))
    assert (asked.status, asked.quantity) == (QUARANTINED, Decimal("1.112"))


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("gpx/route.gpx", {"NO_TRACKS"}),
        ("gpx/Mojstrovka.gpx", {"BAD_TIME", "NO_READINGS"}),
        ("malformed/gpx_reversed_time.gpx", {"BAD_INTERVAL", "NO_READINGS"}),
        ("malformed/gpx_out_of_range.gpx", {"BAD_POSITION", "NO_READINGS"}),
        ("malformed/gpx_billion_laughs.gpx", {"FORBIDDEN_XML"}),
        ("gtfs/cairns_gtfs.zip", {"NO_TAPS"}),
    ],
)
async def test_what_fails_says_why(desk: Desk, name: str, codes: set[str]) -> None:
    job = await send(desk, DATA / name)
    assert (job.status, set(await desk.told(job))) == (ImportStatus.FAILED, codes)
    assert await activities(desk) == []
