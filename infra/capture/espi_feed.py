"""The objects of a Green Button feed and the links between them: the first pass over the file, and how it is walked."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import iterparse

from infra.capture.reader import Unreadable

OBJECTS_MAX = 10_000
BLOCK_ENTRIES_MAX = 100_000
DEPTH_MAX = 40
_SUMMARIES = frozenset({"UsageSummary", "ElectricPowerUsageSummary"})
_STATED = ("uom", "powerOfTenMultiplier", "value")
_HOST = re.compile(r"[a-z]+://[^/]*", re.IGNORECASE)


@dataclass(slots=True)
class Entry:
    """The links of one Atom entry, without host and leading slash, and when it was made or changed."""

    self_link: str = ""
    up: str = ""
    updated: datetime | None = None
    related: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Feed:
    """What the first pass found, by the `self` link of each object."""

    usage_points: dict[str, str] = field(default_factory=dict)
    """Service kind of each: 0 electricity, 1 gas, 2 water."""
    meter_readings: dict[str, Entry] = field(default_factory=dict)
    reading_types: dict[str, dict[str, str]] = field(default_factory=dict)
    blocks_of: dict[str, str] = field(default_factory=dict)
    """Links under which blocks are found, and the MeterReading that they belong to."""
    block_entries: list[Entry] = field(default_factory=list)
    """The entries that hold IntervalBlocks, in the order of the file: their links may stand after their content."""
    summaries: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    updated: datetime | None = None
    readings: int = 0

    def add_meter_reading(self, entry: Entry) -> None:
        self.meter_readings[entry.self_link] = entry
        for link in (f"{entry.self_link}/IntervalBlock", *entry.related):
            self.blocks_of.setdefault(link, entry.self_link)

    def meter_reading_of(self, block: Entry) -> tuple[str, Entry] | None:
        collection = block.self_link.partition("/IntervalBlock")[0] + "/IntervalBlock"
        for link in (block.up, block.self_link, collection):
            owner = self.blocks_of.get(link) if link else None
            if owner is not None:
                return owner, self.meter_readings[owner]
        return None

    def reading_type_of(self, reading: Entry | None) -> dict[str, str] | None:
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


def elements(path: Path) -> Iterator[tuple[str, Element, list[Element]]]:
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


def first_pass(path: Path) -> Feed:
    """First pass: the objects and their links."""
    feed = Feed()
    entry = Entry()
    found: list[tuple[str, Element]] = []
    for event, element, around in elements(path):
        name = local_name(element)
        if event == "start":
            if name == "entry":
                entry, found = Entry(), []
            continue
        if name == "link":
            _add_link(entry, element)
        elif name == "updated" and len(around) > 1:
            if local_name(around[-2]) == "entry":
                entry.updated = _moment(element)
            elif local_name(around[-2]) == "feed":
                feed.updated = _moment(element)
        elif name == "IntervalReading":
            feed.readings += 1
            forget(element, around)
        elif name == "IntervalBlock":
            if not (feed.block_entries and feed.block_entries[-1] is entry):
                feed.block_entries.append(entry)
            if len(feed.block_entries) > BLOCK_ENTRIES_MAX:
                raise Unreadable("TOO_MANY_OBJECTS", "The file has more blocks of readings than can be read at once.")
            forget(element, around)
        elif name in {"UsagePoint", "MeterReading", "ReadingType"} | _SUMMARIES:
            found.append((name, element))
            if len(found) > OBJECTS_MAX:
                raise Unreadable("TOO_MANY_OBJECTS", "The file describes more meters than a person has.")
        elif name == "entry":
            for kind, item in found:
                _remember(feed, kind, item, entry)
            forget(element, around)
    return feed


def _remember(feed: Feed, kind: str, element: Element, entry: Entry) -> None:
    objects = len(feed.usage_points) + len(feed.meter_readings) + len(feed.reading_types) + len(feed.summaries)
    if objects >= OBJECTS_MAX:
        raise Unreadable("TOO_MANY_OBJECTS", "The file describes more meters than a person has.")
    if kind == "UsagePoint":
        feed.usage_points[entry.self_link] = text_of(element, "ServiceCategory", "kind")
    elif kind == "MeterReading":
        feed.add_meter_reading(entry)
    elif kind in _SUMMARIES:
        feed.summaries.append((entry.self_link or entry.up, _summary_of(element)))
    else:
        feed.reading_types[entry.self_link] = {local_name(child): (child.text or "").strip() for child in element}


def _summary_of(element: Element) -> dict[str, str]:
    """The texts of a summary that are used, by path."""
    paths = [("billingPeriod", "start"), ("billingPeriod", "duration")]
    paths += [("overallConsumptionLastPeriod", name) for name in _STATED]
    return {path[1]: text_of(element, *path) for path in paths}


def _moment(element: Element) -> datetime | None:
    """What an Atom date says, in UTC where it names no offset; None where it is no date."""
    text = (element.text or "").strip()
    try:
        found = datetime.fromisoformat(text[:40])
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def local_name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def text_of(element: Element, *path: str) -> str:
    """Text of the first descendant on this path of local names, in any namespace; empty where there is none."""
    for name in path:
        child = next((child for child in element if local_name(child) == name), None)
        if child is None:
            return ""
        element = child
    return (element.text or "").strip()


def _add_link(entry: Entry, element: Any) -> None:
    href = _HOST.sub("", element.get("href", "").strip())
    link = (href.partition("/resource/")[2] or href).strip("/")
    match element.get("rel"):
        case "self":
            entry.self_link = link
        case "up":
            entry.up = link
        case "related" if len(entry.related) < OBJECTS_MAX:
            entry.related.append(link)


def forget(element: Element, around: list[Element]) -> None:
    """Frees the element and everything that came before it in its parent."""
    element.clear()
    if len(around) > 1:
        del around[-2][:]
