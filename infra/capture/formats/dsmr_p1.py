"""Telegrams of the P1 port of smart meters (DSMR, IEC 62056-21), as loggers write them one after the other.

    /ISK5\\2M550T-1012
    0-0:1.0.0(201025023000W)          local time of the Netherlands and Belgium: W winter (UTC+1), S summer (UTC+2)
    1-0:1.8.1(000156.167*kWh)         a register: use is the difference of two telegrams
    0-1:24.1.0(003) 0-1:24.2.1(201025020000W)(00212.529*m3)     channel 1 is gas (3); 7 is water
    !D82C                             CRC-16 of all from / to !, with CRLF as line ends

The lines are read here and not by dsmr-parser, which the tests compare with: it drops the leading zeros that tell where
a register rolls over, takes 0.7 ms for a telegram where a month of a logger has 260,000, and needs to be told which of
17 specifications a telegram follows. Line ends are restored before the checksum, an impossible number or date refuses
what it stands for, a unit is never assumed.

Tariffs are registers of their own; where a meter has their total (1.8.0), that alone is taken. Telegrams of version 4
and later must have their checksum. Those before have neither checksum nor time: the last one's is the file's arrival.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from domain.footprint.model import Commodity, Direction, Rejection
from domain.footprint.records import CounterReading
from domain.text import shown
from infra.capture.reader import Unreadable

LINE_MAX_BYTES = 4_096
TELEGRAM_MAX_LINES = 200
CHANNELS = range(1, 9)

_HEADER = re.compile(rb"/[A-Za-z]{3}[0-9A-Za-z][^\r\n]{0,120}")
_END = re.compile(r"!([0-9A-F]{4})?", re.ASCII)
_OBJECT = re.compile(r"(\d-\d{1,2}:\d{1,3}\.\d{1,3}\.\d{1,3})(?:\*255)?(\(.*\))", re.ASCII)
_GROUPS = re.compile(r"\(([^()]*)\)")
_VALUE = re.compile(r"(\d{1,10})(?:\.(\d{1,9}))?(?:\*(kWh|Wh|m3|dm3))?", re.ASCII)
_STAMP = re.compile(r"\d{12}[SW]?", re.ASCII)
_OFFSETS = {"S": timezone(timedelta(hours=2)), "W": timezone(timedelta(hours=1))}
_WITHOUT_FLAG = ZoneInfo("Europe/Amsterdam")
_TOTALS = {"1-0:1.8.0": Direction.IMPORT, "1-0:2.8.0": Direction.EXPORT}
_TARIFFS = {
    f"1-0:{kind}.8.{tariff}": direction
    for kind, direction in ((1, Direction.IMPORT), (2, Direction.EXPORT))
    for tariff in range(1, 5)
}
_CLOCK = "0-0:1.0.0"
_VERSION = re.compile(r"[01]-3:0\.2\.8")
_SERIALS = ("0-0:96.1.1", "0-0:96.1.0", "1-0:0.0.0", "0-0:96.1.255", "0-0:42.0.0")
_KINDS = {3: Commodity.GAS, 7: Commodity.WATER}
_DM3 = {"dm3": "L"}


class DsmrReader:
    name = "DSMR_P1"
    description = "Telegrams of the P1 port of Dutch, Belgian and similar smart meters, one file with one or many."
    file_kinds = (".txt", ".log", ".zip")

    def recognises(self, head: bytes) -> bool:
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n\x00\xff \t")
        return _HEADER.match(start) is not None and b"-0:" in head

    def read(self, path: Path) -> Iterator[CounterReading | Rejection]:
        pending: list[tuple[int, list[str]]] = []
        """The last telegram without a time: only the file's last of them can be that of its arrival."""
        told: set[str] = set()
        for number, lines, ending in _telegrams(path):
            fault = _fault(lines, ending)
            if fault is not None:
                yield Rejection(*fault, line=number)
                continue
            objects = _objects(lines)
            if _CLOCK in objects:
                yield from _readings(objects, lines, number, told)
                continue
            if pending:
                text = "The telegram has no time, and another one follows: only the last of a file is of its arrival."
                yield Rejection("NO_TIME", text, line=pending[0][0])
            pending = [(number, lines)]
        for number, lines in pending:
            yield from _readings(_objects(lines), lines, number, told)


def _telegrams(path: Path) -> Iterator[tuple[int, list[str], str | None]]:
    """Number of the first line, the lines from / on without the end, and the end; None where there is none."""
    lines: list[str] = []
    first = number = 0
    with path.open("rb") as file:
        while raw := file.readline(LINE_MAX_BYTES):
            number += 1
            if len(raw) == LINE_MAX_BYTES:
                raise Unreadable("LINE_TOO_LONG", f"Line {number} is longer than any line of a telegram.")
            text = raw.decode("latin-1").rstrip("\r\n")
            if _HEADER.fullmatch(raw.rstrip(b"\r\n").removeprefix(b"\xef\xbb\xbf")):
                if lines:
                    yield first, lines, None
                first, lines = number, [text.removeprefix("\u00ef\u00bb\u00bf")]
            elif lines and text.startswith("!"):
                yield first, lines, text if raw.endswith(b"\n") or len(text) == 5 else None
                lines = []
            elif lines:
                lines.append(text)
                if len(lines) > TELEGRAM_MAX_LINES:
                    raise Unreadable("DAMAGED_FILE", f"The telegram of line {first} does not end.")
    if lines:
        yield first, lines, None


def _fault(lines: list[str], ending: str | None) -> tuple[str, str] | None:
    """Why the telegram cannot be believed; None where it can."""
    end = _END.fullmatch(ending.strip()) if ending is not None else None
    if end is None:
        return "CUT_TELEGRAM", "The telegram does not end: it was cut short."
    if end[1] is None:
        if any(_VERSION.match(line) for line in lines):
            return "CUT_TELEGRAM", "The telegram has no checksum, which meters of its version send."
        return None
    if checksum("\r\n".join([*lines, "!"]).encode("latin-1")) != int(end[1], 16):
        return "BAD_CHECKSUM", "The checksum does not fit: the telegram was damaged on its way."
    return None


def checksum(data: bytes) -> int:
    """CRC-16 of DSMR: polynomial x16+x15+x2+1, least bit first, no preset."""
    crc = 0
    for byte in data:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc


def _crc_row(byte: int) -> int:
    for _bit in range(8):
        byte = byte >> 1 ^ (0xA001 if byte & 1 else 0)
    return byte


_CRC_TABLE = tuple(_crc_row(byte) for byte in range(256))


def _objects(lines: list[str]) -> dict[str, list[str]]:
    """The groups in parentheses of each OBIS reference; a line that is a group alone belongs to the one before."""
    found: dict[str, list[str]] = {}
    before = ""
    for line in lines:
        named = _OBJECT.fullmatch(line)
        if named is not None:
            before = named[1]
            found.setdefault(before, _GROUPS.findall(named[2]))
        elif before and line.startswith("("):
            found[before] = [*found[before], *_GROUPS.findall(line)]
        else:
            before = ""
    return found


def _readings(
    objects: dict[str, list[str]], lines: list[str], number: int, told: set[str]
) -> Iterator[CounterReading | Rejection]:
    at = _moment(objects[_CLOCK][0]) if objects.get(_CLOCK) else None
    if at is None and _CLOCK in objects:
        yield Rejection("BAD_TIME", "The telegram's time does not exist.", line=number)
        return
    meter = next((_serial(objects[name]) for name in _SERIALS if _serial(objects.get(name, []))), "")
    meter = meter or shown(lines[0].removeprefix("/"))
    for name, direction in (_TOTALS | _TARIFFS).items():
        if name in objects and (name in _TOTALS or f"{name[:-1]}0" not in objects):
            yield _register(objects[name][-1:], meter, name.partition(":")[2], at, direction, number)
    for channel in CHANNELS:
        yield from _channel(objects, channel, meter, number, told)


def _channel(
    objects: dict[str, list[str]], channel: int, meter: str, number: int, told: set[str]
) -> Iterator[CounterReading | Rejection]:
    """Gas and water behind the meter, which keep their own time."""
    kind = objects.get(f"0-{channel}:24.1.0", [""])[0]
    if not kind:
        return
    commodity = _KINDS.get(int(kind)) if kind.isascii() and kind.isdecimal() and len(kind) < 4 else None
    serial = _serial(objects.get(f"0-{channel}:96.1.0", [])) or _serial(objects.get(f"0-{channel}:96.1.1", []))
    name = serial or f"{meter} channel {channel}"
    found = _channel_groups(objects, channel)
    if commodity is None or found is None:
        if name not in told:
            told.add(name)
            why = "is neither gas nor water" if commodity is None else "shows no number with a unit"
            yield Rejection("NOT_COUNTED", f"Channel {channel} {why}: not counted.", line=number, note=True)
        return
    register, stamp, groups = found
    moment = _moment(stamp)
    if moment is None:
        yield Rejection("BAD_TIME", f"The time of channel {channel} does not exist.", line=number, record=name)
        return
    yield _register(groups, name, register, moment, Direction.IMPORT, number, commodity)


def _channel_groups(objects: dict[str, list[str]], channel: int) -> tuple[str, str, list[str]] | None:
    """Register, stamp and value of a channel; None where it shows no number with a unit."""
    for register in ("24.2.1", "24.2.3"):
        groups = objects.get(f"0-{channel}:{register}")
        if groups and len(groups) == 2:
            return (register, groups[0], groups[1:]) if "*" in groups[1] else None
    groups = objects.get(f"0-{channel}:24.3.0", [])
    if len(groups) == 7 and groups[5]:
        return "24.2.1", groups[0], [f"{groups[6]}*{groups[5]}"]
    return None


def _register(
    groups: list[str],
    source: str,
    register: str,
    at: datetime | None,
    direction: Direction,
    line: int,
    commodity: Commodity = Commodity.ELECTRICITY,
) -> CounterReading | Rejection:
    value = _VALUE.fullmatch(groups[0]) if groups else None
    if value is None or value[3] is None:
        return Rejection("NOT_A_NUMBER", f"Register {register} shows no number with a unit.", line=line, record=source)
    unit = _DM3.get(value[3], value[3])
    return CounterReading(
        source=source,
        register=register,
        at=at,
        value=Decimal(f"{value[1]}.{value[2] or 0}"),
        unit=unit,
        direction=direction,
        commodity=commodity,
        modulus=Decimal(10) ** len(value[1]),
        line=line,
    )


def _moment(stamp: str) -> datetime | None:
    if not _STAMP.fullmatch(stamp):
        return None
    try:
        local = datetime.strptime(stamp[:12], "%y%m%d%H%M%S").replace(tzinfo=_OFFSETS.get(stamp[12:], _WITHOUT_FLAG))
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _serial(groups: list[str]) -> str:
    """The equipment's name, which most meters send as the hex of its letters; empty where there is none."""
    text = groups[0].strip() if groups else ""
    if not text.strip("0"):
        return ""
    try:
        letters = bytes.fromhex(text).decode("ascii")
    except ValueError:
        return shown(text)
    return letters.strip() if letters.isprintable() and letters.strip() else shown(text)


READER = DsmrReader()
