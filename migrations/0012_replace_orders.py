"""Orders that were replaced, how they meet their owner's own, and dead-man timers."""

from tortoise import migrations
from tortoise.migrations import operations as ops

ORDERS = [
    # Null: the place in the book, the quantity, the price are those that it was placed with.
    """ALTER TABLE orders
        ADD self_trade text NOT NULL DEFAULT 'CANCEL_NEWEST', ADD moved_by bigint, ADD placed_quantity bigint,
        ADD placed_price bigint, ADD CHECK ((placed_quantity IS NULL) = (placed_price IS NULL)),
        ADD CHECK (moved_by IS NULL OR (moved_by > id AND placed_price IS NOT NULL))""",
    # Null: switched off, or it ran out.
    "CREATE TABLE dead_man_timer (owner bigint PRIMARY KEY, runs_out timestamptz)",
]


class Migration(migrations.Migration):
    dependencies = [("gramme", "0011_index_factor_words")]
    operations = [ops.RunSQL(ORDERS)]
