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
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException

from domain.footprint.model import Commodity, Direction, Reading, Rejection
from domain.footprint.records import StatedTotal
from domain.text import shown
from infra.capture.espi_feed import Entry, Feed, elements, first_pass, forget, local_name, text_of
from infra.capture.reader import Unreadable
from infra.capture.text import as_utf8

_UNITS = {"72": "Wh", "38": "W", "169": "therm", "119": "ft3", "42": "m3", "128": "gal_us", "134": "L"}
_ENERGY_UNITS = frozenset({"Wh", "W"})
_WATER_UNITS = frozenset({"m3", "ft3", "gal_us", "L"})
_COMMODITIES = {"0": Commodity.ELECTRICITY, "1": Commodity.GAS, "2": Commodity.WATER}
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
        head = as_utf8(head)
        return b"naesb.org/espi" in head or re.search(rb"<([A-Za-z]+:)?feed[\s>]", head) is not None

    def read(self, path: Path) -> Iterator[Reading | StatedTotal | Rejection]:
        try:
            feed = first_pass(path)
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


def _stated_totals(feed: Feed) -> Iterator[StatedTotal]:
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


def _intervals(path: Path, feed: Feed) -> Iterator[Reading | Rejection]:
    """Second pass: the values, entry by entry as the first pass found them."""
    entries = iter(feed.block_entries)
    meaning: _Meaning | Rejection | None = None
    told_unknown_flow = False
    is_new_entry = True
    for event, element, around in elements(path):
        name = local_name(element)
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
            forget(element, around)
        elif name in {"IntervalBlock", "entry"}:
            forget(element, around)


def _meaning(feed: Feed, block: Entry) -> _Meaning | Rejection:
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


def _has_unknown_flow(feed: Feed, block: Entry) -> bool:
    found = feed.meter_reading_of(block)
    kind = feed.reading_type_of(found[1] if found else None)
    return kind is not None and kind.get("flowDirection") == "0"


def _reading(element: Element, meaning: _Meaning) -> Reading | Rejection:
    start = text_of(element, "timePeriod", "start")
    duration = text_of(element, "timePeriod", "duration")
    value = text_of(element, "value")
    if not (_SECONDS.fullmatch(start) and _SECONDS.fullmatch(duration)):
        return Rejection("BAD_TIME", "An interval has no start and length in seconds.", record=shown(start))
    if not _NUMBER.fullmatch(value):
        return Rejection("NOT_A_NUMBER", "An interval has no value that is a number.", record=shown(start))
    try:
        begin = datetime.fromtimestamp(int(start), UTC)
        end = begin + timedelta(seconds=int(duration))
    except (OverflowError, ValueError):
        return Rejection("BAD_TIME", "An interval lies outside of all calendars.", record=shown(start))
    return Reading(
        source=meaning.meter,
        register=meaning.register,
        start=begin,
        end=end,
        value=Decimal(value) * meaning.scale,
        unit=meaning.unit,
        direction=meaning.direction,
        commodity=meaning.commodity,
        quality=text_of(element, "ReadingQuality", "quality")[:8],
        told_at=meaning.told_at,
    )


READER = GreenButtonReader()
