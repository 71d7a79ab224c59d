"""The whole journey on the real server: ten phones, twice; one phone on a bad line; one from the command line."""

import asyncio
import json
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from mobile_stub.demo import DemoResult, DemoState, run_demo
from mobile_stub.operator_desk import OperatorDesk
from mobile_stub.phone import Person, Phone, expect
from mobile_stub.stage import PROGRAMME
from tests.conftest import graphql
from tests.mobile_stub.bad_line import bad_line
from tests.mobile_stub.conftest import Server

PASSWORD = "a phone's long password"
AMARA = Person("amara@phones.example", PASSWORD, "Amara", "GB", "Europe/London")


async def play(server: Server, home: Path, report: Callable[[DemoState], None], phones: int = 10) -> DemoResult:
    return await run_demo(
        server.url,
        server.operator_email,
        server.operator_password,
        phones=phones,
        once=True,
        home=home,
        report=report,
    )


async def test_ten_phones_live_the_journey_twice(served: Server, tmp_path: Path) -> None:
    phases: list[str] = []
    first = await play(served, tmp_path, lambda state: phases.append(state.phase))
    assert first.failures == ()
    assert {
        entry.file_name: (entry.readings, entry.rejected, entry.kilowatt_hours) for entry in first.state.imports
    } == {
        "TestGBDataOneYearDailyBinnedMonthly.xml": (444, 0, Decimal("9917.817")),
        "Example_NEM12_month_solar.csv": (17_856, 0, Decimal("270.738")),
    }
    assert first.state.phones == 10
    assert first.state.activities == 108
    assert first.state.orders >= 100
    assert first.state.trades >= 30
    assert first.state.redemptions_captured >= 5
    assert list(dict.fromkeys(phases)) == [
        "opening the programme",
        "signing up",
        "sending meter files",
        "recording a week",
        "week closed",
        "paying money in",
        "trading",
        "spending points",
        "done",
    ]

    second = await play(served, tmp_path, lambda state: None)
    assert second.failures == ()
    assert second.state.week < first.state.week


async def test_a_wrong_operator_is_named_and_nothing_is_raised(served: Server, tmp_path: Path) -> None:
    result = await play(Server(served.url, operator_password="not the password"), tmp_path, lambda state: None)
    assert len(result.failures) == 1
    assert result.failures[0].startswith("opening the programme: INVALID_CREDENTIALS")


# ---------------------------------------------------------------- one phone


async def test_events_arrive_whole_over_a_line_that_is_cut(
    served: Server, desk: OperatorDesk, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    seen: list[int] = []
    async with bad_line(served.url) as line:
        phone = Phone(line.url, tmp_path / "phone.sqlite", http, AMARA, lambda event: seen.append(event["sequence"]))
        await phone.sign_up()
        await phone.go_online()
        for number in range(1, 61):
            await desk.deposit(phone.user_id, "GBP", 100)
            if number % 15 == 0:
                assert await phone.feed.wait_until(lambda: phone.feed.figures.pushed > 0, 10)
                assert line.cut() >= 1
        assert await phone.feed.wait_until(lambda: len(seen) >= 60, 30)
        assert phone.balance("GBP").available == 6_000
        connections, gaps = phone.feed.figures.connections, phone.feed.figures.gaps
        await phone.close()
    assert seen == list(range(1, 61))
    assert connections >= 2
    assert gaps == 0


async def test_a_phone_taken_up_again_continues_at_its_cursor(
    served: Server, desk: OperatorDesk, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    seen: list[int] = []

    def take_up() -> Phone:
        return Phone(served.url, tmp_path / "phone.sqlite", http, AMARA, lambda event: seen.append(event["sequence"]))

    phone = take_up()
    await phone.sign_up()
    await phone.go_online()
    await desk.deposit(phone.user_id, "GBP", 700)
    assert await phone.feed.wait_until(lambda: phone.balance("GBP").available == 700, 10)
    user_id = phone.user_id
    await phone.close()
    for amount in (30, 4):
        await desk.deposit(user_id, "GBP", amount)

    phone = take_up()
    await phone.go_online()
    assert await phone.feed.wait_until(lambda: seen == [1, 2, 3], 10)
    assert phone.balance("GBP").available == 734
    await phone.close()


async def test_a_replaced_order_is_cancelled_when_its_phone_falls_silent(
    served: Server, desk: OperatorDesk, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    wanted = {"code": "TOWN", "name": "Town", "region": "GB", "currency": "GBP", "weeklyAllowance": 1, "pointsPerKg": 1}
    programme = await desk.programme(wanted)
    phone = Phone(served.url, tmp_path / "phone.sqlite", http, AMARA)
    await phone.sign_up()
    await phone.go_online()
    await desk.deposit(phone.user_id, "GBP", 700)
    symbol = programme["allowanceAsset"]["code"]
    order = expect("Order", await phone.place_order(symbol=symbol, side="BUY", quantity=2_000, price=8_000))

    replaced = expect("Order", await phone.replace_order(order["clientOrderId"], 3_000, 8_100))
    await phone.guard_orders(5)
    await asyncio.sleep(6)
    still = phone.storage.order_status(order["clientOrderId"])
    await phone.go_offline()
    await asyncio.sleep(6)
    await phone.go_online()
    cancelled = await phone.feed.wait_until(lambda: phone.storage.open_orders() == [], 10)
    told_all = await phone.feed.wait_until(lambda: phone.balance("GBP").available == 700, 10)
    await phone.guard_orders(0)
    await phone.close()

    assert (replaced["quantity"], replaced["status"], still) == (3_000, "OPEN", "OPEN")
    assert (cancelled, told_all) == (True, True)


async def test_a_new_phone_of_an_old_account_knows_its_wallet(
    served: Server, desk: OperatorDesk, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    old = Phone(served.url, tmp_path / "old.sqlite", http, AMARA)
    await old.sign_up()
    await desk.deposit(old.user_id, "GBP", 700)
    new = Phone(served.url, tmp_path / "new.sqlite", http, AMARA)
    await new.sign_up()
    assert new.balance("GBP").available == 700
    await new.go_online()
    await desk.deposit(new.user_id, "GBP", 1)
    assert await new.feed.wait_until(lambda: new.balance("GBP").available == 701, 10)
    await new.close()
    await old.close()


async def test_one_phones_day_from_the_command_line(
    served: Server, desk: OperatorDesk, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    programme = await desk.programme(PROGRAMME)
    partner = await desk.create_partner("City Buses")
    points = programme["pointsAsset"]["code"]
    pass_of_a_day = {"title": "Bus day pass", "description": "", "pointsAsset": points, "points": 50}
    offer = await desk.create_offer(partnerId=partner["id"], **pass_of_a_day)
    phone = [f"--url={served.url}", f"--email={AMARA.email}", f"--memory={tmp_path / 'phone.sqlite'}"]

    first = await command_line(*phone, "--programme=DEMO")
    assert first["joined"]["code"] == "DEMO"
    assert first["meter file read"]["recordsImported"] == 444
    assert first["trip recorded"]["status"] == "COUNTED"

    await desk.deposit(first["signed in"]["id"], "GBP", 5_000)
    await issue(served, desk, http, first["signed in"]["id"], points, 60)
    symbol = programme["allowanceAsset"]["code"]
    till = [f"--offer={offer['id']}", f"--api-key={partner['apiKey']}"]
    second = await command_line(*phone, f"--symbol={symbol}", *till)
    assert second["signed in"] == first["signed in"]
    assert (second["meter file read"]["recordsImported"], second["meter file read"]["recordsDuplicate"]) == (0, 444)
    assert second["order placed"]["status"] == "OPEN"
    assert second["captured"]["status"] == "CAPTURED"
    assert second["push"] == {"what": "push", "arrived": True, "status": "CAPTURED"}


async def issue(
    served: Server, desk: OperatorDesk, http: httpx.AsyncClient, user_id: str, asset: str, amount: int
) -> None:
    http.base_url = httpx.URL(served.url)
    document = """mutation ($user: ID!, $asset: String!, $amount: Amount!) { issueAllowance(
        userId: $user, asset: $asset, amount: $amount, idempotencyKey: "01890000-0000-7000-8000-000000000001"
    ) { __typename } }"""
    variables = {"user": user_id, "asset": asset, "amount": amount}
    answer = await graphql(http, document, variables, await desk.client.bearer())
    assert answer == {"data": {"issueAllowance": {"__typename": "IssuePayload"}}}


async def command_line(*arguments: str) -> dict[str, dict[str, Any]]:
    """What the phone said, by what it said it of; of things said twice, the last."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mobile_stub",
        f"--password={PASSWORD}",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    output, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()
    lines = [json.loads(line) for line in output.splitlines()]
    return {line["what"]: line for line in lines}
