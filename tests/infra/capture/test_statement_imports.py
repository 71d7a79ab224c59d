"""Bank and charging files through the whole pipeline: worker process, judge, store."""

from decimal import Decimal

import pytest

from domain.footprint.factor_choice import MAINS
from domain.footprint.model import Activity, ActivityStatus, ImportStatus
from infra.capture.runner import ImportRunner
from tests.infra.capture.desk import OWNER, Desk
from tests.infra.capture.files import DATA

COUNTED, QUARANTINED = ActivityStatus.COUNTED, ActivityStatus.QUARANTINED
GROCERIES = "spend.naics.311999"


async def activities(desk: Desk) -> list[Activity]:
    items = await desk.footprint.activities(OWNER, None, 100, None, None)
    return sorted(items, key=lambda item: (item.started_at, item.quantity))


async def test_monzo(desk: Desk) -> None:
    job = await desk.send(DATA / "bank_csv" / "constructed_monzo.csv", region="GB", time_zone="Europe/London")
    assert (job.format, job.status, job.records_read, job.records_rejected) == ("BANK_CSV", ImportStatus.FINISHED, 6, 0)
    assert [(item.activity, item.status, item.quantity) for item in await activities(desk)] == [
        ("spend.naics.485119", QUARANTINED, Decimal("3.3188")),
        (GROCERIES, COUNTED, Decimal("48.6792")),
        ("spend.naics.482111", QUARANTINED, Decimal("72.5743")),
        (GROCERIES, COUNTED, Decimal("-5.9264")),
    ]
    assert sum(item.emissions for item in await activities(desk) if item.status is COUNTED) == 19_520 - 2_376
    assert (await desk.told(job))["NOT_COUNTED"] == 2
    await desk.check_totals()


async def test_the_same_export_again_changes_nothing(desk: Desk) -> None:
    path = DATA / "bank_csv" / "constructed_chase_card.csv"
    first = await desk.send(path)
    again = await desk.send(path)
    assert (first.records_imported, again.records_imported, again.records_duplicate) == (3, 0, 3)
    assert len(await activities(desk)) == 2


async def test_a_pending_payment_counts_when_it_is_booked(desk: Desk) -> None:
    revolut = (DATA / "bank_csv" / "constructed_revolut.csv").read_text()
    await desk.send(revolut.encode(), region="DE", time_zone="Europe/Berlin")
    assert [item.activity for item in await activities(desk)] == ["energy.petrol_blend.l"]
    booked = revolut.replace("PENDING,", "COMPLETED,825.81")
    await desk.send(booked.encode(), region="DE", time_zone="Europe/Berlin")
    assert [(item.activity, item.status) for item in await activities(desk)] == [
        ("energy.petrol_blend.l", QUARANTINED),
        ("spend.naics.339999", COUNTED),
    ]


async def test_a_payment_that_was_taken_back_is_taken_out(desk: Desk) -> None:
    revolut = (DATA / "bank_csv" / "constructed_revolut.csv").read_text().replace("Shell", "Lidl")
    await desk.send(revolut.encode(), region="DE")
    assert (await desk.counted())[1] == 1
    job = await desk.send(revolut.replace("COMPLETED,845.80", "REVERTED,900.00", 1).encode(), region="DE")
    assert (job.records_imported, await desk.counted()) == (1, (0, 0))
    await desk.check_totals()


async def test_what_cannot_be_told_fails_with_words(desk: Desk) -> None:
    job = await desk.send(DATA / "bank_csv" / "constructed_ambiguous_dates.csv", region="DE")
    assert (job.status, await desk.told(job)) == (ImportStatus.FAILED, {"AMBIGUOUS_DATES": 1})


async def test_a_formula_is_a_name_and_nothing_else(desk: Desk) -> None:
    job = await desk.send(DATA / "bank_csv" / "constructed_injection.csv")
    assert job.status is ImportStatus.FINISHED
    first, *_others = await activities(desk)
    assert first.reason.startswith('What is =HYPERLINK("http://127.0.0.1/","x")?')


async def test_a_statement_that_was_cut_leaves_nothing(desk: Desk) -> None:
    job = await desk.send(DATA / "malformed" / "ofx_truncated.ofx")
    assert (job.status, await desk.told(job)) == (ImportStatus.FAILED, {"TRUNCATED": 1})
    assert await activities(desk) == []


@pytest.mark.parametrize(
    ("name", "read", "rejected", "made"),
    [
        ("bank_medium.ofx", 3, 0, 3), ("checking.ofx", 3, 0, 1), ("suncorp.ofx", 1, 0, 1), ("anzcc.ofx", 1, 0, 1),
        ("ofx-v102-empty-tags.ofx", 1, 0, 0), ("fidelity-savings.ofx", 4, 0, 2), ("amount-comma-decimal.ofx", 1, 0, 1),
        ("header-on-one-line.qfx", 1, 0, 1), ("non-ascii-byte-declared-usascii.qfx", 1, 0, 1),
    ],
)  # fmt: skip
async def test_ofx(desk: Desk, name: str, read: int, rejected: int, made: int) -> None:
    job = await desk.send(DATA / "ofx" / name)
    assert (job.format, job.status) == ("OFX", ImportStatus.FINISHED)
    assert (job.records_read, job.records_rejected, job.records_imported) == (read, rejected, read)
    assert len(await activities(desk)) == made
    await desk.check_totals()


async def test_charge_records_with_a_credit(desk: Desk) -> None:
    job = await desk.send(DATA / "ev" / "constructed_ocpi_2_2_1_cdr_list.json", region="GB")
    waiting = [item for item in await activities(desk) if item.status is QUARANTINED]
    assert (job.records_read, [(item.activity, item.quantity) for item in waiting]) == (3, [(MAINS, Decimal("7.5"))])
    assert waiting[0].explanation.region == "NL"


async def test_a_session_that_ends_in_a_later_log(desk: Desk) -> None:
    lines = (DATA / "ev" / "constructed_ocpp16_session.jsonl").read_bytes().splitlines(keepends=True)
    await desk.send(b"".join(lines[:-1]))
    await desk.send(b"".join(lines))
    waiting = [item for item in await activities(desk) if item.status is QUARANTINED]
    assert [item.quantity for item in waiting] == [Decimal("16.2")]


async def test_the_runner_is_not_stopped_by_any_of_them(desk: Desk) -> None:
    for path in sorted((DATA / "malformed").glob("ofx_*")):
        job = await desk.send(path)
        assert job.status in {ImportStatus.FINISHED, ImportStatus.FAILED}
    assert isinstance(desk.runner, ImportRunner)
    counted, number = await desk.counted()
    assert (counted, number) == (0, 0)
    asked = [item.quantity for item in await activities(desk) if item.status is QUARANTINED]
    assert len(asked) == 2
