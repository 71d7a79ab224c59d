"""When a reading was told, what registers are, and what counters showed."""

from tortoise import migrations
from tortoise.migrations import operations as ops

PARTITIONS = 8

METERS = [
    # Null where it was recorded before this was kept: any other reading is later.
    "ALTER TABLE meter_reading ADD COLUMN told_at timestamptz",
    # A register has one meaning for ever.
    """CREATE TABLE meter_register (
        owner bigint NOT NULL, meter text NOT NULL, register text NOT NULL, commodity text NOT NULL,
        direction text NOT NULL, unit text NOT NULL, PRIMARY KEY (owner, meter, register))""",
    """INSERT INTO meter_register SELECT DISTINCT ON (owner, meter, register)
        owner, meter, register, commodity, direction, unit FROM meter_reading ORDER BY owner, meter, register""",
    # What a register showed at one moment; the intervals between are in meter_reading.
    """CREATE TABLE meter_counter (
        owner bigint NOT NULL, meter text NOT NULL, register text NOT NULL, at timestamptz NOT NULL,
        value numeric NOT NULL CHECK (value >= 0), import_id uuid NOT NULL, PRIMARY KEY (owner, meter, register, at))
        PARTITION BY HASH (owner)""",
    *(
        f"CREATE TABLE meter_counter_{number} PARTITION OF meter_counter "
        f"FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {number})"
        for number in range(PARTITIONS)
    ),
]


class Migration(migrations.Migration):
    dependencies = [("gramme", "0007_create_answers")]
    operations = [ops.RunSQL(METERS)]
