"""Pages of what one person has: newest first, by id, at the same cost for a hundred rows or ten million."""

_ABOVE_EVERY_ID = 2**63 - 1


def below(position: int | None) -> int:
    """The id below which a page lies; None is the position before the first page."""
    return _ABOVE_EVERY_ID if position is None else position


def newest_of_owner(table: str, condition: str = "") -> str:
    """SQL for at most $3 rows of owner $1 with ids below $2, newest first; `condition` begins with AND.

    The owner stands in a row set, where Postgres cannot look at it while planning. Otherwise, for somebody with a good
    part of the table, it walks everybody's rows backwards by id, however long ago this person's were.
    """
    return f"""
        SELECT page.* FROM unnest(ARRAY[$1::bigint]) AS mine (owner) CROSS JOIN LATERAL (
            SELECT * FROM {table} WHERE owner = mine.owner AND id < $2{condition} ORDER BY id DESC LIMIT $3) AS page
        ORDER BY page.id DESC"""
