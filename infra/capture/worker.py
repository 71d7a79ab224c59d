"""Reads one uploaded file in a process of its own, with a limit on memory and on time, and writes what it found.

    python -m infra.capture.worker FILE EXPANDED TIME_ZONE REGION NOW

Standard output has one JSON value a line: `progress` [format, items so far] now and then; then either `failed`
[code, reason, kind of error], or `verdict` with the counts, `rows` and `counters` of meters and `captured` of all other
records in pieces, and `end`. Whatever a hostile file does, it does it here; the server hears a failure in words.
Standard input is never written to: when it ends, the server is gone.
"""

import os
import resource
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from domain.footprint.checks import Bench
from domain.footprint.verdict import Verdict
from infra.capture.archive import unpacked
from infra.capture.messages import captured_values, counter_values, meter_values
from infra.capture.reader import RECORDS_MAX, Unreadable
from infra.capture.registry import reader_of

MEMORY_MAX_BYTES = 512 * 2**20
CPU_MAX_SECONDS = 180
PROGRESS_EVERY = 5_000
ROWS_AT_ONCE = 1_000


def main(arguments: list[str]) -> None:
    file, expanded, time_zone, region, now = arguments
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX_BYTES, MEMORY_MAX_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_MAX_SECONDS, CPU_MAX_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    try:
        verdict = _read(Path(file), Path(expanded), ZoneInfo(time_zone), region, datetime.fromisoformat(now))
    except Unreadable as refusal:
        _tell(failed=[refusal.code, refusal.reason, "Unreadable"])
    except MemoryError:
        _tell(failed=["TOO_LARGE", "Reading this file takes more memory than a meter file should.", "MemoryError"])
    except Exception as error:  # Parsers raise errors of a dozen families; here is the one border.
        _tell(failed=["DAMAGED_FILE", "The file is damaged and cannot be read.", type(error).__name__])
    else:
        _tell(verdict=_summary(verdict))
        for rows in _pieces(meter_values(verdict, ZoneInfo(time_zone))):
            _tell(rows=rows)
        for rows in _pieces(counter_values(verdict)):
            _tell(counters=rows)
        for records in _pieces(map(captured_values, verdict.captured)):
            _tell(captured=records)
        _tell(end=True)


def _read(file: Path, expanded: Path, zone: ZoneInfo, region: str, now: datetime) -> Verdict:
    path = unpacked(file, expanded)
    reader = reader_of(path, zone)
    bench = Bench(now, region)
    _tell(progress=[reader.name, 0])
    for item in reader.read(path):
        bench.take(item)
        if bench.read > RECORDS_MAX:
            raise Unreadable("TOO_MANY_RECORDS", f"The file has more than {RECORDS_MAX:,} readings. Send it in parts.")
        if bench.read % PROGRESS_EVERY == 0:
            _tell(progress=[reader.name, bench.read])
    return bench.verdict()


def _summary(verdict: Verdict) -> dict[str, Any]:
    return {
        "read": verdict.read,
        "duplicate": verdict.duplicate,
        "rejected": verdict.rejected,
        "accepted": verdict.accepted,
        "rejections": [asdict(rejection) for rejection in (*verdict.rejections, *verdict.notes)],
    }


def _pieces(rows: Iterator[list[Any]]) -> Iterator[list[list[Any]]]:
    piece: list[list[Any]] = []
    for row in rows:
        piece.append(row)
        if len(piece) == ROWS_AT_ONCE:
            yield piece
            piece = []
    if piece:
        yield piece


def _tell(**message: Any) -> None:
    sys.stdout.buffer.write(orjson.dumps(message) + b"\n")
    sys.stdout.buffer.flush()


def _end_with_the_server() -> None:
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
