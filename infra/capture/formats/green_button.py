"""Green Button: an Atom feed of ESPI objects (NAESB REQ.21) that links tie together.

UsagePoint (what is measured) - MeterReading - ReadingType (unit, power of ten, direction) and IntervalBlocks (values).
The file is read twice: first the objects and their links, then the intervals, one element at a time, so that memory
stays flat however long it is. A document type declaration is refused, and with it every entity.

How an IntervalBlock finds its ReadingType: by its `up` or `self` link to a MeterReading and on by `related`; where
links are missing or lead nowhere, the single ReadingType of the feed; else the block is refused as ambiguous. No unit
is ever assumed. The register is the direction of flow, so that two views of one energy (hours and days, energy and
power) meet in one. A value was told when its entry was updated. What a UsageSummary states for a whole billing period
is given on, to be compared with the readings of that time.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from domain.footprint.model import Commodity, Direction, Reading, Rejection
from domain.footprint.records import StatedTotal
from infra.capture.reader import Unreadable

OBJECTS_MAX = 10_000
BLOCK_ENTRIES_MAX = 100_000
DEPTH_MAX = 40

_UNITS = {"72": "Wh", "38": "W", "169": "therm", "119": "ft3", "42": "m3", "128": "gal_us", "134": "L"}
_ENERGY_UNITS = frozenset({"Wh", "W"})
_WATER_UNITS = frozenset({"m3", "ft3", "gal_us", "L"})
_COMMODITIES = {"0": Commodity.ELECTRICITY, "1": Commodity.GAS, "2": Commodity.WATER}
_SUMMARIES = frozenset({"UsageSummary", "ElectricPowerUsageSummary"})
_STATED = ("uom", "powerOfTenMultiplier", "value")
_POWERS_OF_TEN = range(-12, 10)
_DIRECTIONS = {
    "": Direction.IMPORT,
    "0": Direction.IMPORT,
    "1": Direction.IMPORT,
    "4": Direction.NET,
    "19": Direction.EXPORT,
}
_REGISTERS = {Direction.IMPORT: "forward", Direction.EXPORT: "reverse", Direction.NET: "net"}
_NUMBER = re.compile(r"[+-]?\d{1,20}(\.\d{1,12})?", re.ASCII)
_SECONDS = re.compile(r"\d{1,11}", re.ASCII)
_HOST = re.compile(r"[a-z]+://[^/]*", re.IGNORECASE)


@dataclass(slots=True)
class _Entry:
    """The links of one Atom entry, without host and leading slash, and when it was made or changed."""

    self_link: str = ""
    up: str = ""
    updated: datetime | None = None
    related: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Feed:
    """What the first pass found, by the `self` link of each object."""

    usage_points: dict[str, str] = field(default_factory=dict)
    """Service kind of each: 0 electricity, 1 gas, 2 water."""
    meter_readings: dict[str, _Entry] = field(default_factory=dict)
    reading_types: dict[str, dict[str, str]] = field(default_factory=dict)
    blocks_of: dict[str, str] = field(default_factory=dict)
    """Links under which blocks are found, and the MeterReading that they belong to."""
    block_entries: list[_Entry] = field(default_factory=list)
    """The entries that hold IntervalBlocks, in the order of the file: their links may stand after their content."""
    summaries: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    updated: datetime | None = None
    readings: int = 0

    def add_meter_reading(self, entry: _Entry) -> None:
        self.meter_readings[entry.self_link] = entry
        for link in (f"{entry.self_link}/IntervalBlock", *entry.related):
            self.blocks_of.setdefault(link, entry.self_link)

    def meter_reading_of(self, block: _Entry) -> tuple[str, _Entry] | None:
        collection = block.self_link.partition("/IntervalBlock")[0] + "/IntervalBlock"
        for link in (block.up, block.self_link, collection):
            owner = self.blocks_of.get(link) if link else None
            if owner is not None:
                return owner, self.meter_readings[owner]
        return None

    def reading_type_of(self, reading: _Entry | None) -> dict[str, str] | None:
        for link in reading.related if reading else ():
            if link in self.reading_types:
                return self.reading_types[link]
        return next(iter(self.reading_types.values())) if len(self.reading_types) == 1 else None

    def usage_point_of(self, link: str) -> str:
        """The meter's name: its usage point, even where the feed has only links to one."""
        usage_point = link.partition("/MeterReading")[0] if "/MeterReading" in link else ""
        if usage_point in self.usage_points or len(self.usage_points) != 1:
            return usage_point or "meter"
        return next(iter(self.usage_points)) or usage_point or "meter"

    def kind_of(self, usage_point: str) -> str | None:
        if usage_point in self.usage_points:
            return self.usage_points[usage_point]
        kinds = set(self.usage_points.values())
        return kinds.pop() if len(kinds) == 1 else None


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What the values of a block are."""

    meter: str
    register: str
    commodity: Commodity
    direction: Direction
    unit: str
    scale: Decimal
    told_at: datetime | None


class GreenButtonReader:
    name = "GREEN_BUTTON"
    description = "Green Button (ESPI) exports of electricity, gas and water, as North American utilities give them."
    file_kinds = (".xml", ".zip")

    def recognises(self, head: bytes) -> bool:
        if head.startswith((b"\xff\xfe", b"\xfe\xff")):
            head = head.decode("utf-16", errors="ignore").encode()
        return b"naesb.org/espi" in head or re.search(rb"<([A-Za-z]+:)?feed[\s>]", head) is not None

    def read(self, path: Path) -> Iterator[Reading | StatedTotal | Rejection]:
        try:
            feed = _feed(path)
            if not feed.readings:
                raise Unreadable("NO_READINGS", "The file is a feed without any meter readings.")
            yield from _intervals(path, feed)
            yield from _stated_totals(feed)
        except DefusedXmlException as error:
            raise Unreadable(
                "FORBIDDEN_XML", "The file has a document type or entities, which meter data never needs."
            ) from error
        except (ParseError, LookupError, UnicodeError) as error:
            raise Unreadable("DAMAGED_XML", "The file is damaged or was cut short: its XML does not end.") from error


def _elements(path: Path) -> Iterator[tuple[str, Element, list[Element]]]:
    """Start and end of every element with those around it. An element is forgotten when its parent's turn is over."""
    around: list[Element] = []
    with path.open("rb") as file:
        for event, element in iterparse(file, events=("start", "end"), forbid_dtd=True):
            if event == "start":
                around.append(element)
                if len(around) > DEPTH_MAX:
                    raise Unreadable("DAMAGED_XML", "The file is nested deeper than any meter data.")
                yield event, element, around
            else:
                yield event, element, around
                around.pop()


def _feed(path: Path) -> _Feed:
    """First pass: the objects and their links."""
    feed = _Feed()
    entry = _Entry()
    found: list[tuple[str, Element]] = []
    for event, element, around in _elements(path):
        name = _local(element)
        if event == "start":
            if name == "entry":
                entry, found = _Entry(), []
            continue
        if name == "link":
            _add_link(entry, element)
        elif name == "updated" and len(around) > 1:
            if _local(around[-2]) == "entry":
                entry.updated = _moment(element)
            elif _local(around[-2]) == "feed":
                feed.updated = _moment(element)
        elif name == "IntervalReading":
            feed.readings += 1
            _forget(element, around)
        elif name == "IntervalBlock":
            if not (feed.block_entries and feed.block_entries[-1] is entry):
                feed.block_entries.append(entry)
            if len(feed.block_entries) > BLOCK_ENTRIES_MAX:
                raise Unreadable("TOO_MANY_OBJECTS", "The file has more blocks of readings than can be read at once.")
            _forget(element, around)
        elif name in {"UsagePoint", "MeterReading", "ReadingType"} | _SUMMARIES:
            found.append((name, element))
            if len(found) > OBJECTS_MAX:
                raise Unreadable("TOO_MANY_OBJECTS", "The file describes more meters than a person has.")
        elif name == "entry":
            for kind, item in found:
                _remember(feed, kind, item, entry)
            _forget(element, around)
    return feed


def _remember(feed: _Feed, kind: str, element: Element, entry: _Entry) -> None:
    objects = len(feed.usage_points) + len(feed.meter_readings) + len(feed.reading_types) + len(feed.summaries)
    if objects >= OBJECTS_MAX:
        raise Unreadable("TOO_MANY_OBJECTS", "The file describes more meters than a person has.")
    if kind == "UsagePoint":
        feed.usage_points[entry.self_link] = _text(element, "ServiceCategory", "kind")
    elif kind == "MeterReading":
        feed.add_meter_reading(entry)
    elif kind in _SUMMARIES:
        feed.summaries.append((entry.self_link or entry.up, _summary_of(element)))
    else:
        feed.reading_types[entry.self_link] = {_local(child): (child.text or "").strip() for child in element}


def _summary_of(element: Element) -> dict[str, str]:
    """The texts of a summary that are used, by path."""
    paths = [("billingPeriod", "start"), ("billingPeriod", "duration")]
    paths += [("overallConsumptionLastPeriod", name) for name in _STATED]
    return {path[1]: _text(element, *path) for path in paths}


def _stated_totals(feed: _Feed) -> Iterator[StatedTotal]:
    """What summaries state for billing periods that are over."""
    for link, summary in feed.summaries:
        unit, scale = _UNITS.get(summary["uom"]), _scale(summary["powerOfTenMultiplier"])
        meter = feed.usage_point_of(re.sub(r"/(ElectricPower)?UsageSummary.*", "/MeterReading", link))
        service = feed.kind_of(meter)
        numbers = (summary["start"], summary["duration"])
        if unit is None or unit == "W" or scale is None or not all(_SECONDS.fullmatch(text) for text in numbers):
            continue
        commodity = _commodity(service, unit)
        if commodity is None or not _NUMBER.fullmatch(summary["value"]):
            continue
        try:
            start = datetime.fromtimestamp(int(summary["start"]), UTC)
            end = start + timedelta(seconds=int(summary["duration"]))
        except (OverflowError, ValueError):
            continue
        value = Decimal(summary["value"]) * scale
        yield StatedTotal(
            meter, _register_name(Direction.IMPORT, unit), start, end, value, unit, Direction.IMPORT, commodity
        )


def _scale(power: str) -> Decimal | None:
    """10 to this power, which is 0 where nothing is said; None where it is out of range."""
    power = power or "0"
    if not re.fullmatch(r"-?\d{1,2}", power, re.ASCII) or int(power) not in _POWERS_OF_TEN:
        return None
    return Decimal(1).scaleb(int(power))


def _register_name(direction: Direction, unit: str) -> str:
    return _REGISTERS[direction] if unit in _ENERGY_UNITS else f"{_REGISTERS[direction]} {unit}"


def _intervals(path: Path, feed: _Feed) -> Iterator[Reading | Rejection]:
    """Second pass: the values, entry by entry as the first pass found them."""
    entries = iter(feed.block_entries)
    meaning: _Meaning | Rejection | None = None
    told_unknown_flow = False
    is_new_entry = True
    for event, element, around in _elements(path):
        name = _local(element)
        if event == "start":
            if name == "IntervalBlock":
                if is_new_entry:
                    entry = next(entries)
                    meaning = _meaning(feed, entry)
                    is_new_entry = False
                if isinstance(meaning, Rejection):
                    yield meaning
                elif not told_unknown_flow and _has_unknown_flow(feed, entry):
                    told_unknown_flow = True
                    yield Rejection(
                        "FLOW_UNKNOWN", "The file does not say which way the energy flows: taken as use.", note=True
                    )
            is_new_entry = is_new_entry or name == "entry"
        elif name == "IntervalReading":
            if isinstance(meaning, _Meaning):
                yield _reading(element, meaning)
            _forget(element, around)
        elif name in {"IntervalBlock", "entry"}:
            _forget(element, around)


def _meaning(feed: _Feed, block: _Entry) -> _Meaning | Rejection:
    """What the block's values are, or why that cannot be told."""
    found = feed.meter_reading_of(block)
    link = found[0] if found else block.up or block.self_link
    kind = feed.reading_type_of(found[1] if found else None)
    record = link[:200] or None
    if kind is None:
        return Rejection("AMBIGUOUS_TYPE", "The file does not say in which unit these values are.", record=record)
    unit = _UNITS.get(kind.get("uom", ""))
    if unit is None:
        return Rejection("UNKNOWN_UNIT", "The unit of these values is missing or is not one of energy.", record=record)
    scale = _scale(kind.get("powerOfTenMultiplier", ""))
    if scale is None:
        return Rejection("BAD_MULTIPLIER", "The power of ten of these values is out of range.", record=record)
    direction = _DIRECTIONS.get(kind.get("flowDirection", ""))
    if direction is None:
        return Rejection("NOT_ENERGY", "These values are neither use, export nor net of both.", record=record)
    meter = feed.usage_point_of(link)
    service = feed.kind_of(meter)
    commodity = _commodity(service, unit)
    if commodity is None:
        return Rejection("UNIT_MISMATCH", f"The unit {unit} does not fit the kind of this meter.", record=record)
    register = _register_name(direction, unit)
    return _Meaning(meter, register, commodity, direction, unit, scale, block.updated or feed.updated)


def _commodity(service: str | None, unit: str) -> Commodity | None:
    """By the meter's kind where the feed tells one, else by the unit; None where the two contradict each other."""
    if service is None:
        if unit in _ENERGY_UNITS:
            return Commodity.ELECTRICITY
        return Commodity.WATER if unit in {"gal_us", "L"} else Commodity.GAS
    commodity = _COMMODITIES.get(service)
    fits = {
        Commodity.ELECTRICITY: unit in _ENERGY_UNITS,
        Commodity.GAS: unit not in {"gal_us", "L"},
        Commodity.WATER: unit in _WATER_UNITS,
    }
    return commodity if commodity is not None and fits[commodity] else None


def _has_unknown_flow(feed: _Feed, block: _Entry) -> bool:
    found = feed.meter_reading_of(block)
    kind = feed.reading_type_of(found[1] if found else None)
    return kind is not None and kind.get("flowDirection") == "0"


def _reading(element: Element, meaning: _Meaning) -> Reading | Rejection:
    start = _text(element, "timePeriod", "start")
    duration = _text(element, "timePeriod", "duration")
    value = _text(element, "value")
    if not (_SECONDS.fullmatch(start) and _SECONDS.fullmatch(duration)):
        return Rejection("BAD_TIME", "An interval has no start and length in seconds.", record=_shown(start))
    if not _NUMBER.fullmatch(value):
        return Rejection("NOT_A_NUMBER", "An interval has no value that is a number.", record=_shown(start))
    try:
        begin = datetime.fromtimestamp(int(start), UTC)
        end = begin + timedelta(seconds=int(duration))
    except (OverflowError, ValueError):
        return Rejection("BAD_TIME", "An interval lies outside of all calendars.", record=_shown(start))
    return Reading(
        source=meaning.meter,
        register=meaning.register,
        start=begin,
        end=end,
        value=Decimal(value) * meaning.scale,
        unit=meaning.unit,
        direction=meaning.direction,
        commodity=meaning.commodity,
        quality=_text(element, "ReadingQuality", "quality")[:8],
        told_at=meaning.told_at,
    )


def _moment(element: Element) -> datetime | None:
    """What an Atom date says, in UTC where it names no offset; None where it is no date."""
    text = (element.text or "").strip()
    try:
        found = datetime.fromisoformat(text[:40])
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(element: Element, *path: str) -> str:
    """Text of the first descendant on this path of local names, in any namespace; empty where there is none."""
    for name in path:
        child = next((child for child in element if _local(child) == name), None)
        if child is None:
            return ""
        element = child
    return (element.text or "").strip()


def _add_link(entry: _Entry, element: Any) -> None:
    href = _HOST.sub("", element.get("href", "").strip())
    link = (href.partition("/resource/")[2] or href).strip("/")
    match element.get("rel"):
        case "self":
            entry.self_link = link
        case "up":
            entry.up = link
        case "related" if len(entry.related) < OBJECTS_MAX:
            entry.related.append(link)


def _forget(element: Element, around: list[Element]) -> None:
    """Frees the element and everything that came before it in its parent."""
    element.clear()
    if len(around) > 1:
        del around[-2][:]


def _shown(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text[:40])


READER = GreenButtonReader()
