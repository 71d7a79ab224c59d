"""An Android export is read as `expected.json` says; whatever else a database can be is refused."""

import sqlite3
import zipfile
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.footprint.records import TravelMode
from infra.capture.archive import unpacked
from infra.capture.reader import Unreadable
from tests.infra.capture.files import DATA, expected
from tests.infra.capture.travel import read

[EXPECTED] = expected("health_connect").values()
SESSIONS = (
    "CREATE TABLE exercise_session_record_table(row_id INTEGER PRIMARY KEY, uuid BLOB, app_info_id INTEGER, "
    "start_time INTEGER, end_time INTEGER, exercise_type INTEGER, title TEXT)"
)
DISTANCES = (
    "CREATE TABLE distance_record_table(row_id INTEGER PRIMARY KEY, app_info_id INTEGER, start_time INTEGER, "
    "end_time INTEGER, distance REAL)"
)
START = 1_774_681_200_000


def database(folder: Path, *statements: str, tables: tuple[str, ...] = (SESSIONS, DISTANCES)) -> Path:
    file = folder / "export.db"
    with closing(sqlite3.connect(file)) as connection:
        for statement in (*tables, *statements):
            connection.execute(statement)
        connection.commit()
    return file


def session(kind: Any = 53, title: str = "x", start: Any = START, end: Any = START + 600_000, app: int = 1) -> str:
    return (
        "INSERT INTO exercise_session_record_table(uuid, app_info_id, start_time, end_time, exercise_type, title) "
        f"VALUES (randomblob(16), {app}, {start}, {end}, {kind}, '{title}')"
    )


def distance(metres: Any = 800, start: int = START, end: int = START + 600_000, app: int = 1) -> str:
    columns = "app_info_id, start_time, end_time, distance"
    return f"INSERT INTO distance_record_table({columns}) VALUES ({app}, {start}, {end}, {metres})"


def test_the_sample(tmp_path: Path) -> None:
    file = unpacked(DATA / "health_connect/constructed_Health_Connect.zip", tmp_path / "database")
    journeys, rejections = read(file)
    assert rejections == []
    assert len(journeys) == EXPECTED["sessions"]
    assert [journey.mode for journey in journeys] == [TravelMode.BICYCLE, TravelMode.BICYCLE, TravelMode.WALK]
    assert journeys[0].metres == EXPECTED["cycling_km"] * 1000
    walk = journeys[2]
    assert walk.metres == EXPECTED["walking_km"] * 1000
    assert (walk.end - walk.start).total_seconds() == EXPECTED["walk_duration_min"] * 60


@pytest.mark.parametrize(
    ("kind", "title", "mode"),
    [
        (79, "", TravelMode.WALK),
        (4, "", TravelMode.BICYCLE),
        (8, "Morning run", TravelMode.WALK),
        (999, "Stroll", TravelMode.UNKNOWN),
        ("'53'", "", TravelMode.UNKNOWN),
        ("NULL", "Commute by bike", TravelMode.BICYCLE),
    ],
)
def test_modes(tmp_path: Path, kind: Any, title: str, mode: TravelMode) -> None:
    file = database(tmp_path, session(kind, title), distance())
    [journey], notes = read(file)
    if kind == "'53'":
        mode = TravelMode.WALK  # The column's affinity makes a number of it.
    assert journey.mode is mode
    assert [note.code for note in notes] == (["UNKNOWN_EXERCISE"] if mode is TravelMode.UNKNOWN else [])


def test_pieces_of_a_distance_add_up_and_a_summary_of_them_does_not(tmp_path: Path) -> None:
    minutes = [distance(70, START + minute * 60_000, START + (minute + 1) * 60_000) for minute in range(10)]
    day = distance(9_000, START - 10**7, START + 10**8)
    other_app = distance(50_000, app=2)
    [journey], _notes = read(database(tmp_path, session(), distance(705), day, *minutes, other_app))
    assert journey.metres == 700


def test_a_session_without_distance_is_no_journey(tmp_path: Path) -> None:
    journeys, [note] = read(database(tmp_path, session(27, "Pilates")))
    assert journeys == []
    assert (note.code, note.note, note.record) == ("NO_DISTANCE", True, "Pilates")


@pytest.mark.parametrize("bad", ["NULL", "'x'", "-5", "1e300", "9223372036854775807", "x'00'"])
def test_times_that_do_not_exist(tmp_path: Path, bad: str) -> None:
    journeys, [rejection] = read(database(tmp_path, session(start=bad), distance()))
    assert journeys == []
    assert rejection.code == "BAD_TIME"


@pytest.mark.parametrize("bad", ["NULL", "-1", "9e999", "'NaN'", "x'00'"])
def test_distances_that_are_none(tmp_path: Path, bad: str) -> None:
    journeys, [note] = read(database(tmp_path, session(), distance(bad)))
    assert journeys == []
    assert note.code == "NO_DISTANCE"


@pytest.mark.parametrize(
    "tables",
    [
        (
            "CREATE VIEW exercise_session_record_table AS SELECT 1 AS app_info_id, 1 AS start_time, 2 AS end_time, "
            "53 AS exercise_type, '' AS title, x'00' AS uuid, 1 AS row_id",
            DISTANCES,
        ),
        ("CREATE VIRTUAL TABLE exercise_session_record_table USING fts4(app_info_id, start_time)", DISTANCES),
        ("CREATE TABLE exercise_session_record_table(row_id INTEGER)", DISTANCES),
        ("CREATE TABLE other(row_id INTEGER)",),
    ],
)
def test_what_is_no_table_of_sessions(tmp_path: Path, tables: tuple[str, ...]) -> None:
    file = tmp_path / "export.db"
    with closing(sqlite3.connect(file)) as connection:
        for statement in tables:
            connection.execute(statement)
        connection.commit()
    with pytest.raises(Unreadable) as refusal:
        read(file)
    assert refusal.value.code in {"NO_SESSIONS", "DAMAGED_DATABASE"}


def test_a_function_in_the_schema_is_not_called(tmp_path: Path) -> None:
    computed = DISTANCES.replace("distance REAL", "distance REAL AS (length(hex(zeroblob(2000000))))")
    row = f"INSERT INTO distance_record_table(app_info_id, start_time, end_time) VALUES (1, {START}, {START + 1000})"
    file = database(tmp_path, session(), row, tables=(SESSIONS, computed))
    with pytest.raises(Unreadable) as refusal:
        read(file)
    assert refusal.value.code == "DAMAGED_DATABASE"


def test_triggers_do_not_fire_and_nothing_is_written(tmp_path: Path) -> None:
    file = database(
        tmp_path,
        session(),
        distance(),
        "CREATE TRIGGER evil AFTER INSERT ON distance_record_table BEGIN DELETE FROM distance_record_table; END",
    )
    before = file.read_bytes()
    [journey], _notes = read(file)
    assert journey.metres == 800
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["export.db"]


def test_a_damaged_database(tmp_path: Path) -> None:
    file = database(tmp_path, session(), distance())
    whole = file.read_bytes()
    file.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(Unreadable) as refusal:
        read(file)
    assert refusal.value.code == "DAMAGED_DATABASE"


def test_a_zip_of_two_databases_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
        archive.writestr("a.db", "SQLite format 3\0")
        archive.writestr("b.db", "SQLite format 3\0")
    with pytest.raises(Unreadable) as refusal:
        unpacked(tmp_path / "zip", tmp_path / "target")
    assert "2 files" in refusal.value.reason


def test_metres_are_exact(tmp_path: Path) -> None:
    [journey], _notes = read(database(tmp_path, session(), distance("812.3")))
    assert journey.metres == Decimal("812.3")
