"""What persons said once about a payee, a socket or a kind of trip, for the records that come after."""

from tortoise import migrations
from tortoise.migrations import operations as ops

TOPICS = [
    # What an answer about the record is about, and whether the record itself asked: see CapturedDraft.
    """ALTER TABLE captured_record
        ADD COLUMN topic text NOT NULL DEFAULT '', ADD COLUMN asked boolean NOT NULL DEFAULT false""",
    """CREATE INDEX captured_record_topic ON captured_record (owner, topic)
        WHERE topic <> '' AND asked AND NOT answered AND NOT superseded""",
]

REMEMBERED = [
    # The answer is a factor id; an empty one means that such records are not counted.
    """CREATE TABLE remembered_answer (
        owner bigint NOT NULL, topic text NOT NULL, answer text NOT NULL, answered_at timestamptz NOT NULL,
        PRIMARY KEY (owner, topic))""",
]


class Migration(migrations.Migration):
    dependencies = [("gramme", "0008_add_counters")]
    operations = [ops.RunSQL(TOPICS + REMEMBERED)]
