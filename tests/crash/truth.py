"""What Postgres holds, compared with what was acknowledged: nothing lost, nothing twice, nothing changed."""

import base64
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg

from infra.engine.audit import audit
from infra.engine.replay import first_difference
from tests.crash.exchange import PEOPLE, Exchange
from tests.crash.load import Answer, Load, Saved

NEWEST_REPEATED = 40
ANY_REPEATED = 20
KEYS_REUSED = 5
FINAL = frozenset({"FILLED", "CANCELLED", "EXPIRED", "REJECTED"})
EFFECTS = {
    "Order": "ORDER_PLACED",
    "DepositPayload": "DEPOSIT",
    "ConvertPayload": "CONVERSION",
    "Redemption": "REDEMPTION_HOLD",
}
"""What one keyed request that succeeded leaves behind exactly once, by the type of its answer."""


@dataclass
class Findings:
    """Breaches by name, each with its subject and what was seen: none is right. `figures` says what was compared."""

    breaches: dict[str, dict[str, str]] = field(default_factory=dict)
    figures: Counter[str] = field(default_factory=Counter)

    def breach(self, name: str, subject: str, seen: str) -> None:
        """One subject breaks one rule once, however often it is looked at."""
        self.breaches.setdefault(name, {})[subject] = seen

    def add(self, other: "Findings") -> None:
        for name, subjects in other.breaches.items():
            self.breaches.setdefault(name, {}).update(subjects)
        self.figures += other.figures

    def numbers(self) -> str:
        return ", ".join(f"{len(subjects)} {name}" for name, subjects in self.breaches.items()) or "no breach"

    def summary(self) -> str:
        return f"checked {dict(self.figures)}: {self.numbers()}"

    def examples(self) -> list[str]:
        return [f"{name}: {subject} {seen}" for name, them in self.breaches.items() for subject, seen in them.items()]


def number_of(node_id: str) -> int:
    """The database's number in a Node id such as that of Order:42."""
    text = base64.urlsafe_b64decode(node_id + "=" * (-len(node_id) % 4)).decode()
    return int(text.partition(":")[2])


@dataclass(frozen=True)
class Stored:
    """Every row that a request can have left, by its key."""

    commands: dict[str, list[asyncpg.Record]]
    orders: dict[str, list[asyncpg.Record]]
    redemptions: dict[int, asyncpg.Record]
    effects: Counter[str]

    @staticmethod
    async def read(database_url: str) -> "Stored":
        connection = await asyncpg.connect(database_url)
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                commands = _by_key(await connection.fetch("SELECT key::text, sequence, kind, answer_kind FROM command"))
                orders = _by_key(
                    await connection.fetch("SELECT client_order_id::text AS key, id, status, reason FROM orders")
                )
                redemptions = {row["id"]: row for row in await connection.fetch("SELECT id, status FROM redemption")}
                kinds = await connection.fetch("SELECT kind, count(*) AS number FROM journal GROUP BY kind")
        finally:
            await connection.close()
        effects = Counter({row["kind"]: row["number"] for row in kinds})
        effects["ORDER_PLACED"] = sum(len(rows) for rows in orders.values())
        return Stored(commands, orders, redemptions, effects)


def _by_key(rows: list[asyncpg.Record]) -> dict[str, list[asyncpg.Record]]:
    grouped: dict[str, list[asyncpg.Record]] = {}
    for row in rows:
        if row["key"] is not None:
            grouped.setdefault(row["key"], []).append(row)
    return grouped


def compare(acknowledged: Sequence[tuple[Saved, Answer]], stored: Stored) -> Findings:
    """Everything acknowledged is stored once, under the acknowledged id and in the acknowledged final state.

    Copy the acknowledged ones before reading the database: what is acknowledged later may well be missing in it.
    """
    findings = Findings()
    for request, answer in acknowledged:
        findings.figures["answers against rows"] += 1
        if request.kind == "CANCEL_ORDER":
            _compare_cancel(request, answer, stored, findings)
        elif request.kind == "CAPTURE_REDEMPTION":
            _compare_capture(request, answer, stored, findings)
        else:
            _compare_keyed(request, answer, stored, findings)
    return findings


def _compare_keyed(request: Saved, answer: Answer, stored: Stored, findings: Findings) -> None:
    rows = stored.commands.get(request.key, [])
    told = f"{request.kind} {answer}"
    if len(rows) != 1:
        findings.breach("doubled" if rows else "lost", request.key, told)
    elif rows[0]["kind"] != request.kind or (answer.id and number_of(answer.id) != rows[0]["sequence"]):
        findings.breach("changed", request.key, f"{told} is {dict(rows[0])}")
    elif request.kind == "PLACE_ORDER" and answer.name == "Order":
        _compare_order(request.key, answer, told, stored.orders.get(request.key, []), findings)


def _compare_order(key: str, answer: Answer, told: str, rows: list[asyncpg.Record], findings: Findings) -> None:
    if len(rows) != 1:
        findings.breach("doubled" if rows else "lost", key, told)
    elif number_of(answer.id or "") != rows[0]["id"]:
        findings.breach("changed", key, f"{told} is {dict(rows[0])}")
    elif answer.status in FINAL and answer.status != rows[0]["status"]:
        findings.breach("changed", key, f"{told} is {dict(rows[0])}")


def _compare_cancel(request: Saved, answer: Answer, stored: Stored, findings: Findings) -> None:
    rows = stored.orders.get(request.key, [])
    if answer.name == "Order" and [row["reason"] for row in rows] != ["CANCELLED_BY_OWNER"]:
        findings.breach("cancel lost", request.key, str(answer))


def _compare_capture(request: Saved, answer: Answer, stored: Stored, findings: Findings) -> None:
    if answer.name != "Redemption":
        return
    row = stored.redemptions.get(number_of(answer.id or ""))
    if row is None or row["status"] != "CAPTURED":
        findings.breach("capture lost", request.key, str(answer))


def compare_all(acknowledged: Sequence[tuple[Saved, Answer]], stored: Stored) -> Findings:
    """As `compare`, for when every request has its answer: nothing else may be stored, and no key has two effects."""
    findings = compare(acknowledged, stored)
    asked = {request.key for request, _ in acknowledged}
    for key, rows in stored.orders.items():
        if key not in asked:
            findings.breach("never asked", key, str(dict(rows[0])))
    wanted = Counter(EFFECTS[answer.name] for request, answer in acknowledged if _has_effect(request, answer))
    wanted["DEPOSIT"] += PEOPLE
    for effect, number in wanted.items():
        if stored.effects[effect] != number:
            findings.breach(
                "wrong number of effects", effect, f"{number} acknowledged, {stored.effects[effect]} stored"
            )
    return findings


def _has_effect(request: Saved, answer: Answer) -> bool:
    return request.kind not in ("CANCEL_ORDER", "CAPTURE_REDEMPTION") and answer.name in EFFECTS


async def settled(exchange: Exchange, load: Load, chance: random.Random) -> Findings:
    """For when everybody has an answer: a repeat gets the same one, nothing is lost or twice, every invariant holds."""
    acknowledged = load.acknowledged()
    answered = [request for request, _ in acknowledged]
    repeated = answered[-NEWEST_REPEATED:] + chance.sample(answered, min(len(answered), ANY_REPEATED))
    findings = Findings()
    for request, answer in await load.send_again(repeated):
        findings.breach(
            "answered otherwise when repeated", request.key, f"{request.kind} {request.answer}, then {answer}"
        )
    findings.figures["repeats"] += len(repeated)
    orders = [request for request in answered if request.kind == "PLACE_ORDER" and request.answer is not None]
    reused = chance.sample(orders, min(len(orders), KEYS_REUSED))
    for request, answer in await load.reuse_keys(reused):
        findings.breach("key taken for another order", request.key, str(answer))
    findings.figures["keys reused"] += len(reused)
    findings.add(compare_all(acknowledged, await Stored.read(exchange.database_url)))
    findings.add(await audited(exchange.database_url))
    return findings


async def audited(database_url: str) -> Findings:
    """Every invariant of the ledger."""
    findings = Findings()
    for check in await audit(database_url):
        findings.figures["audit checks"] += 1
        if not check.ok:
            findings.breach("red audit", check.name, check.figure)
    return findings


async def replayed(database_url: str) -> Findings:
    """The log from its first command through the engine of today."""
    findings = Findings()
    count, _, difference = await first_difference(database_url)
    findings.figures["commands replayed"] = count
    if difference is not None:
        findings.breach("other replay", f"command {count}", difference)
    return findings
