"""Sample files, read and judged, and zips of what is made for a test."""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from domain.footprint.checks import judge
from domain.footprint.verdict import Register, Verdict
from infra.capture.registry import reader_of

DATA = Path(__file__).parents[2] / "data"
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def expected(folder: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((DATA / folder / "expected.json").read_text(), parse_float=Decimal)
    return values


def zipped(members: Mapping[str, bytes | str], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def zip_file(path: Path, members: Mapping[str, bytes | str]) -> Path:
    path.write_bytes(zipped(members))
    return path


def judged(name: str) -> Verdict:
    return judged_path(DATA / name)


def judged_path(path: Path) -> Verdict:
    return judge(reader_of(path).read(path), NOW)


def codes(verdict: Verdict) -> list[str]:
    return [item.code for item in (*verdict.rejections, *verdict.notes)]


def accepted(verdict: Verdict) -> Iterator[tuple[Register, int]]:
    for register, indices in verdict.kept:
        for index in indices:
            yield register, index
