"""What is asked of a connection to PostgreSQL: to give up on who has gone silent, and not to compile."""

from typing import Any


def enduring(seconds: int) -> dict[str, Any]:
    """Options of libpq: either side gives up after about so long.

    Without them the server would keep the locks of a worker that was cut off in the middle of a transaction,
    and others would wait for these, until TCP gives up: two hours. A connection through a pooler that does
    not know `options` takes others: `DATABASE_URL=postgres://…?options=`.
    """
    milliseconds, idle, interval = seconds * 1000, max(seconds // 2, 1), max(seconds // 6, 1)
    server = {
        "idle_in_transaction_session_timeout": milliseconds,
        "tcp_user_timeout": milliseconds,
        "tcp_keepalives_idle": idle,
        "tcp_keepalives_interval": interval,
        "tcp_keepalives_count": 3,
        # With a million waiting a claim would be compiled first, which takes longer than the claim.
        "jit": "off",
    }
    return {
        "connect_timeout": min(seconds, 10),
        "tcp_user_timeout": milliseconds,
        "keepalives_idle": idle,
        "keepalives_interval": interval,
        "keepalives_count": 3,
        "options": " ".join(f"-c {name}={value}" for name, value in server.items()),
    }
