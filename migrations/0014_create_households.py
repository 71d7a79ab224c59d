"""Households that share meters. A day of a shared meter has one activity for each member."""

from tortoise import migrations
from tortoise.migrations import operations as ops

HOUSEHOLDS = [
    """CREATE TABLE household (
        id uuid PRIMARY KEY, name text NOT NULL, invite_code text NOT NULL UNIQUE, created_at timestamptz NOT NULL)""",
    # A member from `joined_on` until the day before `left_on`.
    """CREATE TABLE household_member (
        household_id uuid NOT NULL REFERENCES household, owner bigint NOT NULL, joined_on date NOT NULL, left_on date,
        PRIMARY KEY (household_id, owner, joined_on))""",
    "CREATE UNIQUE INDEX household_member_current ON household_member (owner) WHERE left_on IS NULL",
    # From this day on the meter is of this household; null: of its owner alone. Region and zone are the meter's.
    """CREATE TABLE household_meter (
        owner bigint NOT NULL, meter text NOT NULL, from_date date NOT NULL, household_id uuid REFERENCES household,
        region text NOT NULL, time_zone text NOT NULL, PRIMARY KEY (owner, meter, from_date))""",
    "CREATE INDEX household_meter_of ON household_meter (household_id)",
]

DAYS = [
    "ALTER TABLE meter_day ADD COLUMN member bigint",
    "UPDATE meter_day SET member = owner",
    "ALTER TABLE meter_day ALTER COLUMN member SET NOT NULL, DROP CONSTRAINT meter_day_pkey, "
    "ADD PRIMARY KEY (owner, meter, register, local_date, member)",
    "DROP INDEX meter_day_activity",
    "CREATE INDEX meter_day_activity ON meter_day (member, activity_id)",
]


class Migration(migrations.Migration):
    dependencies = [("gramme", "0013_create_devices")]
    operations = [ops.RunSQL(HOUSEHOLDS + DAYS)]
