"""Both forms of Google's timeline are read as `expected.json` says, and no movement twice."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.footprint.records import Journey, TravelMode
from infra.capture.reader import Unreadable
from tests.infra.capture.files import DATA, expected
from tests.infra.capture.travel import kilometres, read

TIMELINE = expected("google_timeline")
MODES = {
    "IN_VEHICLE": TravelMode.CAR,
    "ON_FOOT": TravelMode.WALK,
    "BICYCLING": TravelMode.BICYCLE,
}


def written(folder: Path, content: Any) -> Path:
    file = folder / "timeline.json"
    file.write_text(json.dumps(content, ensure_ascii=False))
    return file


def activity(**more: Any) -> dict[str, Any]:
    return {
        "startTime": "2026-05-01T08:00:00Z",
        "endTime": "2026-05-01T08:30:00Z",
        "activity": {
            "start": {"latLng": "52.0°, 5.0°"},
            "end": {"latLng": "52.01°, 5.0°"},
            "distanceMeters": 1500,
            "topCandidate": {"type": "IN_BUS", "probability": 0.8},
            **more,
        },
    }


def rounded(journeys: list[Journey]) -> list[Decimal]:
    return [kilometres(journey).quantize(Decimal("0.01")) for journey in journeys]


@pytest.mark.parametrize("name", [name for name, values in TIMELINE.items() if "km_by_mode" in values])
def test_activities_count_once(name: str) -> None:
    values = TIMELINE[name]
    journeys, rejections = read(DATA / "google_timeline" / name)
    assert len(journeys) == values["activities"]
    sums: dict[TravelMode, Decimal] = {}
    for journey in journeys:
        sums[journey.mode] = sums.get(journey.mode, Decimal(0)) + kilometres(journey)
    wanted = {MODES[mode]: km for mode, km in values["km_by_mode"].items()}
    assert {mode: km.quantize(Decimal("0.001")) for mode, km in sums.items()} == wanted
    assert {journey.likelihood for journey in journeys} == {Decimal("0.9")}
    assert rejections == []


def test_activities_without_distance_and_a_path_without_activity() -> None:
    values = TIMELINE["android-ios-sample.json"]
    journeys, rejections = read(DATA / "google_timeline/android-ios-sample.json")
    assert {journey.mode for journey in journeys} == {TravelMode.UNKNOWN}
    crow = [km.quantize(Decimal("0.01")) for km in values["crow_km"]]
    assert rounded(journeys) == [*crow, values["path_km"] + Decimal("0.01")]
    assert rejections == []


def test_minutes_since_the_start() -> None:
    [journey], _rejections = read(DATA / "google_timeline/offset-path-sample.json")
    assert [point.at.isoformat() for point in journey.track if point.at] == [
        "2026-01-01T00:15:00+00:00",
        "2026-01-01T01:00:00+00:00",
    ]


def test_minutes_beyond_the_calendar(tmp_path: Path) -> None:
    points = [{"point": "1.0, 1.0", "durationMinutesOffsetFromStartTime": minutes} for minutes in (5, 100_000)]
    last = {"startTime": "9999-12-31T23:00:00Z", "timelinePath": points}
    journeys, _notes = read(written(tmp_path, [last, activity()]))
    assert [journey.mode for journey in journeys] == [TravelMode.BUS]


def test_a_point_on_another_continent_is_left_out() -> None:
    [journey], _rejections = read(DATA / "google_timeline/outlier-sample.json")
    assert rounded([journey]) == [Decimal("0.43")]


def test_a_visit_is_no_travel() -> None:
    journeys, _rejections = read(DATA / "google_timeline/takeout-sample.json")
    assert rounded(journeys) == [TIMELINE["takeout-sample.json"]["path_km"]]


@pytest.mark.parametrize(
    ("word", "mode"),
    [
        ("in subway", TravelMode.METRO),
        ("IN_TRAM", TravelMode.TRAM),
        ("in ferry", TravelMode.FERRY),
        ("flying", TravelMode.PLANE),
        ("running", TravelMode.WALK),
        ("MOTORCYCLING", TravelMode.MOTORCYCLE),
        ("in train", TravelMode.TRAIN),
        ("unknown activity type", TravelMode.UNKNOWN),
        ("IN_HOVERCRAFT", TravelMode.UNKNOWN),
        (7, TravelMode.UNKNOWN),
        (None, TravelMode.UNKNOWN),
    ],
)
def test_modes(tmp_path: Path, word: object, mode: TravelMode) -> None:
    [journey], _rejections = read(written(tmp_path, [activity(topCandidate={"type": word, "probability": "0.5"})]))
    assert journey.mode is mode


def test_leisure_is_left_out_and_said(tmp_path: Path) -> None:
    skiing = activity(topCandidate={"type": "skiing", "probability": 1})
    journeys, [note] = read(written(tmp_path, {"semanticSegments": [skiing, skiing]}))
    assert journeys == []
    assert (note.code, note.note, note.reason[:5]) == ("NO_FUEL", True, "2 x s")


def test_a_path_that_touches_an_activity_is_the_same_movement(tmp_path: Path) -> None:
    path = {
        "startTime": "2026-05-01T08:00:00Z",
        "endTime": "2026-05-01T10:00:00Z",
        "timelinePath": [{"point": "52.0°, 5.0°", "time": f"2026-05-01T{hour}:15:00Z"} for hour in ("08", "09")],
    }
    journeys, _rejections = read(written(tmp_path, [path, path, activity()]))
    assert [journey.mode for journey in journeys] == [TravelMode.BUS]
    later = {**path, "timelinePath": [{"point": "52.0,5.0", "durationMinutesOffsetFromStartTime": m} for m in (30, 60)]}
    journeys, _rejections = read(written(tmp_path, [later, activity(), later]))
    assert [journey.mode for journey in journeys] == [TravelMode.BUS, TravelMode.UNKNOWN]


def test_the_key_is_the_start(tmp_path: Path) -> None:
    local = {**activity(), "startTime": "2026-05-01T16:00:00"}
    journeys, [note] = read(written(tmp_path, [activity(), local]))
    assert [journey.record for journey in journeys] == ["2026-05-01T08:00:00.000000Z"] * 2
    assert note.code == "NO_ZONE"


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ({**activity(), "endTime": None}, "BAD_TIME"),
        ({**activity(), "startTime": "yesterday"}, "BAD_TIME"),
        ({**activity(), "startTime": {"deep": []}}, "BAD_TIME"),
        (activity(distanceMeters=None, start="here"), "NO_DISTANCE"),
        (activity(distanceMeters="1e999", end={"latLng": "91°, 5°"}), "NO_DISTANCE"),
        ({**activity(), "activity": "walking"}, "NO_DISTANCE"),
    ],
)
def test_told(tmp_path: Path, broken: dict[str, Any], code: str) -> None:
    journeys, rejections = read(written(tmp_path, [broken, activity()]))
    assert len(journeys) == 1
    assert [rejection.code for rejection in rejections] == [code]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('{"timelineObjects": []}', "NO_SEGMENTS"),
        ('{"semanticSegments": {}}', "NO_SEGMENTS"),
        ('{"semanticSegments": [{"startTime": "2026', "DAMAGED_JSON"),
        ('{"semanticSegments": [{"startTime": NaN}]}', "DAMAGED_JSON"),
        ('{"semanticSegments": [' + "[" * 5000, "DAMAGED_JSON"),
    ],
)
def test_refused_whole(tmp_path: Path, content: str, code: str) -> None:
    file = tmp_path / "timeline.json"
    file.write_text(content)
    with pytest.raises(Unreadable) as refusal:
        read(file)
    assert refusal.value.code == code
