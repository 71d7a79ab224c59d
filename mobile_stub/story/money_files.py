"""What a card and the charging stations wrote down: Chase's CSV, OCPI charge records."""

import csv
import json
from datetime import UTC, date, time, timedelta
from decimal import Decimal
from pathlib import Path

from mobile_stub.storage import Json
from mobile_stub.story.calendar import Year, in_turn, table

HEADER = ("Transaction Date", "Post Date", "Description", "Category", "Type", "Amount", "Memo")


def write_card(path: Path, year: Year, folder: Path) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(HEADER)
        for day, payment, amount in in_turn(year, table(folder / "payments.csv"), "amounts"):
            told = f"{day:%m/%d/%Y}"
            rows.writerow([told, told, payment["description"], payment["category"], payment["type"], amount, ""])
    return path


def write_charges(path: Path, year: Year, folder: Path) -> Path:
    records = [
        _record(year, number, day, charge, Decimal(kwh))
        for number, (day, charge, kwh) in enumerate(in_turn(year, table(folder / "charges.csv"), "kwh"), 1)
    ]
    path.write_text(json.dumps({"data": records, "status_code": 1000}), encoding="utf-8")
    return path


def _record(year: Year, number: int, day: date, charge: dict[str, str], kwh: Decimal) -> Json:
    starts = year.at(day, time.fromisoformat(charge["starts"])).astimezone(UTC)
    ends = starts + timedelta(minutes=int(charge["minutes"]))
    begins, over = (moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in (starts, ends))
    return {
        "country_code": "US",
        "party_id": "STO",
        "id": f"STORY-{number:04}",
        "start_date_time": begins,
        "end_date_time": over,
        "cdr_token": {"uid": "story", "type": "RFID"},
        "cdr_location": {
            "id": charge["evse"],
            "country": "USA",
            "evse_id": charge["evse"],
            "connector_power_type": charge["current"],
        },
        "currency": "USD",
        "charging_periods": [{"start_date_time": begins, "dimensions": [{"type": "ENERGY", "volume": float(kwh)}]}],
        "total_energy": float(kwh),
        "last_updated": over,
        "credit": False,
    }
