"""Devices that report by MQTT, where their counters stand, and which days are to be added up."""

from tortoise import migrations
from tortoise.migrations import operations as ops

DEVICES = [
    """CREATE TABLE paired_device (
        id uuid PRIMARY KEY, owner bigint NOT NULL, kind text NOT NULL, name text NOT NULL, key text NOT NULL UNIQUE,
        entity text NOT NULL, is_within_meter boolean NOT NULL, region text NOT NULL, time_zone text NOT NULL,
        paired_at timestamptz NOT NULL, unpaired_at timestamptz)""",
    "CREATE INDEX paired_device_owner ON paired_device (owner, paired_at) WHERE unpaired_at IS NULL",
    """CREATE TABLE device_counter (
        device_id uuid NOT NULL REFERENCES paired_device, meter text NOT NULL, register text NOT NULL,
        at timestamptz NOT NULL, kwh numeric NOT NULL CHECK (kwh >= 0), suspect numeric, suspect_at timestamptz,
        PRIMARY KEY (device_id, meter, register)) WITH (fillfactor = 50)""",
    # A day that got readings since it was last added up; `version` counts them.
    """CREATE TABLE meter_day_due (
        owner bigint NOT NULL, meter text NOT NULL, register text NOT NULL, local_date date NOT NULL,
        region text NOT NULL, version bigint NOT NULL, PRIMARY KEY (owner, meter, register, local_date))
        WITH (fillfactor = 50)""",
]


class Migration(migrations.Migration):
    dependencies = [("gramme", "0012_replace_orders")]
    operations = [ops.RunSQL(DEVICES)]
