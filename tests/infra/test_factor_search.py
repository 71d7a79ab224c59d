"""Factors by words: the beginning of a word, an accent, an everyday word; page after page without a gap."""

from datetime import date

import pytest

from domain.footprint.model import EmissionFactor
from infra.postgres.factor_words import WORDS_MAX, words_of
from infra.postgres.factors import PostgresFactors
from tests.infra.test_factors import factors, opened

__all__ = ["factors", "opened"]


async def ids(factors: PostgresFactors, text: str, limit: int = 10, **filters: object) -> list[str]:
    return [factor.factor_id for factor in await search(factors, text, limit, **filters)]


async def search(factors: PostgresFactors, text: str, limit: int = 10, **filters: object) -> list[EmissionFactor]:
    values: dict[str, object] = {"factor_id": None, "category": None, "region": None, "on": None, "after": None}
    found = await factors.find(text, limit=limit, **(values | filters))  # type: ignore[arg-type]
    assert [item.rank for item in found] == sorted((item.rank for item in found), reverse=True)
    return [item.factor for item in found]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("beef herd", "food.beef_beef_herd"),
        ("BEEF hErD", "food.beef_beef_herd"),
        ("bee her", "food.beef_beef_herd"),
        ("tomatoes per product", "food.tomatoes"),
        ("tomato product", "food.tomatoes"),
        ("tofu soy", "food.tofu_soybeans"),
        ("végan main méal", "food.ngc.meal.vegan"),
        ("food.peas", "food.peas"),
        ("mean of global studies shrimp", "food.prawns_farmed"),
        ("national train", "transport.rail.national"),
        ("medium gasoline car", "transport.car.petrol.medium"),
        ("apple orchard spend", "spend.naics.111331"),
    ],
)
async def test_the_best_comes_first(factors: PostgresFactors, text: str, first: str) -> None:
    assert (await ids(factors, text))[:1] == [first]


async def test_all_words_must_be_there(factors: PostgresFactors) -> None:
    assert await ids(factors, "beef submarine") == []
    assert await ids(factors, "") == []
    assert await ids(factors, " .,;'\\ () & | ! :* <-> ") == []
    assert await ids(factors, "(beef) & herd:* | !") == await ids(factors, "beef herd")


@pytest.mark.parametrize(
    "text", ["'", "a'b\\'; DROP TABLE x", "\u0e33\ufdfa", "a" * 200, "the of and", "!!! (((", "%_%"]
)
async def test_no_text_is_an_error(factors: PostgresFactors, text: str) -> None:
    await ids(factors, text)


async def test_with_the_other_filters(factors: PostgresFactors) -> None:
    on = date(2025, 6, 1)
    [grid] = await search(factors, "electricity grid", 50, factor_id="energy.electricity.grid", region="GB", on=on)
    assert grid.edition == "2025"
    assert {row.category for row in await search(factors, "electricity", 50, category="transport")} <= {"transport"}


async def test_page_after_page_is_the_whole(factors: PostgresFactors) -> None:
    whole = await factors.find("electricity", None, None, None, None, None, 10_000)
    paged, after = [], None
    while page := await factors.find("electricity", None, None, None, None, after, 37):
        paged += page
        after = (page[-1].rank, page[-1].factor.id)
    assert len(whole) > 500
    assert paged == whole


@pytest.mark.parametrize("after", [(2**62, 2**62), (0, 0), (2**62, 0)])
async def test_a_position_that_nobody_gave_out(factors: PostgresFactors, after: tuple[int, int]) -> None:
    await factors.find("electricity", None, None, None, None, after, 5)
    assert await factors.search(None, None, None, None, 2**62, 5) == []


def test_words() -> None:
    assert words_of("Crème brûlée, per-kg; CRÈME 13.5") == ["creme", "brulee", "per", "kg", "13", "5"]
    assert len(words_of(" ".join(map(str, range(100))))) == WORDS_MAX
