"""Meters that a household shares, over GraphQL: everybody has their part, and the parts are the whole."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.resources import Resources
from infra.factors.adjusting import GRACE, FactorAdjuster
from infra.factors.loader import load_factors
from tests.conftest import Caller, graphql, sign_up

RECORD = """mutation ($profiles: [LoadProfileInput!]!) { recordReadings(profiles: $profiles) { __typename
    ... on RecordReadingsPayload { imported duplicate rejected emissions rejections { code } }
    ... on UserError { code message } ... on InvalidInput { field } } }"""
HOUSEHOLD = """__typename ... on UserError { code message } ... on Household {
    id name inviteCode members { joinedOn isViewer } meters { meter isViewers } }"""
CREATE = f'mutation {{ createHousehold(name: "Home") {{ {HOUSEHOLD} }} }}'
JOIN = f"mutation ($code: String!) {{ joinHousehold(code: $code) {{ {HOUSEHOLD} }} }}"
LEAVE = f"mutation {{ leaveHousehold {{ {HOUSEHOLD} }} }}"
ASSIGN = f"""mutation ($meter: String!, $from: Date!) {{ assignMeter(meter: $meter, from: $from) {{
    {HOUSEHOLD} ... on InvalidInput {{ field }} }} }}"""
SUMMARY = """query ($from: Date!, $to: Date!) { viewer { footprint(from: $from, to: $to) {
    total byDay { date total } } } }"""
TODAY = datetime.now(UTC).date()
DAYS_BACK = 10
GRID = (
    "factor_id,activity,category,unit,kg_co2e_per_unit,region,valid_from,valid_to,source,source_edition,source_ref,"
    "scope,notes\r\nenergy.electricity.grid,Mains,energy,kWh,0.333,GB,2020-01-01,,DESNZ,2026,table 1,generation,\r\n"
)


class House:
    """People and their meters; days are counted from today backwards."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def ask(self, caller: Caller, document: str, **variables: Any) -> dict[str, Any]:
        answer = await graphql(self.client, document, variables, caller.token)
        assert "errors" not in answer, answer
        field: dict[str, Any] = next(iter(answer["data"].values()))
        return field

    async def send(self, caller: Caller, days: int = DAYS_BACK, kwh: str = "1.001", meter: str = "m") -> dict[str, Any]:
        """One reading a day, from `days` ago up to and with today."""
        start = datetime.combine(TODAY - timedelta(days=days), datetime.min.time(), UTC)
        profile = {"meter": meter, "start": start.isoformat(), "intervalSeconds": 86_400, "values": [kwh] * (days + 1)}
        return await self.ask(caller, RECORD, profiles=[profile])

    async def hours(
        self, caller: Caller, meter: str, first: int = 0, last: int = 8, register: str = "E"
    ) -> dict[str, Any]:
        """Readings of the first minutes of today, an hour's worth each, so that none lies in the future."""
        start = datetime.combine(TODAY, datetime.min.time(), UTC) + timedelta(minutes=first)
        values = [f"1.{number + 1:03}" for number in range(first, last)]
        profile = {"meter": meter, "register": register, "start": start.isoformat(), "intervalSeconds": 60}
        return await self.ask(caller, RECORD, profiles=[profile | {"values": values}])

    async def days(self, caller: Caller) -> dict[date, int]:
        since = TODAY - timedelta(days=DAYS_BACK)
        viewer = await self.ask(caller, SUMMARY, **{"from": since.isoformat(), "to": TODAY.isoformat()})
        summary = viewer["footprint"]
        assert summary["total"] == sum(day["total"] for day in summary["byDay"])
        return {date.fromisoformat(day["date"]): day["total"] for day in summary["byDay"]}

    async def together(self, *callers: Caller) -> dict[str, Any]:
        """Puts them into one household that the first one creates."""
        household = await self.ask(callers[0], CREATE)
        for caller in callers[1:]:
            household = await self.ask(caller, JOIN, code=household["inviteCode"])
        return household


@pytest.fixture
async def house(client: httpx.AsyncClient) -> House:
    return House(client)


async def test_readings_over_graphql_count_once(house: House) -> None:
    ada = await sign_up(house.client)
    first = await house.send(ada)
    assert (first["imported"], first["duplicate"], first["rejected"]) == (11, 0, 0)
    assert first["emissions"] == sum((await house.days(ada)).values()) > 0
    again = await house.send(ada)
    assert (again["imported"], again["duplicate"], again["emissions"]) == (0, 11, 0)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"start": "1901-01-01T00:00:00Z"}, "start"),
        ({"start": "2999-01-01T00:00:00Z"}, "start"),
        ({"intervalSeconds": 0}, "intervalSeconds"),
        ({"intervalSeconds": 2**31 - 1}, "intervalSeconds"),
        ({"values": ["1"] * 2_001}, "profiles"),
    ],
)
async def test_a_profile_that_cannot_be(house: House, fields: dict[str, Any], field: str) -> None:
    ada = await sign_up(house.client)
    profile = {"meter": "m", "start": "2026-01-01T00:00:00Z", "intervalSeconds": 1_800, "values": ["1"]} | fields
    answer = await house.ask(ada, RECORD, profiles=[profile])
    assert (answer["code"], answer["field"]) == ("INVALID_INPUT", field)


async def test_readings_that_cannot_be_are_refused_one_by_one(house: House) -> None:
    ada = await sign_up(house.client)
    values = ["1", None, "NaN", "-1", "1e17", "x", "1"]
    profile = {"meter": "m", "start": "2026-01-01T00:00:00Z", "intervalSeconds": 1_800, "values": values}
    answer = await house.ask(ada, RECORD, profiles=[profile])
    assert (answer["imported"], answer["rejected"]) == (2, 4)
    codes = [item["code"] for item in answer["rejections"]]
    assert codes == ["NOT_A_NUMBER", "NEGATIVE", "ABSURD_VALUE", "NOT_A_NUMBER", "GAP"]


async def test_a_shared_meter_is_parted_to_the_gram(house: House) -> None:
    ada, ben, cleo = [await sign_up(house.client, name) for name in ("Ada", "Ben", "Cleo")]
    alone = await sign_up(house.client, "Dan")
    await house.send(alone)
    whole = await house.days(alone)
    await house.together(ada, ben, cleo)
    await house.send(ada)
    shared = await house.ask(ada, ASSIGN, meter="m", **{"from": TODAY.isoformat()})
    assert shared["meters"] == [{"meter": "m", "isViewers": True}]
    days = [await house.days(person) for person in (ada, ben, cleo)]
    assert sum(of[TODAY] for of in days) == whole[TODAY]
    assert max(of[TODAY] for of in days) - min(of[TODAY] for of in days) <= 1
    assert {day: days[0][day] for day in whole if day < TODAY} == {day: whole[day] for day in whole if day < TODAY}
    assert [list(of) for of in days[1:]] == [[TODAY], [TODAY]]


@pytest.mark.parametrize("source", ["METER", "DEVICE"])
async def test_parts_are_the_whole_when_a_factor_is_corrected(
    house: House, resources: Resources, tmp_path: Path, source: str
) -> None:
    people = [await sign_up(house.client, name) for name in ("Ada", "Ben", "Cleo")]
    alone = await sign_up(house.client, "Dan")
    await house.together(*people)
    for person in (people[0], alone):
        await house.send(person)
    since = TODAY - timedelta(days=DAYS_BACK)
    await house.ask(people[0], ASSIGN, meter="m", **{"from": since.isoformat()})
    pool = resources.database.pool
    await pool.execute("UPDATE household_member SET joined_on = $1", since)
    await house.send(people[0], kwh="1.003")
    await house.send(alone, kwh="1.003")
    await pool.execute("UPDATE activity SET source = $1", source)

    (tmp_path / "table.csv").write_text(GRID, newline="")
    await load_factors(resources.database, ademe_impact_co2=False, folder=tmp_path)
    adjuster = FactorAdjuster(resources.database)
    while await adjuster.step(datetime.now(UTC) + GRACE):
        pass

    whole = await house.days(alone)
    parts = [await house.days(person) for person in people]
    assert {day: grams for day, grams in whole.items()} == dict.fromkeys(whole, 334)
    assert {day: sum(part[day] for part in parts) for day in whole} == whole
    assert all(sorted(part[day] for part in parts) == [111, 111, 112] for day in whole)


async def test_a_file_after_the_meter_is_shared(house: House, resources: Resources) -> None:
    ada, ben = [await sign_up(house.client, name) for name in ("Ada", "Ben")]
    await house.together(ada, ben)
    await house.send(ada)
    await house.ask(ada, ASSIGN, meter="m", **{"from": (TODAY - timedelta(days=5)).isoformat()})
    before = [await house.days(person) for person in (ada, ben)]
    await house.send(ada, kwh="2.002")
    after = [await house.days(person) for person in (ada, ben)]
    assert abs(after[1][TODAY] - 2 * before[1][TODAY]) <= 1
    assert abs(after[0][TODAY] - after[1][TODAY]) <= 1
    members = "SELECT count(DISTINCT member) FROM meter_day"
    assert await resources.database.pool.fetchval(members) == 2


async def test_joining_and_leaving_change_the_days_from_then_on(house: House, resources: Resources) -> None:
    ada, ben = [await sign_up(house.client, name) for name in ("Ada", "Ben")]
    await house.send(ada)
    household = await house.together(ada)
    await resources.database.pool.execute("UPDATE household_member SET joined_on = joined_on - 5")
    await house.ask(ada, ASSIGN, meter="m", **{"from": (TODAY - timedelta(days=8)).isoformat()})
    alone = await house.days(ada)
    await house.ask(ben, JOIN, code=household["inviteCode"].lower())
    joined = await house.days(ada)
    assert joined[TODAY] + (await house.days(ben))[TODAY] == alone[TODAY]
    assert {day: grams for day, grams in joined.items() if day < TODAY} == {
        day: grams for day, grams in alone.items() if day < TODAY
    }
    assert (await house.ask(ben, LEAVE))["members"] == [{"joinedOn": str(TODAY - timedelta(days=5)), "isViewer": False}]
    assert await house.days(ada) == alone
    assert sum((await house.days(ben)).values()) == 0
    await house.ask(ben, JOIN, code=household["inviteCode"])
    assert await house.days(ada) == joined


async def test_who_leaves_takes_their_meters_along(house: House) -> None:
    ada, ben = [await sign_up(house.client, name) for name in ("Ada", "Ben")]
    await house.send(ada)
    alone = await house.days(ada)
    await house.together(ada, ben)
    await house.ask(ada, ASSIGN, meter="m", **{"from": TODAY.isoformat()})
    left = await house.ask(ada, LEAVE)
    assert left["meters"] == []
    assert await house.days(ada) == alone
    assert sum((await house.days(ben)).values()) == 0


async def test_what_is_refused_moves_nothing(house: House) -> None:
    ada, ben = [await sign_up(house.client, name) for name in ("Ada", "Ben")]
    await house.send(ada)
    household = await house.together(ada)
    assert (await house.ask(ada, CREATE))["code"] == "INVALID_INPUT"
    assert (await house.ask(ada, JOIN, code=household["inviteCode"]))["code"] == "INVALID_INPUT"
    assert (await house.ask(ben, JOIN, code="NONE"))["code"] == "NOT_FOUND"
    assert (await house.ask(ben, LEAVE))["code"] == "NOT_FOUND"
    assert (await house.ask(ben, ASSIGN, meter="m", **{"from": TODAY.isoformat()}))["code"] == "NOT_FOUND"
    assert (await house.ask(ada, ASSIGN, meter="other", **{"from": TODAY.isoformat()}))["code"] == "NOT_FOUND"
    tomorrow = (TODAY + timedelta(days=2)).isoformat()
    assert (await house.ask(ada, ASSIGN, meter="m", **{"from": tomorrow}))["field"] == "from"
    await house.ask(ben, JOIN, code=household["inviteCode"])
    assert (await house.ask(ben, ASSIGN, meter="m", **{"from": TODAY.isoformat()}))["code"] == "NOT_FOUND"


async def test_two_meters_of_one_house_at_once(house: House) -> None:
    ada, ben = [await sign_up(house.client, name) for name in ("Ada", "Ben")]
    await house.together(ada, ben)
    meters = ((ada, "upstairs"), (ben, "downstairs"))
    for person, meter in meters:
        await house.send(person, meter=meter)
        await house.ask(person, ASSIGN, meter=meter, **{"from": (TODAY - timedelta(days=1)).isoformat()})
    kwh = [f"{number + 1}.5" for number in range(6)]
    await asyncio.gather(*(house.send(person, kwh=value, meter=meter) for value in kwh for person, meter in meters))
    for person, meter in meters:
        await house.send(person, kwh="3", meter=meter)
    days = [await house.days(person) for person in (ada, ben)]
    alone = await sign_up(house.client, "Dan")
    await house.send(alone, kwh="3")
    assert days[0][TODAY] + days[1][TODAY] == 2 * (await house.days(alone))[TODAY]


async def test_a_meter_that_two_housemates_send_counts_once_and_is_shared(house: House) -> None:
    ada, ben, alone = [await sign_up(house.client, name) for name in ("Ada", "Ben", "Dan")]
    await house.together(ada, ben)
    for person in (alone, ada):
        await house.send(person)
    whole = await house.days(alone)
    assert sum((await house.days(ben)).values()) == 0
    for person in (ben, ada, ben):
        await house.send(person)
    days = [await house.days(person) for person in (ada, ben)]
    assert {day: days[0].get(day, 0) + days[1].get(day, 0) for day in whole} == whole
    assert abs(days[0][TODAY] - days[1][TODAY]) <= 1


async def test_a_meter_of_many_readings_is_shared_once_a_housemate_sends_it_under_another_name(house: House) -> None:
    ada, ben, alone = [await sign_up(house.client, name) for name in ("Ada", "Ben", "Dan")]
    household = await house.together(ada, ben)
    for person, meter in ((alone, "m"), (ada, "m"), (ben, "other")):
        answer = await house.hours(person, meter)
    assert [item["code"] for item in answer["rejections"]] == ["COUNTED_AT_HOME"]
    assert household["meters"] == []
    whole = (await house.days(alone))[TODAY]
    parts = [(await house.days(person)).get(TODAY, 0) for person in (ada, ben)]
    assert sum(parts) == whole
    assert abs(parts[0] - parts[1]) <= 1


async def test_who_comes_back_with_a_meter_that_a_housemate_sends_too_shares_it_again(house: House) -> None:
    ada, ben, alone = [await sign_up(house.client, name) for name in ("Ada", "Ben", "Dan")]
    household = await house.together(ada, ben)
    for person in (alone, ada, ben):
        await house.hours(person, "m", first=0, last=4)
    assert (await house.ask(ada, LEAVE))["meters"] == []
    back = await house.ask(ada, JOIN, code=household["inviteCode"])
    assert back["meters"] == []
    for person in (alone, ada, ben):
        await house.hours(person, "m", first=4, last=8)
    parts = [(await house.days(person)).get(TODAY, 0) for person in (ada, ben)]
    assert sum(parts) == (await house.days(alone))[TODAY]
    assert abs(parts[0] - parts[1]) <= 1


async def test_whoever_sends_a_shared_meter_s_next_file_it_is_shared(house: House) -> None:
    ada, ben, alone = [await sign_up(house.client, name) for name in ("Ada", "Ben", "Dan")]
    await house.together(ada, ben)
    await house.hours(ada, "m", first=0, last=4)
    await house.ask(ada, ASSIGN, meter="m", **{"from": TODAY.isoformat()})
    await house.hours(alone, "m", first=4, last=8)
    whole = (await house.days(alone))[TODAY]
    before = [(await house.days(person))[TODAY] for person in (ada, ben)]
    await house.hours(ben, "m", first=4, last=8, register="evening")
    after = [(await house.days(person))[TODAY] for person in (ada, ben)]
    assert sum(after) - sum(before) == whole
    assert abs(after[0] - after[1]) <= 2, "a gram for each register"


async def test_another_sum_under_a_housemate_s_meter_is_asked_about(house: House, resources: Resources) -> None:
    ada, ben = [await sign_up(house.client, name) for name in ("Ada", "Ben")]
    await house.together(ada, ben)
    await house.send(ada)
    alone = await house.days(ada)
    await house.send(ben, kwh="2")
    reasons = "SELECT DISTINCT reason FROM activity WHERE status = 'QUARANTINED'"
    assert (await resources.database.pool.fetchval(reasons)).startswith("Somebody of your household sent another sum")
    assert (await house.days(ada), sum((await house.days(ben)).values())) == (alone, 0)


async def test_people_of_two_households_each_count_their_own(house: House) -> None:
    ada, ben = [await sign_up(house.client, name) for name in ("Ada", "Ben")]
    for person in (ada, ben):
        await house.together(person)
        await house.hours(person, "m")
    assert await house.days(ada) == await house.days(ben)
    assert sum((await house.days(ben)).values()) > 0


async def test_each_share_of_a_meter_is_by_the_basis_of_its_own_member(house: House, operator: Caller) -> None:
    create = "mutation ($input: CreateProgrammeInput!) { createProgramme(input: $input) { __typename } }"
    values = {"name": "L", "region": "GB", "currency": "GBP", "weeklyAllowance": 100_000, "pointsPerKg": 1}
    await house.ask(operator, create, input={"code": "LCA", "basis": "LIFECYCLE", **values})
    join = 'mutation { joinProgramme(code: "LCA") { __typename } }'
    ada, ben, alone, other = [await sign_up(house.client, name) for name in ("Ada", "Ben", "Dan", "Eve")]
    for person in (ben, other):
        await house.ask(person, join)
    for person in (alone, other):
        await house.send(person, kwh="10")
    await house.together(ada, ben)
    await house.send(ada, kwh="1")
    await house.ask(ada, ASSIGN, meter="m", **{"from": TODAY.isoformat()})
    await house.send(ada, kwh="10")
    direct, lifecycle = [(await house.days(person))[TODAY] for person in (alone, other)]
    assert direct != lifecycle
    parts = [(await house.days(person))[TODAY] for person in (ada, ben)]
    assert [abs(2 * part - whole) <= 2 for part, whole in zip(parts, (direct, lifecycle), strict=True)] == [True, True]


async def test_parts_are_the_whole_when_all_join_a_programme_of_another_basis(
    house: House, resources: Resources, operator: Caller
) -> None:
    create = "mutation ($input: CreateProgrammeInput!) { createProgramme(input: $input) { __typename } }"
    values = {"name": "L", "region": "GB", "currency": "GBP", "weeklyAllowance": 100_000, "pointsPerKg": 1}
    await house.ask(operator, create, input={"code": "LCA", "basis": "LIFECYCLE", **values})
    people = [await sign_up(house.client, name) for name in ("Ada", "Ben", "Cleo")]
    alone = await sign_up(house.client, "Dan")
    await house.together(*people)
    since = TODAY - timedelta(days=DAYS_BACK)
    await resources.database.pool.execute("UPDATE household_member SET joined_on = $1", since)
    await house.send(people[0], kwh="1.005")
    await house.send(alone, kwh="1.005")
    await house.ask(people[0], ASSIGN, meter="m", **{"from": since.isoformat()})
    before = await house.days(alone)

    for person in (*people, alone):
        await house.ask(person, 'mutation { joinProgramme(code: "LCA") { __typename } }')
    whole = await house.days(alone)
    assert whole == dict.fromkeys(before, 217) != before
    parts = [await house.days(person) for person in people]
    assert all(sorted(part[day] for part in parts) == [72, 72, 73] for day in whole)
