"""Where django-q2 keeps its tasks: in our own database, or in Redis."""

from urllib.parse import parse_qsl, urlencode

# A Redis that hangs keeps nobody for long: who records something goes on without it. The workers ask it to
# wait for a second at a time.
_PATIENCE = {"socket_connect_timeout": "1", "socket_timeout": "3"}


def broker(redis_url: str) -> dict[str, str]:
    """For Q_CLUSTER. What the URL itself says of time limits stands."""
    if not redis_url:
        return {"orm": "default"}
    address, _, query = redis_url.partition("?")
    return {"redis": f"{address}?{urlencode(_PATIENCE | dict(parse_qsl(query)))}"}
