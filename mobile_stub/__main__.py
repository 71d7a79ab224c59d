"""One phone's day against a server: `python -m mobile_stub --url http://127.0.0.1:8000 --email ... --password ...`.

Signs in, or up where the account is new; sends a meter file and a trip; sells or buys; waits for the push; turns grams
into points and, given a partner's API key and an offer, redeems at a till. One JSON object a line says what happened.
Run again, it takes up its events and its unanswered requests where the memory left them.
"""

import argparse
import asyncio
import functools
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from mobile_stub import habits
from mobile_stub.errors import PhoneError
from mobile_stub.phone import Person, Phone, expect
from mobile_stub.storage import Json
from mobile_stub.till import Till

PUSH_SECONDS = 10
PASSWORD_VARIABLE = "PHONE_PASSWORD"


def tell(what: str, **values: Any) -> None:
    sys.stdout.write(json.dumps({"what": what, **values}) + "\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m mobile_stub", description="One phone's day against a server.")
    parser.add_argument("--url", required=True, help="the server, for example http://127.0.0.1:8000")
    parser.add_argument("--email", required=True)
    parser.add_argument("--password", help=f"default: the environment variable {PASSWORD_VARIABLE}")
    parser.add_argument("--name", default="Amara", help="shown name of a new account")
    parser.add_argument("--region", default="GB", help="ISO 3166 region of a new account")
    parser.add_argument("--time-zone", default="Europe/London", help="IANA time zone of a new account")
    parser.add_argument("--memory", type=Path, default=Path("phone.sqlite"), help="the phone's memory")
    parser.add_argument("--programme", help="code of the programme to join")
    parser.add_argument("--file", type=Path, help="a meter file; default: the sample of a Green Button year")
    parser.add_argument("--symbol", help="market to trade in, for example PCA-DEMO-2026")
    parser.add_argument("--side", choices=("BUY", "SELL"), default="BUY")
    parser.add_argument("--price", type=int, default=8_000, help="limit in minor units per tonne")
    parser.add_argument("--grams", type=int, default=1_000, help="quantity of the order")
    parser.add_argument("--guard", type=int, default=0, help="seconds of silence after which its orders are cancelled")
    parser.add_argument("--convert", type=int, default=0, help="grams of the symbol's allowance to turn into points")
    parser.add_argument("--offer", help="node id of the offer to redeem")
    parser.add_argument("--api-key", help="the partner's key, for the till")
    return parser.parse_args()


async def live_a_day(options: argparse.Namespace, phone: Phone, http: httpx.AsyncClient) -> None:
    """Raises PhoneError where the server says no to something that this day needs."""
    await _arrive(options, phone)
    imported = await phone.send_file(options.file or habits.sample("TestGBDataOneYearDailyBinnedMonthly.xml"))
    tell("meter file read", **imported)
    trip = habits.trip(habits.AMARA, datetime.now(UTC) - timedelta(hours=1))
    for activity in await phone.record([trip]) or []:
        tell("trip recorded", **activity)
    if options.symbol:
        await _trade(options, phone)
    if options.offer and options.api_key:
        await _redeem(options, phone, http)


async def _arrive(options: argparse.Namespace, phone: Phone) -> None:
    session = await phone.sign_up()
    tell("signed in", **session["user"])
    await phone.register_device()
    if options.programme:
        tell("joined", **await phone.join(options.programme))
    await phone.go_online()


async def _trade(options: argparse.Namespace, phone: Phone) -> None:
    if options.guard:
        await phone.guard_orders(options.guard)
    order = await phone.place_order(
        symbol=options.symbol, side=options.side, quantity=options.grams, price=options.price
    )
    order = expect("Order", order)
    tell("order placed", **order)
    status = functools.partial(phone.storage.order_status, order["clientOrderId"])
    told = await phone.feed.wait_until(lambda: status() is not None, PUSH_SECONDS)
    tell("push", arrived=told, status=status())
    if options.convert:
        tell("converted", **expect("ConvertPayload", await phone.convert_to_points(options.symbol, options.convert)))


async def _redeem(options: argparse.Namespace, phone: Phone, http: httpx.AsyncClient) -> None:
    redemption: Json = expect("Redemption", await phone.redeem(options.offer))
    tell("code shown", id=redemption["id"], expiresAt=redemption["expiresAt"])
    till = Till(options.url, options.memory.with_suffix(".till"), http, options.api_key)
    try:
        tell("captured", **expect("Redemption", await till.capture(redemption["tillCode"])))
    finally:
        till.close()
    told = await phone.feed.wait_until(
        lambda: phone.storage.redemptions().get(redemption["id"]) == "CAPTURED", PUSH_SECONDS
    )
    tell("push", arrived=told, status=phone.storage.redemptions().get(redemption["id"]))


async def _run(options: argparse.Namespace) -> int:
    password = options.password or os.environ.get(PASSWORD_VARIABLE)
    if not password:
        sys.stderr.write(f"Give the password with --password or in {PASSWORD_VARIABLE}.\n")
        return 1
    person = Person(options.email, password, options.name, options.region, options.time_zone)
    seen: list[Json] = []
    async with httpx.AsyncClient() as http:
        phone = Phone(options.url, options.memory, http, person, seen.append)
        try:
            await live_a_day(options, phone, http)
        except PhoneError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        finally:
            await phone.close()
    tell("day over", events=len(seen))
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_run(_arguments())))
