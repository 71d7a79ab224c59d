"""The table of changes that save: which factor may take the place of which, and of how much of it.

The pairs and shares are ours; the kilograms come from the factors that they name.
"""

import csv
from decimal import Decimal
from pathlib import Path

from domain.footprint.advising import Change

TABLE = Path(__file__).with_name("changes.csv")


def load_changes(path: Path = TABLE) -> tuple[Change, ...]:
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            Change(
                change=row["change"],
                title=row["title"],
                from_factor=row["from_factor"],
                from_unit=row["from_unit"],
                to_factor=row["to_factor"] or None,
                to_unit=row["to_unit"] or None,
                to_per_from=Decimal(row["to_per_from"]),
                share_percent=int(row["share_percent"]),
                assumption=row["assumption"],
            )
            for row in csv.DictReader(file)
        )
