"""The statements that spread a claim over endpoints: each gets a share, what is fresh before what is late.

For every endpoint three short walks along the queue's index, past what is out: fresh (never tried, queued
since the endpoint woke), old (never tried, queued before) and late (tried before). One of the last two goes
with every three fresh ones, so that nothing starves. Cost grows with what is taken and what is out, not with
what waits.
"""

from django.db import connection

from delivery.models import Delivery, Endpoint

_WAITS = "q.kept_on IS NULL AND q.due_at IS NOT NULL"
# A value for each row, and no join: the walk keeps its order, and ends as soon as it has enough.
_IS_IN = (
    "COALESCE((SELECT l.ends_at > r.now OR l.is_erased FROM delivery_lease l "
    "WHERE l.delivery_id = q.id), FALSE) = FALSE"
)
_WALKS = {  # rank of the n-th: which of them goes first
    "n * 4 - 3": "NOT q.is_late AND q.due_at >= r.since AND q.due_at <= r.now",
    "n * 12 - 1": "NOT q.is_late AND q.due_at < r.since",
    "n * 12": "q.is_late AND q.due_at <= r.now",
}
PICK_COLUMNS = {"endpoint_id": "bigint", "most": "int", "since": "timestamptz", "now": "timestamptz"}

_ENDPOINT = ", ".join(f'e."{field.column}"' for field in Endpoint._meta.concrete_fields)
# What has come up, the longest waiting first. `{lock}`: who queues or settles for one waits until we have
# looked, and one that is locked is passed by.
READY = (
    f"SELECT {_ENDPOINT} FROM delivery_endpoint e WHERE e.ready_at <= %s {{which}} "  # noqa: S608
    "ORDER BY e.ready_at LIMIT %s {lock}"
)
PROVEN = "AND e.last_success_at IS NOT NULL AND e.failures_in_a_row = 0"
UNPROVEN = "AND (e.last_success_at IS NULL OR e.failures_in_a_row > 0)"
# In one order: none waits in a circle.
LOCKED = f"SELECT {_ENDPOINT} FROM {{rows}} JOIN delivery_endpoint e ON e.id = r.id ORDER BY e.id"  # noqa: S608

# How many are out to each, and when the first of their leases ends.
OUT = (
    "SELECT l.endpoint_id, count(*), min(l.ends_at) "
    "FROM {rows} JOIN delivery_lease l ON l.endpoint_id = r.id WHERE l.ends_at > %s GROUP BY l.endpoint_id"
)

# The deliveries as they are, and of each that was never tried when its event was recorded.
PICKED = (
    "SELECT "  # noqa: S608 (names are our own)
    + ", ".join(f"d.{field.column}" for field in Delivery._meta.concrete_fields)
    + ", v.recorded_at FROM {rows} JOIN delivery_delivery d ON d.id = r.id AND d.kept_on IS NULL "
    "LEFT JOIN delivery_event v ON v.id = d.event_id AND d.attempts_made = 0"
)


def pick(most: int) -> str:
    """Leases for each row `r` up to `r.most` deliveries (none has more than `most`); returns their ids and
    endpoints.

    Parameters after the rows: the token of the leases, and when they end. One that has ended is taken over.
    """
    picked = _picked_on_postgresql() if connection.vendor == "postgresql" else _picked_on_sqlite(most)
    # Materialized: run once. A plan that ran it again for each row would pass the limit.
    return (
        f"WITH picked AS MATERIALIZED ({picked}) "  # noqa: S608 (names are our own)
        "INSERT INTO delivery_lease (delivery_id, endpoint_id, token, ends_at) "
        "SELECT id, endpoint_id, %s, %s FROM picked WHERE TRUE "
        "ON CONFLICT (delivery_id) DO UPDATE SET token = EXCLUDED.token, ends_at = EXCLUDED.ends_at "
        "RETURNING delivery_id, endpoint_id"
    )


def _picked_on_postgresql() -> str:
    walks = " UNION ALL ".join(
        # The limit below the numbering: above it, all that is due would be read to be numbered.
        f"SELECT s.id, row_number() OVER (ORDER BY s.due_at) AS n, {number} AS kind FROM ("  # noqa: S608
        f"SELECT q.id, q.due_at FROM delivery_delivery q "
        f"WHERE q.endpoint_id = r.endpoint_id AND {_WAITS} AND {which} AND {_IS_IN} "
        "ORDER BY q.due_at LIMIT r.most) s"
        for number, which in enumerate(_WALKS.values())
    )
    ranks = " ".join(f"WHEN {number} THEN {rank}" for number, rank in enumerate(_WALKS))
    return (
        f"SELECT p.id, r.endpoint_id FROM {{rows}} CROSS JOIN LATERAL (SELECT w.id FROM ({walks}) w "  # noqa: S608
        f"ORDER BY CASE w.kind {ranks} END LIMIT r.most) p"
    )


def _picked_on_sqlite(most: int) -> str:
    """The same without LATERAL: the walks as correlated lists of keys, which SQLite walks as well."""
    walks = " UNION ALL ".join(
        "SELECT r.endpoint_id, r.most, d.id, "  # noqa: S608
        f"row_number() OVER (PARTITION BY r.endpoint_id ORDER BY d.due_at) AS n, {number} AS kind "
        f"FROM r JOIN delivery_delivery d ON d.id IN (SELECT q.id FROM delivery_delivery q "
        f"WHERE q.endpoint_id = r.endpoint_id AND {_WAITS} AND {which} AND {_IS_IN} "
        f"ORDER BY q.due_at LIMIT {int(most)})"
        for number, which in enumerate(_WALKS.values())
    )
    ranks = " ".join(f"WHEN {number} THEN {rank}" for number, rank in enumerate(_WALKS))
    return (
        "WITH r AS MATERIALIZED (SELECT * FROM {rows}) "  # noqa: S608
        "SELECT id, endpoint_id FROM (SELECT id, endpoint_id, most, row_number() OVER "
        f"(PARTITION BY endpoint_id ORDER BY CASE kind {ranks} END) AS place FROM ({walks})) "
        "WHERE place <= most"
    )


def _first_due(of: str) -> str:
    """The first moments at which something of the endpoint `e` is due, and `of` holds; each kind's."""
    return " UNION ALL ".join(
        "SELECT min(q.due_at) AS due_at FROM delivery_delivery q "  # noqa: S608
        f"WHERE q.endpoint_id = e.id AND {_WAITS} AND {which} AND {of}"
        for which in ("NOT q.is_late", "q.is_late")
    )


# After a claim has looked: not before `look_again_at`. Else all that was due is out: when the next is due,
# or when a lease ends (`lease_end`), should its worker have died.
# `LIMIT 1` keeps the planner from looking twice.
LOOKED_AT = f"""
UPDATE delivery_endpoint AS e SET
  rate_spent_until = r.spent_until,
  ready_at = CASE WHEN r.look_again_at IS NOT NULL THEN r.look_again_at ELSE (
    SELECT min(due_at) FROM ({_first_due("q.due_at > r.now")} UNION ALL SELECT r.lease_end) AS firsts LIMIT 1
  ) END
FROM {{rows}} WHERE e.id = r.id
"""  # noqa: S608
LOOKED_AT_COLUMNS = {
    "id": "bigint",
    "now": "timestamptz",
    "look_again_at": "timestamptz",
    "lease_end": "timestamptz",
    "spent_until": "timestamptz",
}

# Whatever somebody forgot to make ready. `{lock}` passes by what others have locked: they see to it
# themselves, and whoever waited here, in an order of its own, could wait in a circle.
_FIRST = f"(SELECT min(due_at) FROM ({_first_due('TRUE')}) AS firsts)"  # noqa: S608
MEND = f"""
UPDATE delivery_endpoint AS e SET ready_at = {_FIRST}
WHERE e.id IN (
  SELECT e.id FROM delivery_endpoint e
  WHERE (e.is_held OR e.asleep_until IS NULL) AND {_FIRST} < COALESCE(e.ready_at, %s) {{lock}}
)
"""  # noqa: S608

# There is room now, and the next claim looks whether anything is due.
SETTLED = """
UPDATE delivery_endpoint AS e SET
  failures_in_a_row = r.failures_in_a_row, last_success_at = r.last_success_at,
  last_failure_at = r.last_failure_at, last_error = r.last_error,
  asleep_since = r.asleep_since, asleep_until = r.asleep_until, awake_since = r.awake_since,
  naps = r.naps, "window" = r."window",
  ready_at = CASE WHEN r.asleep_until IS NOT NULL AND NOT e.is_held THEN r.asleep_until ELSE r.now END
FROM {rows} WHERE e.id = r.id
"""
SETTLED_COLUMNS = {
    "id": "bigint",
    "now": "timestamptz",
    "last_success_at": "timestamptz",
    "failures_in_a_row": "int",
    "last_failure_at": "timestamptz",
    "last_error": "text",
    "asleep_since": "timestamptz",
    "asleep_until": "timestamptz",
    "awake_since": "timestamptz",
    "naps": "int",
    "window": "int",
}
