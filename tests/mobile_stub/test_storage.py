"""The phone's memory: what is kept together, and what a phone killed at any moment still knows."""

import random
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mobile_stub.storage import Applied, Balance, Fill, Request, Storage

KEY = "01890000-0000-7000-8000-000000000001"


@pytest.fixture
def storage(tmp_path: Path) -> Any:
    opened = Storage(tmp_path / "phone.sqlite")
    yield opened
    opened.close()


def trade_event(sequence: int, price: int = 8_000) -> dict[str, Any]:
    order = {"clientOrderId": f"order-{sequence}", "symbol": "PCA-DEMO-2026", "side": "BUY", "status": "FILLED"}
    fill = {"sequence": sequence, "price": price, "quantity": 1_000, "fee": 0}
    payload = {"__typename": "TradeExecuted", "order": order, "fill": fill}
    return {"cursor": f"cursor-{sequence}", "sequence": sequence, "payload": payload}


def balance_event(sequence: int, available: int, held: int) -> dict[str, Any]:
    balance = {"asset": {"code": "GBP", "kind": "MONEY"}, "available": available, "held": held}
    payload = {"__typename": "BalanceChanged", "reason": "DEPOSIT", "balance": balance}
    return {"cursor": f"cursor-{sequence}", "sequence": sequence, "payload": payload}


def test_only_the_owner_may_read_the_file(tmp_path: Path, storage: Storage) -> None:
    assert stat.S_IMODE((tmp_path / "phone.sqlite").stat().st_mode) == 0o600


def test_requests_come_back_oldest_first_until_answered(storage: Storage) -> None:
    first, second = Request("k1", "PlaceOrder", {"input": {"price": 1}}), Request("k2", "CancelOrder", {})
    storage.save_request(first)
    storage.save_request(second)
    assert storage.next_request() == first
    storage.save_answer("k1", {"value": 1})
    assert storage.next_request() == second
    assert (storage.answer("k1"), storage.answer("k2"), storage.unanswered()) == ({"value": 1}, None, 1)


def test_a_key_belongs_to_one_request(storage: Storage) -> None:
    storage.save_request(Request(KEY, "PlaceOrder", {"quantity": 1}))
    storage.save_request(Request(KEY, "PlaceOrder", {"quantity": 1}))
    with pytest.raises(ValueError, match="another request"):
        storage.save_request(Request(KEY, "PlaceOrder", {"quantity": 2}))
    assert storage.unanswered() == 1


def test_an_event_and_its_cursor_are_one_step(storage: Storage) -> None:
    assert storage.apply(trade_event(1)) is Applied.NEW
    assert storage.apply(balance_event(2, 4_992, 8)) is Applied.NEW
    assert storage.position() == ("cursor-2", 2)
    assert storage.fills() == [Fill("PCA-DEMO-2026", 1, "BUY", 8_000, 1_000, 0)]
    assert storage.balances() == {"GBP": Balance("GBP", "MONEY", 4_992, 8)}


def test_a_repeated_event_changes_nothing(storage: Storage) -> None:
    storage.apply(balance_event(1, 100, 0))
    storage.apply(balance_event(2, 50, 50))
    assert storage.apply(balance_event(1, 100, 0)) is Applied.DUPLICATE
    assert storage.balances()["GBP"].available == 50
    assert storage.position() == ("cursor-2", 2)


def test_an_event_past_a_hole_is_not_applied(storage: Storage) -> None:
    storage.apply(balance_event(1, 100, 0))
    assert storage.apply(balance_event(3, 7, 0)) is Applied.GAP
    assert storage.balances()["GBP"].available == 100
    assert storage.position() == ("cursor-1", 1)


def test_an_event_that_cannot_be_applied_leaves_the_cursor(storage: Storage) -> None:
    broken = trade_event(1)
    del broken["payload"]["fill"]["price"]
    with pytest.raises(KeyError):
        storage.apply(broken)
    assert storage.position() == (None, 0)
    assert storage.order_status("order-1") is None


def test_after_a_new_start_any_number_may_come_first(storage: Storage) -> None:
    storage.apply(balance_event(1, 100, 0))
    storage.restart_events(None)
    assert storage.position() == (None, None)
    assert storage.apply(balance_event(41, 9, 0)) is Applied.NEW
    assert storage.apply(balance_event(43, 8, 0)) is Applied.GAP


PHONE_AT_WORK = """
import sys
import time
from pathlib import Path
from mobile_stub.storage import Request, Storage
from tests.mobile_stub.test_storage import trade_event

storage = Storage(Path(sys.argv[1]))
for number in range(storage.position()[1] + 1, 1_000_000):
    storage.save_request(Request(f"key-{number}", "PlaceOrder", {"number": number}))
    storage.apply(trade_event(number))
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


def test_a_phone_killed_again_and_again_knows_all_that_it_had_saved(tmp_path: Path, seed: int) -> None:
    moments = random.Random(seed)
    for _ in range(12):
        said = _work_until_killed(tmp_path / "phone.sqlite", moments.uniform(0.0, 0.05))
        storage = Storage(tmp_path / "phone.sqlite")
        cursor, sequence = storage.position()
        assert sequence is not None
        assert sequence >= said
        assert cursor == f"cursor-{sequence}"
        assert [fill.sequence for fill in storage.fills()] == list(range(1, sequence + 1))
        assert storage.unanswered() - sequence in (0, 1)
        assert storage.next_request() == Request("key-1", "PlaceOrder", {"number": 1})
        storage.close()


def _work_until_killed(memory: Path, seconds: float) -> int:
    """The last number of which the phone had said that it is saved, when it was killed so long after its first word."""
    phone = subprocess.Popen(
        [sys.executable, "-c", PHONE_AT_WORK, str(memory)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        text=True,
    )
    assert phone.stdout is not None
    with phone.stdout:
        said = [phone.stdout.readline()]
        time.sleep(seconds)
        phone.send_signal(signal.SIGKILL)
        said += phone.stdout.readlines()
    assert phone.wait() == -signal.SIGKILL
    return int([line for line in said if line.endswith("\n")][-1])
