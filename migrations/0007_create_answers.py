"""What persons answered about their activities, and what their activities usually are."""

from tortoise import migrations
from tortoise.migrations import operations as ops

ANSWERS = [
    """CREATE TABLE activity_answer (
        owner bigint NOT NULL, activity_id uuid NOT NULL, resolution text NOT NULL, activity text, shared_by int,
        replacement uuid, answered_at timestamptz NOT NULL, PRIMARY KEY (owner, activity_id))""",
    # True where the person said what the record is: only another payload asks again.
    "ALTER TABLE captured_record ADD COLUMN answered boolean NOT NULL DEFAULT false",
    "ALTER TABLE meter_day ADD COLUMN answered boolean NOT NULL DEFAULT false",
    "CREATE INDEX meter_day_activity ON meter_day (owner, activity_id)",
]

HABITS = [
    # The last counted quantities in the unit of the factor, with blanks between, and the largest that was confirmed.
    """CREATE TABLE footprint_habit (
        owner bigint NOT NULL, activity text NOT NULL, sample text NOT NULL, confirmed numeric,
        PRIMARY KEY (owner, activity))""",
]


class Migration(migrations.Migration):
    dependencies = [("gramme", "0006_create_captured")]
    operations = [ops.RunSQL(ANSWERS + HABITS)]
