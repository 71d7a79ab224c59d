"""Several files of one meter, on the real database: counters that go on, later values, two views of one energy."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from domain.footprint.model import ImportJob, ImportStatus
from tests.infra.capture.desk import OWNER, Desk
from tests.infra.capture.files import DATA
from tests.infra.capture.test_dsmr_p1 import telegram

HEADER = "source,register,start,end,value,unit,direction,commodity,told\n"


async def send(desk: Desk, content: bytes | str) -> ImportJob:
    data = content.encode() if isinstance(content, str) else content
    return await desk.send(data, region="GB", time_zone="Europe/London")


def telegrams(*shown: tuple[int, str]) -> bytes:
    """Telegrams of (hour of 2 January 2017, kWh of tariff 1)."""
    return b"".join(telegram(clock=f"170102{hour:02}0000W", tariff_1=f"{float(kwh):010.3f}*kWh") for hour, kwh in shown)


async def use(desk: Desk) -> Decimal:
    total, _activities = await desk.counted()
    await desk.check_totals()
    return total


async def intervals(desk: Desk) -> Sequence[tuple[int, int]]:
    """Counted intervals of tariff 1: hours by the clock of the meter."""
    rows = await desk.database.pool.fetch(
        "SELECT starts_at, ends_at FROM meter_reading WHERE register = '1.8.1' AND counted ORDER BY starts_at"
    )
    winter = timedelta(hours=1)
    return [((row[0] + winter).hour, (row[1] + winter).hour) for row in rows]


# ---------------------------------------------------------------- counters


async def test_a_single_telegram_counts_nothing_and_the_next_goes_on_from_it(desk: Desk) -> None:
    job = await send(desk, telegrams((1, "10")))
    assert (job.status, await desk.told(job)) == (ImportStatus.FINISHED, {"NO_INTERVAL": 1, "NOT_COUNTED": 1})
    assert await use(desk) == 0
    job = await send(desk, telegrams((3, "10.5")))
    assert (job.records_read, job.records_imported, job.records_duplicate) == (5, 4, 1)
    assert await use(desk) == Decimal("0.5")
    assert await intervals(desk) == [(1, 3)]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 2, 1)])
async def test_files_of_a_counter_add_up_in_every_order(desk: Desk, order: tuple[int, ...]) -> None:
    files = [
        telegrams((0, "1"), (1, "2"), (2, "4")),
        telegrams((3, "7"), (4, "11")),
        telegrams((6, "20"), (7, "22")),
    ]
    for number in order:
        await send(desk, files[number])
    assert await use(desk) == 21
    assert await intervals(desk) == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 6), (6, 7)]


async def test_files_whose_telegrams_alternate_count_once(desk: Desk) -> None:
    await send(desk, telegrams((0, "1"), (4, "5"), (8, "9")))
    await send(desk, telegrams((2, "3"), (6, "6"), (10, "12")))
    assert await use(desk) == 11
    assert await intervals(desk) == [(0, 2), (2, 4), (4, 6), (6, 8), (8, 10)]


async def test_the_same_telegrams_again_change_nothing(desk: Desk) -> None:
    await send(desk, telegrams((0, "1"), (1, "2"), (2, "4")))
    before = await desk.database.pool.fetch("SELECT * FROM activity ORDER BY id")
    job = await send(desk, telegrams((1, "2"), (2, "4")))
    assert (job.records_imported, job.emissions) == (0, 0)
    assert await desk.database.pool.fetch("SELECT * FROM activity ORDER BY id") == before


UNTIMED = (DATA / "dsmr_p1" / "dsmr_v2_2.p1.txt").read_bytes()


async def send_untimed(desk: Desk, hour: int, kwh: str) -> ImportJob:
    """A telegram without a time, which comes on this hour of 2 January 2017."""
    content = UNTIMED.replace(b"1.8.1(00001.001", f"1.8.1({float(kwh):09.3f}".encode())
    path = desk.runner.upload_path(datetime.now(UTC))
    path.write_bytes(content)
    now = datetime(2017, 1, 2, hour - 1, tzinfo=UTC)
    return await desk.done(
        await desk.runner.accept(path, owner=OWNER, filename="p1", region="GB", time_zone="Europe/London", now=now)
    )


async def test_telegrams_without_a_time_that_are_sent_again_count_once(desk: Desk) -> None:
    for hour, kwh in ((1, "10"), (3, "14"), (5, "10"), (7, "14"), (9, "12"), (11, "15")):
        job = await send_untimed(desk, hour, kwh)
        assert ("OUTDATED" in await desk.told(job)) == (hour in (5, 9))
    assert await use(desk) == 5
    assert [item for item in await intervals(desk) if item != (0, 0)] == [(1, 3), (3, 7), (7, 11)]


async def test_a_telegram_without_a_time_below_all_others_is_of_another_meter(desk: Desk) -> None:
    for hour, kwh in ((1, "500"), (2, "510"), (3, "2"), (5, "4"), (7, "510"), (8, "5")):
        await send_untimed(desk, hour, kwh)
    assert await use(desk) == 13
    values = await desk.database.pool.fetch("SELECT value FROM meter_counter WHERE register = '1.8.1' ORDER BY at")
    assert [int(row["value"]) for row in values] == [500, 510, 2, 4, 5]


async def test_a_corrected_register_moves_both_sides(desk: Desk) -> None:
    await send(desk, telegrams((0, "1"), (1, "9"), (2, "10")))
    await send(desk, telegrams((1, "2")))
    assert await use(desk) == 9
    values = await desk.database.pool.fetch(
        "SELECT value FROM meter_reading WHERE register = '1.8.1' ORDER BY starts_at"
    )
    assert [row[0] for row in values] == [1, 8]


async def test_gas_without_a_factor_is_kept_and_told(desk: Desk) -> None:
    later = telegram(clock="170102202002W", tariff_1="000005.426*kWh", gas="170102171005W)(00001.107*m3")
    job = await desk.send(telegram() + later, region="NL", time_zone="Europe/Amsterdam")
    assert job.status is ImportStatus.FINISHED
    assert (await desk.told(job))["NO_FACTOR"] == 1
    assert await use(desk) == 1
    [gas] = await desk.database.pool.fetch("SELECT value, unit FROM meter_reading WHERE commodity = 'GAS'")
    assert tuple(gas) == (1, "m3")


async def test_a_day_of_25_hours_is_one_day(desk: Desk) -> None:
    file = DATA / "dsmr_p1" / "constructed_dst_day_25h.p1.txt"
    await desk.send(file, region="NL", time_zone="Europe/Amsterdam")
    rows = await desk.database.pool.fetch("SELECT local_date, sum(quantity) FROM activity GROUP BY 1")
    assert [tuple(row) for row in rows] == [(date(2020, 10, 25), Decimal("3.190"))]


# ---------------------------------------------------------------- water


WATER = "w,1,2026-01-01T00:00:00Z,2026-01-02T00:00:00Z,400,L,import,water,\n"


async def test_water_is_counted_where_it_has_a_factor(desk: Desk) -> None:
    job = await send(desk, HEADER + WATER)
    assert job.emissions == round(Decimal("0.4") * Decimal("191.3"))
    [row] = await desk.database.pool.fetch("SELECT activity, quantity, unit FROM activity")
    assert tuple(row) == ("water.supply", Decimal("0.4"), "m3")


async def test_water_is_kept_where_it_has_none(desk: Desk) -> None:
    job = await desk.send((HEADER + WATER).encode(), region="US", time_zone="America/New_York")
    assert (job.status, job.records_imported, job.emissions) == (ImportStatus.FINISHED, 1, 0)
    assert await desk.told(job) == {"NO_FACTOR": 1}
    assert await desk.counted() == (0, 0)


# ---------------------------------------------------------------- later values


def told(value: str, when: str) -> str:
    return f"{HEADER}m,E1,2026-01-01T00:00:00Z,2026-01-01T01:00:00Z,{value},kWh,import,,{when}\n"


async def test_an_older_file_does_not_bring_old_values_back(desk: Desk) -> None:
    old, new = told("5", "2026-02-01T00:00:00Z"), told("7", "2026-03-01T00:00:00Z")
    await send(desk, old)
    await send(desk, new)
    assert await use(desk) == 7
    job = await send(desk, old)
    assert (job.records_imported, await desk.told(job)) == (0, {"OUTDATED": 1})
    assert await use(desk) == 7
    aside = await desk.database.pool.fetch("SELECT value, import_id = $1 AS own FROM replaced_reading", job.id)
    assert [tuple(row) for row in aside] == [(5, False), (5, True)]


async def test_without_times_of_their_own_the_file_that_came_later_holds(desk: Desk) -> None:
    await send(desk, told("7", ""))
    await send(desk, told("5", ""))
    assert await use(desk) == 5


async def test_nem12_says_itself_when_it_was_told(desk: Desk) -> None:
    def day(value: str, when: str) -> str:
        values = ",".join([value] * 48)
        return f"100,NEM12,202604010000,A,B\n200,N1,E1,1,E1,N1,M,kWh,30,\n300,20260101,{values},A,,,{when},\n900\n"

    newer, older = day("2", "20260301120000"), day("1", "20260201120000")
    await desk.send(newer.encode(), region="AU", time_zone="Australia/Brisbane")
    job = await desk.send(older.encode(), region="AU", time_zone="Australia/Brisbane")
    assert await desk.told(job) == {"OUTDATED": 1}
    assert await use(desk) == 96


async def test_what_is_told_of_the_future_cannot_hold_for_ever(desk: Desk) -> None:
    await send(desk, told("7", "2199-01-01T00:00:00Z"))
    await send(desk, told("5", ""))
    assert await use(desk) == 5


# ---------------------------------------------------------------- registers


def row(register: str, hour: int, value: str, direction: str, hours: int = 1) -> str:
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
    end = start + timedelta(hours=hours)
    return f"m,{register},{start.isoformat()},{end.isoformat()},{value},kWh,{direction},,\n"


@pytest.mark.parametrize("net_first", [True, False])
async def test_net_and_use_in_two_files_are_one_energy(desk: Desk, net_first: bool) -> None:
    net = HEADER + "".join(row("net", hour, "3", "net") for hour in range(4))
    used = HEADER + row("use", 0, "4", "import") + row("use", 1, "4", "import")
    for file in (net, used) if net_first else (used, net):
        await send(desk, file)
    assert await use(desk) == 14


async def test_a_bill_of_use_stands_against_the_net_hours_of_its_month(desk: Desk) -> None:
    await send(desk, HEADER + "".join(row("net", hour, "1", "net") for hour in range(96)))
    await send(desk, HEADER + row("use", 0, "50", "import", hours=72))
    assert await use(desk) == 74


async def test_a_register_stays_what_it_is(desk: Desk) -> None:
    await send(desk, HEADER + row("E1", 0, "1", "import"))
    job = await send(desk, HEADER + row("E1", 1, "1", "export"))
    assert (job.status, await desk.told(job)) == (ImportStatus.FAILED, {"REGISTER_CHANGED": 1})
    assert await desk.counted(OWNER) == (1, 1)
