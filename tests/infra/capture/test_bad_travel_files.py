"""Bad files of journeys: cut, mutated, absurd, hostile. None stops the reading of others, none hangs, and none gives a
distance that its sound part does not have.

Readers answer in words by themselves (Unreadable); the second half of this file goes through the worker process.
"""

import io
import json
import random
import sqlite3
import struct
import time
import zipfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from domain.footprint.checks import judge
from domain.footprint.record_checks import JOURNEY_MAX_METRES
from domain.footprint.verdict import Verdict
from infra.capture.archive import unpacked
from infra.capture.reader import Unreadable
from infra.capture.registry import reader_of, readers
from tests.infra.capture.damage import bent, cut_in_part
from tests.infra.capture.files import DATA, NOW, zipped
from tests.infra.capture.working import work_on

READING_MAX_SECONDS = 20
TAPS = (
    b"tapped_in_at,tapped_in,tapped_out_at,tapped_out,line,fare\n"
    b"2008-06-07T08:02:00,BEATTY_AIRPORT,2008-06-07T09:00:00,AMV,50,3\n"
    b"2008-06-08T08:02:00,AMV,2008-06-08T09:00:00,BEATTY_AIRPORT,50,3\n"
)


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


FEED = unzipped((DATA / "gtfs/sample_gtfs.zip").read_bytes())
APPLE = (DATA / "apple_health/constructed_bad_dtd_ios16.xml").read_bytes()
GOOD = {
    "gpx": (DATA / "gpx/around-visnjan-with-car.gpx").read_bytes(),
    "android": (DATA / "google_timeline/constructed_android_2015-08-23.json").read_bytes(),
    "iphone": (DATA / "google_timeline/constructed_ios_2016-08-10.json").read_bytes(),
    "apple": APPLE,
    "apple_zip": zipped({"apple_health_export/export.xml": APPLE, "apple_health_export/export_cda.xml": b"<a/>"}),
    "health_connect": unzipped((DATA / "health_connect/constructed_Health_Connect.zip").read_bytes())[
        "health_connect_export.db"
    ],
    "e_mission": (DATA / "emission/2016-07-25_bike.json").read_bytes(),
    "taps": zipped({**FEED, "taps.csv": TAPS}),
    "taps_stored": zipped({**FEED, "taps.csv": TAPS}, zipfile.ZIP_STORED),
}
CHECKED = frozenset({"apple_zip", "taps"})
"""What is packed has a checksum of its own: a changed byte is found."""


def judged(path: Path, content: bytes) -> Verdict | None:
    """The verdict, or None where the file is refused in words. Sound in either case."""
    path.write_bytes(content)
    started = time.process_time()
    try:
        file = unpacked(path, path.with_suffix(".expanded"))
        verdict = judge(reader_of(file, ZoneInfo("Europe/Berlin")).read(file), NOW, "GB")
    except Unreadable:
        return None
    finally:
        assert time.process_time() - started < READING_MAX_SECONDS
    assert verdict.read == verdict.accepted + verdict.duplicate + verdict.rejected
    for item in verdict.captured:
        assert 0 <= item.draft.quantity <= JOURNEY_MAX_METRES / 1000
        assert item.draft.started_at <= (item.draft.ended_at or item.draft.started_at)
    return verdict


def journeys(verdict: Verdict) -> dict[str, bytes]:
    return {item.record: item.payload_hash for item in verdict.captured}


def kilometres(verdict: Verdict) -> Decimal:
    """Of the journeys whose source states a distance, those that emit nothing too."""
    stated = (json.loads(item.payload)["metres"] for item in verdict.captured)
    return sum((Decimal(metres) for metres in stated if metres is not None), Decimal(0)) / 1000


@pytest.mark.parametrize("name", GOOD)
def test_the_good_files_are_good(tmp_path: Path, name: str) -> None:
    verdict = judged(tmp_path / "file", GOOD[name])
    assert verdict is not None
    assert verdict.accepted > 0


@pytest.mark.parametrize("folder", ["gpx", "google_timeline", "apple_health", "health_connect", "emission", "gtfs"])
def test_each_sample_is_of_one_format(tmp_path: Path, folder: str) -> None:
    files = [file for file in (DATA / folder).rglob("*") if file.suffix in {".gpx", ".json", ".xml", ".zip"}]
    for file in files:
        if file.name != "expected.json":
            head = unpacked(file, tmp_path / "expanded").read_bytes()[:65_536]
            fitting = [reader.name for reader in readers() if reader.recognises(head)]
            assert len(fitting) == (folder != "gtfs"), (file.name, fitting)


# ---------------------------------------------------------------- cut and mutated

INSERTS = (b"NaN", b"1e400", b"-", b"\x00", b"\r", b'"', b"<", b"&a;", b"9" * 30, b"[", b"{", b"]>", b"\xff\xfe")


@pytest.mark.parametrize("part", range(1, 9))
@pytest.mark.parametrize("name", GOOD)
def test_a_file_that_was_cut_says_nothing_that_the_whole_does_not(tmp_path: Path, name: str, part: int) -> None:
    content = GOOD[name]
    whole, cut = judged(tmp_path / "whole", content), judged(tmp_path / "cut", cut_in_part(content, name, part, 8))
    assert whole is not None
    if cut is not None:
        assert name == "health_connect"
        assert journeys(cut).items() <= journeys(whole).items()


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("name", GOOD)
def test_bytes_that_changed(tmp_path: Path, name: str, number: int, seed: int) -> None:
    dice = random.Random(f"{seed} {name} {number}")
    for mutant in range(8):
        content = bent(GOOD[name], dice, dice.choice((1, 1, 3, 30)), INSERTS)
        verdict = judged(tmp_path / f"file{mutant}", content)
        if verdict is not None and name in CHECKED:
            assert kilometres(verdict) <= kilometres(_whole(tmp_path, name))


def _whole(folder: Path, name: str) -> Verdict:
    verdict = judged(folder / "whole", GOOD[name])
    assert verdict is not None
    return verdict


# ---------------------------------------------------------------- absurd values

ABSURD_PLACES = [
    "NaN",
    "inf",
    "-inf",
    "999",
    "-90.0001",
    "1e3",
    "1e400",
    "0x10",
    "",
    " ",
    "٥٢",
    "52,1",
    "9" * 200,
    "None",
]
ABSURD_TIMES = [
    "1901-12-13T20:45:52Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2099-01-01T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2026-03-10T25:00:00Z",
    "2026-03-10T00:00:00+99:00",
    "10/03/2026",
    "20260310",
    "now",
    "",
]


def gpx(latitude: str = "52.0", moment: str = "2026-03-10T08:00:00Z") -> bytes:
    point = f'<trkpt lat="{latitude}" lon="5"><time>{moment}</time></trkpt>'
    good = "".join(f'<trkpt lat="52.0{n}" lon="5"><time>2026-03-10T08:0{n}:00Z</time></trkpt>' for n in range(1, 4))
    return f'<gpx xmlns="x"><trk><trkseg>{point}{good}</trkseg></trk></gpx>'.encode()


def timeline(distance: object = 2224, moment: str = "2026-03-10T08:00:00Z", place: str = "52.0") -> bytes:
    activity = {
        "start": {"latLng": f"{place}°, 5.0°"},
        "end": {"latLng": "52.02°, 5.0°"},
        "distanceMeters": distance,
        "topCandidate": {"type": "IN_BUS", "probability": 0.9},
    }
    segment = {"startTime": moment, "endTime": "2026-03-10T08:20:00Z", "activity": activity}
    return json.dumps({"semanticSegments": [segment]}, ensure_ascii=False).encode()


@pytest.mark.parametrize("value", ABSURD_PLACES)
def test_absurd_places(tmp_path: Path, value: str) -> None:
    verdict = judged(tmp_path / "gpx", gpx(latitude=value))
    assert verdict is not None
    [journey] = verdict.captured
    assert json.loads(journey.payload)["positions"] == 3
    timelined = judged(tmp_path / "timeline", timeline(distance=None, place=value))
    assert timelined is not None
    assert timelined.accepted == 0


@pytest.mark.parametrize("value", [*ABSURD_TIMES])
def test_absurd_times(tmp_path: Path, value: str) -> None:
    for content in (gpx(moment=value), timeline(moment=value)):
        verdict = judged(tmp_path / "file", content)
        assert verdict is None or all(item.draft.started_at.year == 2026 for item in verdict.captured)
        assert verdict is None or verdict.accepted == 0 or b"gpx" in content


@pytest.mark.parametrize("value", [-5, "NaN", "1e400", 10**17, "9" * 60, [], {}, True, "", "12 km", 0.0001, None])
def test_absurd_distances(tmp_path: Path, value: object) -> None:
    """Nothing counts but what the two ends say, 2.224 km, and that only where no distance below zero is stated."""
    verdict = judged(tmp_path / "timeline", timeline(distance=value))
    assert verdict is not None
    assert [item.draft.quantity for item in verdict.captured] in ([], [Decimal("2.224")])


# ---------------------------------------------------------------- the worker process


def bomb(kind: str) -> bytes:
    return (
        f'<!DOCTYPE {kind} [<!ENTITY a "{"a" * 50}">'
        + "".join(
            f'<!ENTITY {after} "{f"&{before};" * 10}">' for before, after in zip("abcdefgh", "bcdefghi", strict=True)
        )
        + f"]><{kind}>&i;</{kind}>"
    ).encode()


def points(count: int, step: str = "0.00001") -> bytes:
    rows = (
        f'<trkpt lat="{Decimal(52) + n % 100_000 * Decimal(step)}" lon="5"><time>'
        f"{datetime.fromtimestamp(1_760_000_000 + n, UTC):%Y-%m-%dT%H:%M:%SZ}</time></trkpt>"
        for n in range(count)
    )
    return f'<gpx xmlns="x"><trk><trkseg>{"".join(rows)}</trkseg></trk></gpx>'.encode()


def database(*statements: str) -> bytes:
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        return connection.serialize()


SESSIONS = (
    "CREATE TABLE exercise_session_record_table(row_id INTEGER PRIMARY KEY, uuid BLOB, app_info_id INTEGER, "
    "start_time INTEGER, end_time INTEGER, exercise_type INTEGER, title TEXT)"
)
DISTANCES = (
    "CREATE TABLE distance_record_table(row_id INTEGER PRIMARY KEY, app_info_id INTEGER, start_time INTEGER, "
    "end_time INTEGER, distance REAL)"
)
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150000) "


def many_rows() -> bytes:
    return database(
        SESSIONS,
        DISTANCES,
        NUMBERS + "INSERT INTO exercise_session_record_table SELECT i, randomblob(16), 1, 1774681200000, "
        "1774681200000 + i, 53, '' FROM n",
        NUMBERS + "INSERT INTO distance_record_table SELECT i, 1, 1774681200000 + i, 1774681200001 + i, 0.001 FROM n",
    )


def encrypted(content: bytes) -> bytes:
    data = bytearray(content)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + offset] |= 1
            at = data.find(signature, at + 1)
    return bytes(data)


def lying_size(content: bytes) -> bytes:
    data = bytearray(content)
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 10)
    return bytes(data)


def overlapping_members() -> bytes:
    """Every name of the directory points at the one packed member: a bomb without nesting."""
    content = bytearray(zipped({"apple_health_export/export.xml": bytes(2**20) + APPLE}))
    directory = content.index(b"PK\x01\x02")
    end = content.rindex(b"PK\x05\x06")
    entry = bytes(content[directory:end])
    tail = bytearray(content[end:])
    tail[8:12] = struct.pack("<HH", 5_000, 5_000)
    tail[12:16] = struct.pack("<I", 5_000 * len(entry))
    return bytes(content[:directory]) + entry * 5_000 + bytes(tail)


def health(inside: bytes, name: str = "apple_health_export/export.xml") -> bytes:
    return zipped({name: inside, "apple_health_export/x.gpx": b""})


DEEP = 100_000
BAD_TABLE = {"DAMAGED_TABLE", "NOT_IN_TIMETABLE"}
HOSTILE: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "gpx_billion_laughs": (lambda: bomb("gpx"), {"FORBIDDEN_XML"}),
    "gpx_external_entity": (
        lambda: b'<!DOCTYPE gpx [<!ENTITY a SYSTEM "file:///etc/passwd">]><gpx><trk><name>&a;</name></trk></gpx>',
        {"FORBIDDEN_XML"},
    ),
    "gpx_external_dtd": (lambda: b'<!DOCTYPE gpx SYSTEM "http://127.0.0.1:1/a.dtd"><gpx/>', {"FORBIDDEN_XML"}),
    "gpx_parameter_entity": (
        lambda: b'<!DOCTYPE gpx [<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;]><gpx/>',
        {"FORBIDDEN_XML"},
    ),
    "gpx_deep": (lambda: b"<gpx>" + b"<a>" * DEEP, {"DAMAGED_XML"}),
    "gpx_unclosed": (lambda: b"<gpx><trk><trkseg>" * 20_000, {"DAMAGED_XML"}),
    "gpx_long_attribute": (lambda: b'<gpx><trk a="' + b"c" * 20_000_000, {"DAMAGED_XML", "TOO_LARGE"}),
    "gpx_long_text": (lambda: b"<gpx><trk><type>" + b"walk " * 3_000_000 + b"</type></trk></gpx>", {"NO_TRACKS"}),
    "gpx_many_tracks": (lambda: b"<gpx>" + b"<trk><trkseg/></trk>" * 300_000 + b"</gpx>", {"NO_TRACKS"}),
    "gpx_too_many_points": (lambda: points(200_001), {"TOO_MANY_POINTS"}),
    "gpx_only_jumps": (lambda: points(20_000, "0.9"), {"BAD_POINTS", "NO_TRACKS", "ABSURD_SPEED", "NO_DISTANCE"}),
    "gpx_utf_7": (lambda: b'<?xml version="1.0" encoding="utf-7"?><gpx/>', {"DAMAGED_XML", "NO_TRACKS"}),
    "gpx_unknown_encoding": (lambda: b'<?xml version="1.0" encoding="klingon"?><gpx/>', {"DAMAGED_XML"}),
    "timeline_deep": (lambda: b'{"semanticSegments": [' + b"[" * DEEP, {"TOO_LARGE"}),
    "timeline_deep_objects": (lambda: b'{"semanticSegments": [' + b'{"a":' * DEEP, {"TOO_LARGE"}),
    "timeline_deep_and_closed": (
        lambda: b'{"semanticSegments": [' + b"[" * DEEP + b"]" * DEEP + b"]}",
        {"TOO_LARGE"},
    ),
    "timeline_large_item": (lambda: b'{"semanticSegments": [[' + b"{}," * 15_000_000, {"TOO_LARGE", "TOO_COMPLEX"}),
    "timeline_long_number": (
        lambda: b'{"semanticSegments": [{"startTime": ' + b"9" * 3_000_000 + b', "activity": {}}]}',
        {"ABSURD_NUMBER"},
    ),
    "timeline_huge_exponent": (
        lambda: b'{"semanticSegments": [{"activity": {"distanceMeters": 1e999999999}, "startTime": 1}]}',
        {"BAD_TIME", "DAMAGED_JSON"},
    ),
    "timeline_old_takeout": (lambda: b'{"timelineObjects": [{"activitySegment": {}}]}', {"NO_SEGMENTS"}),
    "timeline_records": (lambda: b'{"locations": [{"latitudeE7": 1}]}', {"NO_SEGMENTS"}),
    "timeline_many_points": (
        lambda: b'[{"startTime":"2026-01-01T00:00:00Z","timelinePath":[' + b'{"point":"1,1"},' * 200_001 + b"{}]}]",
        {"TOO_MANY_POINTS"},
    ),
    "apple_billion_laughs": (lambda: bomb("HealthData"), {"DAMAGED_XML"}),
    "apple_second_doctype": (
        lambda: b"<!DOCTYPE HealthData []>" + bomb("HealthData"),
        {"FORBIDDEN_XML"},
    ),
    "apple_endless_doctype": (lambda: b"<!DOCTYPE HealthData [" + b"<!-- -->" * 500_000, {"FORBIDDEN_XML"}),
    "apple_long_attribute": (lambda: b'<HealthData><Workout a="' + b"c" * 20_000_000, {"DAMAGED_XML", "TOO_LARGE"}),
    "apple_many_workouts": (
        lambda: b"<HealthData>" + b'<Workout workoutActivityType="Yoga"/>' * 300_000 + b"</HealthData>",
        {"NO_READINGS"},
    ),
    "apple_many_references": (
        lambda: b'<HealthData><Workout workoutActivityType="HKWorkoutActivityTypeWalking" '
        b'startDate="2026-01-01T00:00:00Z" endDate="2026-01-01T01:00:00Z">'
        + b'<FileReference path="/x.gpx"/>' * 300_000
        + b"</Workout></HealthData>",
        {"NO_DISTANCE"},
    ),
    "apple_zip_bomb": (lambda: health(bytes(300 * 2**20)), {"BAD_ZIP"}),
    "apple_zip_with_a_way_out": (lambda: zipped({"apple_health_export/e.xml": APPLE, "../a": b""}), {"BAD_ZIP"}),
    "apple_zip_absolute": (lambda: zipped({"/x/apple_health_export/e.xml": APPLE, "a": b""}), {"BAD_ZIP"}),
    "apple_zip_encrypted": (lambda: encrypted(health(APPLE)), {"BAD_ZIP"}),
    "apple_zip_that_lies": (lambda: lying_size(zipped({"b": b"", "apple_health_export/e.xml": APPLE})), {"BAD_ZIP"}),
    "apple_zip_overlapping": (overlapping_members, {"BAD_ZIP"}),
    "apple_zip_many_members": (
        lambda: zipped({"apple_health_export/e.xml": APPLE} | {str(number): b"" for number in range(20_001)}),
        {"BAD_ZIP"},
    ),
    "apple_zip_of_something_else": (lambda: health(b"<feed/>"), {"NO_WORKOUTS"}),
    "apple_zip_truncated": (lambda: health(APPLE)[:-40], {"BAD_ZIP"}),
    "health_connect_many_rows": (many_rows, {"TOO_MANY_RECORDS"}),
    "health_connect_no_tables": (lambda: database("CREATE TABLE a(b)"), {"NO_SESSIONS"}),
    "health_connect_cut": (lambda: many_rows()[:1_000_000], {"DAMAGED_DATABASE"}),
    "health_connect_header_only": (lambda: b"SQLite format 3\x00" + b"\xff" * 100, {"DAMAGED_DATABASE"}),
    "health_connect_wal": (
        lambda: (content := bytearray(database(SESSIONS, DISTANCES)), content.__setitem__(slice(18, 20), b"\2\2"))[0],
        {"NO_SESSIONS", "DAMAGED_DATABASE"},
    ),
    "health_connect_endless_view": (
        lambda: database(
            DISTANCES,
            "CREATE VIEW exercise_session_record_table AS WITH RECURSIVE n(i) AS "
            "(SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS row_id, '' AS uuid, 1 AS app_info_id, "
            "i AS start_time, i AS end_time, 1 AS exercise_type, '' AS title FROM n",
        ),
        {"NO_SESSIONS"},
    ),
    "e_mission_deep": (lambda: b'[{"metadata": {"key": "manual/x"}, "data": ' + b"[" * DEEP, {"TOO_LARGE"}),
    "e_mission_too_many_points": (
        lambda: b"["
        + b",".join(
            b'{"metadata":{"key":"background/location"},"data":{"ts":%d,"latitude":1,"longitude":1}}' % (n + 1)
            for n in range(300_002)
        )
        + b"]",
        {"TOO_MANY_POINTS"},
    ),
    "e_mission_no_entries": (lambda: b'[{"metadata": {"key": "background/x"}}, 1, null, [], "a"]', {"NO_POSITIONS"}),
    "taps_bomb": (lambda: zipped({**FEED, "taps.csv": TAPS, "shapes.txt": bytes(300 * 2**20)}), {"BAD_ZIP"}),
    "taps_way_out": (lambda: zipped({**FEED, "taps.csv": TAPS, "..\\evil.txt": b""}), {"BAD_ZIP"}),
    "taps_encrypted": (lambda: encrypted(GOOD["taps"]), {"BAD_ZIP"}),
    "taps_long_line": (lambda: zipped({**FEED, "taps.csv": TAPS + b"a" * 100_000}), {"LINE_TOO_LONG"}),
    "taps_zero_bytes": (lambda: zipped({**FEED, "taps.csv": TAPS.replace(b"AMV", b"A\0V")}), BAD_TABLE),
    "taps_too_many": (lambda: zipped({**FEED, "taps.csv": TAPS + TAPS[58:] * 10_000}), {"TOO_MANY_RECORDS"}),
    "taps_open_quote": (
        lambda: zipped(
            {**FEED, "stop_times.txt": FEED["stop_times.txt"].replace(b",AMV,", b',"AMV,'), "taps.csv": TAPS}
        ),
        BAD_TABLE,
    ),
    "taps_many_stops": (
        lambda: zipped(
            {
                **FEED,
                "stops.txt": b"stop_id,stop_name,stop_lat,stop_lon\n"
                + b"".join(b"s%d,AMV,1,1\n" % n for n in range(300_000)),
                "taps.csv": TAPS,
            }
        ),
        {"NOT_IN_TIMETABLE"},
    ),
    "not_a_zip": (lambda: b"PK\x03\x04" + b"a" * 1_000, {"BAD_ZIP"}),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_answered_in_words(tmp_path: Path, name: str) -> None:
    make, allowed = HOSTILE[name]
    answer = work_on(tmp_path, bytes(make()))
    assert answer.codes & allowed, answer.codes
    assert answer.seconds < 60


def test_a_hundred_thousand_points_are_one_journey(tmp_path: Path) -> None:
    verdict = judged(tmp_path / "track.gpx", points(100_000))
    assert verdict is not None
    [journey] = verdict.captured
    assert json.loads(journey.payload)["positions"] == 100_000
    assert journey.draft.activity is None


def test_a_zip_that_was_zipped_again_is_read(tmp_path: Path) -> None:
    answer = work_on(tmp_path, zipped({"export.zip": health(APPLE)}))
    assert (answer.codes, answer.accepted) == (set(), 2)


def test_copies_of_one_journey_count_once(tmp_path: Path) -> None:
    track = GOOD["gpx"].decode()
    first, last = track.index("<trk>"), track.index("</trk>") + len("</trk>")
    verdict = judged(tmp_path / "copies.gpx", (track[:last] + track[first:last] * 500 + track[last:]).encode())
    assert verdict is not None
    assert (verdict.accepted, verdict.duplicate) == (1, 500)
