"""What never came: gaps in the numbers of a mote's records."""

from .database import Database

MOST_LOST = 10_000  # a longer gap in a mote's numbers says nothing about what was lost


def lost(db: Database) -> dict[str, int]:
    """For each mote that was heard, how many of its records have a number but never came. Raises StoreError.

    Also what is missing from the end of a boot, where the mote has said how many there were. Gaps of more than
    MOST_LOST do not count: one record with a wrong number would make millions of them. It reads all of the history.
    """
    query = (
        "SELECT mote, SUM(CASE WHEN gap BETWEEN 0 AND ? THEN gap ELSE 0 END) FROM ("
        "SELECT mote, first - 1 - LAG(last, 1, CAST(0 AS BIGINT))"
        " OVER (PARTITION BY mote, generation, boot ORDER BY first) AS gap FROM ("
        "SELECT mote, generation, boot, number AS first, number AS last FROM records"
        " UNION ALL SELECT mote, generation, boot, first, last FROM pruned) AS had UNION ALL "
        "SELECT mote, last - COALESCE((SELECT MAX(n) FROM (SELECT MAX(number) AS n FROM records AS each"
        " WHERE each.mote = boots.mote AND each.generation = boots.generation AND each.boot = boots.boot UNION ALL"
        " SELECT MAX(each.last) FROM pruned AS each WHERE each.mote = boots.mote"
        " AND each.generation = boots.generation AND each.boot = boots.boot) AS ends), 0) AS gap"
        " FROM boots WHERE last IS NOT NULL) AS gaps GROUP BY mote"
    )
    with db.reading():
        rows = db.execute(query, (MOST_LOST,)).fetchall()
    return {mote: int(missing) for mote, missing in rows}
