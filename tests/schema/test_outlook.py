"""Goals, pace, advice, words and bases as a phone asks for them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.resources import Resources
from infra.factors.adjusting import GRACE, FactorAdjuster
from infra.forecasting import forecaster
from tests.conftest import Caller, graphql, sign_up

RECORD = """mutation ($activities: [ActivityInput!]!) { recordActivities(activities: $activities) {
    ... on RecordActivitiesPayload { results { ... on Activity { id emissions explanation { caveats } }
        ... on UserError { code message } } } } }"""
PACE = "goal isOwnGoal left daysLeft text week { from to soFar forecast { expected low high coveragePercent } }"
ADVICE = """{ viewer { advice { change title assumption weeks quantity unit kgPerUnitNow kgPerUnitThen saved savedWeekly
    arithmetic now { factorId edition scope } then { factorId region } } } }"""
SEARCH = """query ($search: String, $after: String, $first: Int) {
    emissionFactors(search: $search, after: $after, first: $first) {
        edges { node { factorId notes uncertaintyLow } } pageInfo { hasNextPage endCursor } } }"""
CREATE = """mutation ($input: CreateProgrammeInput!) { createProgramme(input: $input) {
    ... on Programme { code basis } ... on UserError { code message } } }"""


async def asked(client: httpx.AsyncClient, document: str, caller: Caller | None = None, **variables: Any) -> Any:
    answer = await graphql(client, document, variables, caller.token if caller else None)
    assert "errors" not in answer, answer
    return answer["data"]


async def record(client: httpx.AsyncClient, caller: Caller, *items: tuple[str, str, str, int]) -> list[Any]:
    """Activity, quantity, unit and days ago."""
    now = datetime.now(UTC) - timedelta(minutes=5)
    activities = [
        {
            "clientId": str(uuid4()),
            "activity": activity,
            "quantity": quantity,
            "unit": unit,
            "startedAt": (now - timedelta(days=days_ago)).isoformat(),
        }
        for activity, quantity, unit, days_ago in items
    ]
    data = await asked(client, RECORD, caller, activities=activities)
    results: list[Any] = data["recordActivities"]["results"]
    return results


async def test_a_goal_and_the_pace_against_it(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecaster, "ANSWER_SECONDS", 120)
    ada = await sign_up(client)
    await record(client, ada, *(("food.peas", "1", "kg", days_ago) for days_ago in range(30)))
    document = (
        f"mutation ($weekly: Grams) {{ setGoal(weekly: $weekly) {{ ... on Pace {{ {PACE} }} "
        "... on UserError { code } } }"
    )

    pace = (await asked(client, document, ada, weekly=50_000))["setGoal"]

    assert (pace["goal"], pace["isOwnGoal"], pace["left"]) == (50_000, True, 50_000 - pace["week"]["soFar"])
    assert pace["week"]["soFar"] in [980 * days for days in range(1, 8)]
    assert pace["week"]["forecast"] == {"expected": 6_860, "low": 6_860, "high": 6_860, "coveragePercent": 80}
    assert pace["text"].endswith(" kg left until Sunday")
    assert (await asked(client, f"{{ viewer {{ pace {{ {PACE} }} }} }}", ada))["viewer"]["pace"] == pace
    assert (await asked(client, document, ada, weekly=0))["setGoal"] == {"code": "INVALID_INPUT"}
    assert (await asked(client, document, ada, weekly=None))["setGoal"]["goal"] is None


async def test_advice_with_its_arithmetic(client: httpx.AsyncClient) -> None:
    ada = await sign_up(client)
    await record(client, ada, ("food.beef_beef_herd", "2", "kg", 3))
    [advice] = (await asked(client, ADVICE, ada))["viewer"]["advice"]
    assert advice == {
        "change": "beef_to_tofu",
        "title": "Eat tofu instead of half of your beef",
        "assumption": "The same weight of the other.",
        "weeks": 8,
        "quantity": "1",
        "unit": "kg",
        "kgPerUnitNow": "99.48",
        "kgPerUnitThen": "3.16",
        "saved": 96_320,
        "savedWeekly": 12_040,
        "arithmetic": "50 % of 8 weeks, 1 kg x (99.48 - 1 x 3.16) kg CO2e/kg x 1000 = 96320 g; 12040 g a week",
        "now": {"factorId": "food.beef_beef_herd", "edition": "2018", "scope": "lifecycle"},
        "then": {"factorId": "food.tofu_soybeans", "region": "GLOBAL"},
    }


async def test_words_find_factors_page_by_page(client: httpx.AsyncClient) -> None:
    first = (await asked(client, SEARCH, search="beef herd", first=1))["emissionFactors"]
    assert [edge["node"]["factorId"] for edge in first["edges"]] == ["food.beef_beef_herd"]
    assert (
        first["edges"][0]["node"]["notes"]
        == "retail weight; mean of global studies; farm to retail, with land-use change"
    )
    assert first["pageInfo"]["hasNextPage"] is True
    after = first["pageInfo"]["endCursor"]
    second = (await asked(client, SEARCH, search="beef herd", first=1, after=after))["emissionFactors"]
    assert [edge["node"]["factorId"] for edge in second["edges"]] == ["food.beef_dairy_herd"]
    listed = await graphql(client, SEARCH, {"after": after})
    assert listed["errors"][0]["extensions"]["code"] == "INVALID_CURSOR"


async def test_a_programme_over_the_life_cycle(client: httpx.AsyncClient, operator: Caller) -> None:
    values = {
        "name": "A city",
        "region": "GB",
        "currency": "GBP",
        "weeklyAllowance": 70_000,
        "pointsPerKg": 10,
    }
    direct = await asked(client, CREATE, operator, input={"code": "DIR", **values})
    lifecycle = await asked(client, CREATE, operator, input={"code": "LCA", "basis": "LIFECYCLE", **values})
    assert [made["createProgramme"] for made in (direct, lifecycle)] == [
        {"code": "DIR", "basis": "DIRECT"},
        {"code": "LCA", "basis": "LIFECYCLE"},
    ]
    emissions = []
    for code in ("DIR", "LCA"):
        member = await sign_up(client)
        document = "mutation ($code: String!) { joinProgramme(code: $code) { ... on Programme { basis } } }"
        await asked(client, document, member, code=code)
        [trip] = await record(client, member, ("transport.car.petrol.medium", "10", "km", 1))
        emissions.append(trip["emissions"])
    assert 1.15 < emissions[1] / emissions[0] < 1.4


async def test_a_correction_is_seen_from_both_sides(client: httpx.AsyncClient, resources: Resources) -> None:
    ada = await sign_up(client)
    [old] = await record(client, ada, ("food.peas", "1", "kg", 1))
    pool = resources.database.pool
    await pool.execute(
        "UPDATE emission_factor SET withdrawn_at = now() WHERE factor_id = 'food.peas';"
        "INSERT INTO emission_factor (factor_id, label, category, unit, kg_per_unit, region, valid_from, valid_to, "
        "source, edition, reference, scope, notes, version, loaded_at) SELECT factor_id, label, category, unit, 2, "
        "region, valid_from, valid_to, source, edition, reference, scope, notes, 2, now() FROM emission_factor "
        "WHERE factor_id = 'food.peas'; INSERT INTO factor_change (loaded_at) VALUES (now())"
    )
    adjuster = FactorAdjuster(resources.database)
    while await adjuster.step(datetime.now(UTC) + GRACE):
        pass

    document = "{ viewer { activities { edges { node { id status emissions adjusts { id } adjustedBy { id } } } } } }"
    edges = (await asked(client, document, ada))["viewer"]["activities"]["edges"]
    by_status = {edge["node"]["status"]: edge["node"] for edge in edges}
    assert len(edges) == 2
    assert by_status["REVERSED"]["id"] == old["id"]
    assert by_status["REVERSED"]["adjustedBy"] == {"id": by_status["COUNTED"]["id"]}
    assert by_status["COUNTED"]["adjusts"] == {"id": old["id"]}
    assert by_status["COUNTED"]["emissions"] == 2_000
