"""Emission factors by words: each word may be the beginning of one, and all of them must be there.

A word counts as written and by its English stem, without accents; a few everyday words find the published ones too.
"""

import re
import unicodedata

WORDS_MAX = 8
LETTERS_MAX = 40
SYNONYMS = (
    ("petrol", "gasoline"),
    ("flight", "plane", "airplane", "aeroplane", "flying"),
    ("rail", "train", "railway"),
    ("underground", "subway", "metro", "tube"),
    ("bev", "electric", "ev"),
    ("bicycle", "bike", "cycling"),
    ("motorbike", "motorcycle"),
    ("electricity", "power"),
    ("car", "automobile"),
    ("pig", "pork"),
    ("poultry", "chicken"),
    ("prawns", "shrimp", "shrimps"),
    ("soymilk", "soya"),
)
_NOT_A_WORD = re.compile(r"[\W_]+")
BEFORE_ALL = (2**31 - 1, 0)
"""The position before the first page: rank and id."""
_SEARCH = """
    SELECT * FROM (
        SELECT {columns}, (1e6 * ts_rank('{{0.05, 0.2, 0.6, 1.0}}', words, query, 1))::int AS rank
        FROM emission_factor, (SELECT {query} AS query) AS asked
        WHERE withdrawn_at IS NULL AND words @@ query AND ($1::text IS NULL OR factor_id = $1)
            AND ($2::text IS NULL OR category = $2) AND ($3::text IS NULL OR region = $3)
            AND ($4::date IS NULL OR (valid_from <= $4 AND (valid_to IS NULL OR valid_to >= $4)))) AS found
    WHERE rank < $5::bigint OR (rank = $5 AND id > $6::bigint) ORDER BY rank DESC, id LIMIT $7"""


def words_of(text: str) -> list[str]:
    """Lower case, without accents; the first WORDS_MAX, each cut to LETTERS_MAX letters."""
    letters = unicodedata.normalize("NFKD", text.lower())
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    words = (word[:LETTERS_MAX] for word in _NOT_A_WORD.split(plain) if word)
    return list(dict.fromkeys(words))[:WORDS_MAX]


def prefixes_of(word: str) -> str:
    """A word of `words_of` as the text of a query: what begins with it, or a word that means the same."""
    alike = next((group for group in SYNONYMS if word in group), ())
    return " | ".join([f"'{word}':*", *(f"'{other}'" for other in alike if other != word)])


def search_sql(columns: str, words: int) -> str:
    """SQL for so many words, which are the parameters from $8 on; no caller's text is in it."""
    each = (
        f"(to_tsquery('pg_catalog.simple', ${number}) || to_tsquery('pg_catalog.english', ${number}))"
        for number in range(8, 8 + words)
    )
    return _SEARCH.format(columns=columns, query=" && ".join(each))
