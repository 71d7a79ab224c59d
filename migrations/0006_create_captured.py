"""Records that are no meter readings, and what an activity's owner is asked."""

from tortoise import migrations
from tortoise.migrations import operations as ops

PARTITIONS = 8

ACTIVITIES = [
    # `choices` are factor ids with blanks between; `region` is the one asked for, null where it was the person's own.
    """ALTER TABLE activity
        ADD COLUMN reason text NOT NULL DEFAULT '', ADD COLUMN choices text NOT NULL DEFAULT '',
        ADD COLUMN region text""",
]

CAPTURED = [
    # One row counts for each source and record; those that a later file replaced stay, superseded.
    """CREATE TABLE captured_record (
        owner bigint NOT NULL, source text NOT NULL, record text NOT NULL, kind text NOT NULL,
        payload_hash bytea NOT NULL, payload text NOT NULL, cancels text, activity_id uuid,
        import_id uuid NOT NULL, superseded boolean NOT NULL DEFAULT false)
        PARTITION BY HASH (owner)""",
    *(
        f"CREATE TABLE captured_record_{number} PARTITION OF captured_record "
        f"FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {number})"
        for number in range(PARTITIONS)
    ),
    """CREATE UNIQUE INDEX captured_record_current ON captured_record (owner, source, record)
        WHERE NOT superseded""",
    """CREATE INDEX captured_record_cancelled ON captured_record (owner, source, cancels)
        WHERE cancels IS NOT NULL""",
    "CREATE INDEX captured_record_activity ON captured_record (owner, activity_id)",
]


class Migration(migrations.Migration):
    dependencies = [("gramme", "0005_adjust_activities")]
    operations = [ops.RunSQL(ACTIVITIES + CAPTURED)]
