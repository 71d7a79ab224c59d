"""The words of a factor, for searching: without accents, as written and by their English stems."""

from tortoise import migrations
from tortoise.migrations import operations as ops

WORDS = [
    # Letters without their marks, everything else that is no letter or digit as a blank.
    r"""CREATE FUNCTION plain_words(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
        AS $$ SELECT regexp_replace(regexp_replace(lower(normalize(value, NFKD)), '[\u0300-\u036f]', '', 'g'),
                                    '[ -/:-@\[-`{-~]+', ' ', 'g') $$""",
    """CREATE FUNCTION factor_words(label text, category text, factor_id text, notes text) RETURNS tsvector
        LANGUAGE sql IMMUTABLE PARALLEL SAFE
        AS $$ SELECT setweight(to_tsvector('pg_catalog.simple', plain_words(label)), 'A')
            || setweight(to_tsvector('pg_catalog.english', plain_words(label)), 'A')
            || setweight(to_tsvector('pg_catalog.simple', plain_words(factor_id || ' ' || category)), 'B')
            || setweight(to_tsvector('pg_catalog.english', plain_words(factor_id || ' ' || category)), 'B')
            || setweight(to_tsvector('pg_catalog.simple', plain_words(notes)), 'D')
            || setweight(to_tsvector('pg_catalog.english', plain_words(notes)), 'D') $$""",
    """ALTER TABLE emission_factor ADD words tsvector
        GENERATED ALWAYS AS (factor_words(label, category, factor_id, notes)) STORED""",
]


class Migration(migrations.Migration):
    dependencies = [("gramme", "0010_add_goals")]
    operations = [ops.RunSQL(WORDS)]
