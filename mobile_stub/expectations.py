"""What must be true after one whole journey: each check gives a plain sentence for everything that is not."""

from collections import defaultdict

from mobile_stub import habits
from mobile_stub.journey import DEPOSIT_MINOR, Journey, Member
from mobile_stub.stage import OFFER_POINTS
from mobile_stub.storage import Fill, Json
from mobile_stub.trading import GRAMS_PER_TONNE

SETTLE_SECONDS = 10


async def unmet_expectations(journey: Journey) -> list[str]:
    """All that failed, the journey's own complaints first. Nothing of the journey may still be going on."""
    unmet = list(journey.failures)
    unmet += _check_counts(journey)
    unmet += _check_imports(journey)
    for member in journey.members:
        unmet += await _check_events(member)
        unmet += await _check_balances(journey, member)
    unmet += _check_trades(journey)
    unmet += await _check_market(journey)
    return unmet


def _check_counts(journey: Journey) -> list[str]:
    state, people = journey.tally.state(), len(journey.members)
    wanted = (
        ("orders", state.orders, journey.orders_wanted),
        ("trades", state.trades, journey.trades_wanted),
        ("captured redemptions", state.redemptions_captured, max(1, people // 2)),
    )
    return [f"{count} {what}, expected at least {least}" for what, count, least in wanted if count < least]


def _check_imports(journey: Journey) -> list[str]:
    imported = {entry.file_name: entry for entry in journey.tally.imports}
    unmet = []
    for member in journey.members:
        sent = habits.meter_file(member.number)
        if sent is None:
            continue
        found = imported[sent.file_name]
        if found.readings != sent.readings:
            unmet.append(f"{sent.file_name}: {found.readings} readings imported, expected {sent.readings}")
        if found.kilowatt_hours != sent.kilowatt_hours:
            unmet.append(f"{sent.file_name}: {found.kilowatt_hours} kWh of use, expected {sent.kilowatt_hours}")
        if found.emissions <= 0:
            unmet.append(f"{sent.file_name}: no emissions")
    return unmet


# ---------------------------------------------------------------- one person


async def _check_events(member: Member) -> list[str]:
    """The stream brought everything once and in order, and what it told is what the server shows."""
    name, phone, unmet = member.name, member.phone, []
    if not await phone.is_told_all(SETTLE_SECONDS):
        unmet.append(f"{name} was told of the balances {phone.told_wallet()}, the wallet shows {await phone.wallet()}")
    late = await phone.feed.catch_up()
    figures = phone.feed.figures
    if late or figures.missed:
        unmet.append(f"{name}: {len(late) + figures.missed} events never came by push")
    if figures.gaps:
        unmet.append(f"{name}: the event stream jumped {figures.gaps} times")
    if figures.pushed == 0:
        unmet.append(f"{name}: no event came by push")
    if (fault := phone.fault()) is not None:
        unmet.append(f"{name} stopped following its events: {fault!r}")
    if left := phone.storage.unanswered():
        unmet.append(f"{name}: {left} requests without an answer")
    return unmet


async def _check_balances(journey: Journey, member: Member) -> list[str]:
    """For each asset, what came in less what went out is what is there."""
    monday = journey.monday.isoformat()
    statement = next((entry for entry in await member.phone.statements() if entry["from"] == monday), None)
    if statement is None:
        return [f"{member.name} has no statement of the week from {monday}"]
    unmet = await _check_statement(journey, member, statement)
    fills = member.phone.storage.fills()
    captured = sum(status == "CAPTURED" for status in member.phone.storage.redemptions().values())
    expected = {
        journey.asset: statement["leftOver"] - member.converted_grams + sum(_grams(fill) for fill in fills),
        journey.stage.currency: DEPOSIT_MINOR + sum(_money(fill) for fill in fills),
        journey.stage.points_asset: journey.stage.points_for(member.converted_grams) - OFFER_POINTS * captured,
    }
    for asset, amount in expected.items():
        balance = member.phone.balance(asset)
        if balance.available + balance.held != amount:
            found = f"{balance.available} and {balance.held} held"
            unmet.append(f"{member.name} has {found} of {asset}; what came in less what went out is {amount}")
    return unmet


async def _check_statement(journey: Journey, member: Member, statement: Json) -> list[str]:
    """A closed week is the contract's arithmetic on the summary of the same days."""
    sunday = journey.monday.fromordinal(journey.monday.toordinal() + 6)
    footprint = (await member.phone.footprint(journey.monday, sunday))["total"]
    issued = journey.stage.programme["weeklyAllowance"]
    left_over = max(issued - footprint, 0)
    expected = {
        "issued": issued,
        "footprint": footprint,
        "surrendered": issued - left_over,
        "leftOver": left_over,
    }
    shown = {name: statement[name] for name in expected}
    return [] if shown == expected else [f"{member.name}: the week is booked as {shown}, expected {expected}"]


def _grams(fill: Fill) -> int:
    return fill.quantity if fill.side == "BUY" else -fill.quantity


def _money(fill: Fill) -> int:
    value = fill.price * fill.quantity // GRAMS_PER_TONNE
    return -fill.fee - value if fill.side == "BUY" else value - fill.fee


# ---------------------------------------------------------------- all together


def _check_trades(journey: Journey) -> list[str]:
    """A trade between two of these people takes from one what it gives the other: both were told the same."""
    by_trade: defaultdict[int, list[Fill]] = defaultdict(list)
    for member in journey.members:
        for fill in member.phone.storage.fills():
            by_trade[fill.sequence].append(fill)
    unmet = []
    for sequence, fills in by_trade.items():
        public = journey.tally.public_trades.get(sequence)
        terms = {(fill.price, fill.quantity) for fill in fills}
        if len(fills) > 2 or len({fill.side for fill in fills}) != len(fills) or len(terms) != 1:
            unmet.append(f"trade {sequence} was told as {fills}")
        elif public is not None and terms != {(public["price"], public["quantity"])}:
            unmet.append(f"trade {sequence} is {public} in public and was told as {fills}")
    return unmet


async def _check_market(journey: Journey) -> list[str]:
    """The public streams lost nothing, and the replica of the book ends where the server's own ticker is."""
    unmet, seen = [], sorted(journey.tally.public_trades)
    own = {fill.sequence for member in journey.members for fill in member.phone.storage.fills()}
    if missing := own.difference(seen):
        unmet.append(f"the public trades lack {len(missing)} trades of these people")
    if seen and seen != list(range(seen[0], seen[-1] + 1)):
        unmet.append("the public trades have gaps")
    if journey.feeds.out_of_step:
        unmet.append(f"the order book's replica fell out of step {journey.feeds.out_of_step} times")
    instrument = await journey.stage.desk.client.read("Instrument", symbol=journey.asset)
    shown = (instrument["ticker"]["bestBid"], instrument["ticker"]["bestAsk"])
    state = journey.tally.state()
    if (state.best_bid, state.best_ask) != shown:
        unmet.append(f"best prices of the replica {state.best_bid}, {state.best_ask}; of the ticker {shown}")
    return unmet
