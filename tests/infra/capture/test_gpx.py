"""Every GPX sample is read as `expected.json` says; what must not be believed is not."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from domain.footprint.records import TravelMode
from domain.footprint.tracks import clean_track, mode_of
from infra.capture.mode_words import mode_of_words
from infra.capture.reader import Unreadable
from tests.infra.capture.files import DATA, expected
from tests.infra.capture.travel import kilometres, read, within

GPX = expected("gpx")
HEAD = '<gpx version="1.1" creator="t" xmlns="http://www.topografix.com/GPX/1/1"><trk>'


def points(*rows: tuple[str, str, str]) -> str:
    return "".join(f'<trkpt lat="{lat}" lon="{lon}"><time>{time}</time></trkpt>' for lat, lon, time in rows)


@pytest.mark.parametrize("name", [name for name, values in GPX.items() if values["tracks"]])
def test_tracks(name: str) -> None:
    values = GPX[name]
    journeys, rejections = read(DATA / "gpx" / name)
    assert sum(len(journey.track) for journey in journeys) == values["points"]
    assert within(sum(map(kilometres, journeys), Decimal(0)), values["track_km_haversine_mean_radius"], Decimal("0.5"))
    assert min(journey.start for journey in journeys) == datetime.fromisoformat(values["start"])
    assert max(journey.end for journey in journeys) == datetime.fromisoformat(values["end"])
    assert rejections == []


@pytest.mark.parametrize("name", [name for name, values in GPX.items() if not values["tracks"]])
def test_plans_and_places_are_no_travel(name: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        read(DATA / "gpx" / name)
    assert refusal.value.code == "NO_TRACKS"


def test_tracks_are_not_joined() -> None:
    journeys, _rejections = read(DATA / "gpx" / "cerknicko-jezero.gpx")
    assert [len(journey.track) for journey in journeys] == [173, 52, 2, 44, 2, 2, 21]


def test_a_route_inside_of_an_apple_export() -> None:
    [journey], _rejections = read(DATA / "apple_health/apple_health_export/workout-routes/route_2019-06-11_3.00pm.gpx")
    assert [str(point.accuracy_metres) for point in journey.track] == ["8.1", "8.3", "8.5"]


def test_the_mode_by_speed() -> None:
    [drive], _rejections = read(DATA / "gpx" / "around-visnjan-with-car.gpx")
    assert mode_of(clean_track(drive.track)) is TravelMode.MOTORISED


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("gpx_garbage_time.gpx", ["BAD_TIME"]),
        ("gpx_out_of_range.gpx", ["BAD_POSITION"]),
    ],
)
def test_told(name: str, codes: list[str]) -> None:
    journeys, rejections = read(DATA / "malformed" / name)
    assert journeys == []
    assert [rejection.code for rejection in rejections] == codes


def test_an_entity_bomb() -> None:
    with pytest.raises(Unreadable) as refusal:
        read(DATA / "malformed" / "gpx_billion_laughs.gpx")
    assert refusal.value.code == "FORBIDDEN_XML"


def test_a_jump_over_a_continent_and_back_is_left_out() -> None:
    [journey], _rejections = read(DATA / "malformed" / "gpx_teleport.gpx")
    assert kilometres(journey) == Decimal("0.222390")
    assert clean_track(journey.track).dropped == 1


def test_a_time_without_a_zone_is_local() -> None:
    [journey], rejections = read(DATA / "malformed" / "gpx_naive_time.gpx")
    assert journey.start.isoformat() == "2024-03-30T18:30:00+00:00"
    assert [(rejection.code, rejection.note) for rejection in rejections] == [("NO_ZONE", True)]


def test_a_local_time_that_did_not_exist_is_no_time() -> None:
    journeys, rejections = read(DATA / "malformed" / "gpx_naive_time.gpx", ZoneInfo("Europe/Amsterdam"))
    assert journeys == []
    assert [rejection.code for rejection in rejections] == ["NO_ZONE", "BAD_TIME"]


def test_a_time_that_runs_backwards() -> None:
    [journey], _rejections = read(DATA / "malformed" / "gpx_reversed_time.gpx")
    assert journey.end < journey.start
    assert clean_track(journey.track).reversed == 1


def test_a_track_without_times_has_a_length_and_no_day(tmp_path: Path) -> None:
    file = tmp_path / "track"
    file.write_text(f'{HEAD}<trkseg><trkpt lat="52.0" lon="5.0"/><trkpt lat="52.01" lon="5.0"/></trkseg></trk></gpx>')
    journeys, [rejection] = read(file)
    assert journeys == []
    assert rejection.code == "NO_TIME"
    assert "1,111 m" in rejection.reason


def test_bad_points_are_counted_and_the_others_hold(tmp_path: Path) -> None:
    file = tmp_path / "track"
    rows = points(
        ("52.0", "5.0", "2024-05-01T08:00:00Z"),
        ("NaN", "5.0", "2024-05-01T08:00:10Z"),
        ("52.001", "5.0", "2024-05-01T08:00:70Z"),
        ("52.001", "5.0", "2024-05-01T08:01:00Z"),
    )
    file.write_text(f"{HEAD}<type>cycling</type><trkseg>{rows}</trkseg></trk></gpx>")
    [journey], [note] = read(file)
    assert journey.mode is TravelMode.BICYCLE
    assert len(journey.track) == 2
    assert (note.code, note.note, note.reason[:6]) == ("BAD_POINTS", True, "2 of 4")


@pytest.mark.parametrize(
    ("words", "mode"),
    [
        ("Running", TravelMode.WALK),
        ("hiking", TravelMode.WALK),
        ("Mountain Biking", TravelMode.BICYCLE),
        ("motorcycling", TravelMode.MOTORCYCLE),
        ("DRIVING", TravelMode.CAR),
        ("scar tissue", TravelMode.UNKNOWN),
        ("9", TravelMode.UNKNOWN),
        ("bike and train", TravelMode.UNKNOWN),
    ],
)
def test_the_word_for_a_mode(words: str, mode: TravelMode) -> None:
    assert mode_of_words(words) is mode
