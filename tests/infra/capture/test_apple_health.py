"""Exports of iPhones are read as `expected.json` says, whatever is wrong with their document type."""

from decimal import Decimal
from pathlib import Path

import pytest

from domain.footprint.records import TravelMode
from infra.capture.archive import unpacked
from infra.capture.formats.apple_health import without_doctype
from infra.capture.reader import Unreadable
from tests.infra.capture.files import DATA, expected, zip_file
from tests.infra.capture.travel import kilometres, read

APPLE = expected("apple_health")
RUN = APPLE["export.xml"]["running_km"]
FOLDER = DATA / "apple_health"


def export(*workouts: str) -> str:
    return f'<!DOCTYPE HealthData [<!ELEMENT HealthData ANY>]><HealthData locale="en">{"".join(workouts)}</HealthData>'


def workout(kind: str = "Walking", inside: str = "", more: str = "") -> str:
    return (
        f'<Workout workoutActivityType="HKWorkoutActivityType{kind}" startDate="2026-05-01 08:00:00 +0200" '
        f'endDate="2026-05-01 08:20:00 +0200" {more}>{inside}</Workout>'
    )


@pytest.mark.parametrize("name", ["export.xml", "apple_health_export/export.xml"])
def test_an_old_export_in_miles(name: str) -> None:
    [run], rejections = read(FOLDER / name)
    assert run.mode is TravelMode.WALK
    assert kilometres(run).quantize(Decimal("0.0001")) == APPLE[name]["running_km"] == RUN
    assert rejections == []


@pytest.mark.parametrize("name", [name for name in APPLE if name.startswith("constructed_")])
def test_every_document_type_is_cut_out(name: str) -> None:
    values = APPLE[APPLE[name].get("same_as", name)]
    journeys, rejections = read(FOLDER / name)
    assert len(journeys) == values["workouts"]
    assert [journey.mode for journey in journeys] == [TravelMode.WALK, TravelMode.BICYCLE]
    assert [kilometres(journey).quantize(Decimal("0.0001")) for journey in journeys] == [
        values["running_km"],
        values["cycling_km"],
    ]
    assert rejections == []


def test_a_whole_zip_with_routes(tmp_path: Path) -> None:
    folder = FOLDER / "apple_health_export"
    route = "workout-routes/route_2019-06-11_3.00pm.gpx"
    content = (folder / "export.xml").read_text().replace(' totalDistance="0.4971749504535062"', "")
    file = zip_file(
        tmp_path / "export.zip",
        {
            "apple_health_export/export_cda.xml": "<ClinicalDocument/>",
            "apple_health_export/export.xml": content,
            f"apple_health_export/{route}": (folder / route).read_text(),
        },
    )
    assert unpacked(file, tmp_path / "target") == file
    [run], _rejections = read(file)
    assert run.metres is None
    assert len(run.track) == APPLE[f"apple_health_export/{route}"]["points"]


def test_a_route_within_the_workout(tmp_path: Path) -> None:
    file = tmp_path / "export.xml"
    content = (FOLDER / "export.xml").read_text()
    file.write_text(content.replace(' totalDistance="0.4971749504535062"', ""))
    [run], _rejections = read(file)
    assert len(run.track) == APPLE["export.xml"]["route_points_inline"]


def test_a_reference_never_leaves_the_zip(tmp_path: Path) -> None:
    (tmp_path / "secret.gpx").write_text("<gpx/>")
    reference = f'<FileReference path="/../..{tmp_path}/secret.gpx"/><FileReference path="{tmp_path}/secret.gpx"/>'
    members = {"apple_health_export/export.xml": export(workout(inside=reference)), "other": ""}
    file = zip_file(tmp_path / "zip", members)
    journeys, [rejection] = read(file)
    assert (journeys, rejection.code) == ([], "NO_DISTANCE")


def test_other_workouts_are_left_out_and_said(tmp_path: Path) -> None:
    file = tmp_path / "export.xml"
    far = 'totalDistance="2" totalDistanceUnit="km"'
    file.write_text(export(workout("Yoga"), workout("Swimming", more=far), workout("Hiking", more=far)))
    [hike], [note] = read(file)
    assert (hike.mode, hike.metres) == (TravelMode.WALK, Decimal("2000.000"))
    assert (note.code, note.note, note.reason[:11]) == ("NO_TRAVEL", True, "2 workouts ")


def test_statistics_of_distance_only(tmp_path: Path) -> None:
    file = tmp_path / "export.xml"
    statistics = "".join(
        f'<WorkoutStatistics type="HKQuantityTypeIdentifier{kind}" sum="{value}" unit="{unit}"/>'
        for kind, value, unit in [
            ("HeartRate", 9, "km"),
            ("DistanceCycling", "1,5", "km"),
            ("DistanceCycling", 3, "mi"),
        ]
    )
    file.write_text(export(workout("Cycling", statistics)))
    [ride], _rejections = read(file)
    assert ride.metres == Decimal("4828.032")


def test_the_document_type_may_be_cut_anywhere() -> None:
    content = (FOLDER / "constructed_bad_dtd_ios16.xml").read_bytes()
    whole = b"".join(without_doctype([content]))
    assert b"DOCTYPE" not in whole
    assert whole.endswith(content[-200:])
    for size in (1, 7, 1000):
        pieces = [content[start : start + size] for start in range(0, len(content), size)]
        assert b"".join(without_doctype(pieces)) == whole


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("<HealthData></HealthData>", "NO_WORKOUTS"),
        ("<HealthData><Workout", "DAMAGED_XML"),
        ('<!DOCTYPE HealthData SYSTEM "http://127.0.0.1:1/x.dtd"><HealthData/>', "FORBIDDEN_XML"),
        ('<!DOCTYPE HealthData [<!ENTITY a "b">]><HealthData>&a;</HealthData>', "DAMAGED_XML"),
        ('<!DOCTYPE HealthData []><!DOCTYPE b [<!ENTITY a "b">]><HealthData>&a;</HealthData>', "FORBIDDEN_XML"),
        ("<!DOCTYPE HealthData [" + "x" * 3_000_000, "FORBIDDEN_XML"),
    ],
)
def test_refused_whole(tmp_path: Path, content: str, code: str) -> None:
    file = tmp_path / "export.xml"
    file.write_text(content)
    with pytest.raises(Unreadable) as refusal:
        read(file)
    assert refusal.value.code == code
