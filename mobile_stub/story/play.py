"""Plays a story against a server: sign up, send the files, answer what is asked, send everything again, look."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from mobile_stub.habits import sample
from mobile_stub.phone import Person, Phone, expect
from mobile_stub.storage import Json
from mobile_stub.story import journey_files, meals, meter_files, money_files
from mobile_stub.story.answers import Answer, answer_to
from mobile_stub.story.calendar import Year
from mobile_stub.story.checks import check
from mobile_stub.story.model import Question, SentFile, Story

NAME, REGION, ZONE = "Rosa", "US-CA", "America/Los_Angeles"
MEALS_A_REQUEST = 250
ROUNDS_MOST = 6
FORECAST_TRIES = 20
FORECAST_PAUSE_SECONDS = 0.5
GOAL_PERCENT = 90


async def play_year(url: str, report: Callable[[str], None]) -> Story:
    """A new person's year, told with its checks. Raises PhoneError where the server says no or is away."""
    zone = ZoneInfo(ZONE)
    year = Year.until(datetime.now(UTC).astimezone(zone).date(), zone)
    with TemporaryDirectory() as folder:
        async with httpx.AsyncClient() as http:
            person = Person(f"rosa.{uuid.uuid4().hex}@phones.example", uuid.uuid4().hex, NAME, REGION, ZONE)
            phone = Phone(url, Path(folder) / "phone.sqlite", http, person)
            try:
                return await _Player(phone, year, Path(folder), report).play()
            finally:
                await phone.close()


class _Player:
    def __init__(self, phone: Phone, year: Year, folder: Path, report: Callable[[str], None]) -> None:
        self._phone = phone
        self._folder = folder
        self._report = report
        self._paths: list[Path] = []
        self._story = Story(NAME, REGION, year)
        self._asked: dict[tuple[str, str], Question] = {}

    async def play(self) -> Story:
        story = self._story
        self._report("Signing up")
        await self._phone.sign_up()
        await self._send_files()
        await self._write_meals_down()
        self._report("Answering what is asked")
        await self._answer_all()
        story.questions = list(self._asked.values())
        before = await self._footprint(story.year.first, story.year.last)
        await self._send_again()
        self._report("Looking at the year")
        await self._look()
        check(story, before)
        return story

    # ---------------------------------------------------------------- what goes in

    async def _send_files(self) -> None:
        for what, path in await asyncio.to_thread(lambda: list(self._files())):
            self._report(f"Sending {path.name}")
            self._paths.append(path)
            self._story.files.append(SentFile(what, path.name, await self._phone.send_file(path)))

    def _files(self) -> Iterator[tuple[str, Path]]:
        year, samples = self._story.year, sample("year")
        hours = meter_files.electricity(year, samples / "electricity_home1_wh.csv")
        days = meter_files.gas(year, samples / "gas_bills.csv")
        fed = {"energy.electricity.grid": hours, "energy.natural_gas.therm": days}
        self._story.fed = {activity: meter_files.total(intervals) for activity, intervals in fed.items()}
        made = self._folder
        path = made / "electricity.xml"
        kind, unit = meter_files.ELECTRICITY, meter_files.WATT_HOURS
        yield "electricity meter", meter_files.write_green_button(path, hours, service=kind, unit=unit)
        path, kind, unit = made / "gas.xml", meter_files.GAS, meter_files.THERMS
        yield "gas meter", meter_files.write_green_button(path, days, service=kind, unit=unit)
        yield "journeys", journey_files.write_timeline(made / "Timeline.json", year, samples)
        yield "the same, other app", journey_files.write_phone_trace(made / "openpath.json", year, samples)
        yield "satnav of a drive", journey_files.write_drive(made / "drive.gpx", year, samples)
        yield "card payments", money_files.write_card(made / "card.csv", year, samples)
        yield "car charging", money_files.write_charges(made / "charging.json", year, samples)

    async def _write_meals_down(self) -> None:
        self._report("Writing meals down")
        year = self._story.year
        written = meals.written_down(year, sample("year"))
        for some in (written[at : at + MEALS_A_REQUEST] for at in range(0, len(written), MEALS_A_REQUEST)):
            await self._record(some)
        await self._record([meals.slip(year)])
        await self._record([meals.meant(year)])
        self._story.meals = len(written) + 1

    async def _record(self, activities: list[Json]) -> None:
        for answer in await self._phone.record(activities) or []:
            expect("Activity", answer)

    async def _send_again(self) -> None:
        for sent, path in zip(self._story.files, self._paths, strict=True):
            self._report(f"Sending {path.name} again")
            sent.again = await self._phone.send_file(path)

    # ---------------------------------------------------------------- what is asked

    async def _answer_all(self) -> None:
        """The first of each question is answered alone, for an answer may settle others; then what is left."""
        waiting = await self._waiting()
        for number in range(ROUNDS_MOST):
            seen: set[tuple[str, str]] = set()
            for activity in waiting:
                answer = answer_to(activity)
                key = _key(activity, answer)
                if number == 0 and key in seen:
                    continue
                seen.add(key)
                await self._resolve(activity, answer, key)
            left = await self._waiting()
            if number == 0:
                self._note_settled(waiting, left)
            waiting = left
            if not waiting:
                return

    async def _waiting(self) -> list[Json]:
        """Oldest first."""
        activities = await self._activities("Waiting")
        return [activity for activity in reversed(activities) if activity["status"] == "QUARANTINED"]

    async def _resolve(self, activity: Json, answer: Answer, key: tuple[str, str]) -> None:
        result = await self._phone.client.read(
            "ResolveActivity",
            id=activity["id"],
            resolution=answer.resolution,
            activity=answer.activity,
            sharedBy=answer.shared_by,
        )
        expect("Activity", result)
        question = self._asked.setdefault(key, Question(activity["reason"], answer.said, answer.why))
        question.times += 1

    def _note_settled(self, before: list[Json], after: list[Json]) -> None:
        left = {activity["id"] for activity in after}
        for key, question in self._asked.items():
            alike = [activity for activity in before if _key(activity, answer_to(activity)) == key]
            question.settled = sum(activity["id"] not in left for activity in alike) - question.times

    # ---------------------------------------------------------------- what comes out

    async def _look(self) -> None:
        story = self._story
        story.activities = await self._activities("ExplainedActivities")
        story.whole = await self._footprint(story.year.first, story.year.last)
        for first, last in story.year.months():
            story.months[first.isoformat()] = await self._footprint(first, last)
        days = (story.year.last - story.year.first).days + 1
        story.goal = story.whole["total"] * 7 * GOAL_PERCENT // (100 * days) // 1_000 * 1_000
        expect("Pace", await self._phone.client.read("SetGoal", weekly=story.goal))
        for _ in range(FORECAST_TRIES):
            viewer = await self._phone.client.read("PaceAndAdvice")
            if viewer["pace"]["month"]["forecast"] is not None:
                break
            await asyncio.sleep(FORECAST_PAUSE_SECONDS)
        story.pace, story.advice = viewer["pace"], viewer["advice"]
        week = story.pace["week"]
        story.week_total = (await self._footprint_of(week["from"], week["to"]))["total"]

    async def _footprint(self, first: date, last: date) -> Json:
        return await self._footprint_of(first.isoformat(), last.isoformat())

    async def _footprint_of(self, first: str, last: str) -> Json:
        viewer = await self._phone.client.read("FootprintByDay", **{"from": first, "to": last})
        return dict(viewer["footprint"])

    async def _activities(self, name: str) -> list[Json]:
        """All of them, newest first."""
        found: list[Json] = []
        after: str | None = None
        while True:
            page: Any = (await self._phone.client.read(name, after=after))["activities"]
            found += [edge["node"] for edge in page["edges"]]
            if not page["pageInfo"]["hasNextPage"]:
                return found
            after = page["pageInfo"]["endCursor"]


def _key(activity: Json, answer: Answer) -> tuple[str, str]:
    """The same question, as a person would count: numbers and names in its words make no other one."""
    return activity["source"], answer.why if answer.resolution != "CONFIRM" else activity["reason"]
