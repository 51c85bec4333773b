"""Where django-q2 keeps its tasks."""

import pytest

from config.brokers import broker


def test_the_database_if_nothing_is_said() -> None:
    assert broker("") == {"orm": "default"}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://h:1/2", "redis://h:1/2?socket_connect_timeout=1&socket_timeout=3"),
        (
            "rediss://u:p%40@h/0?socket_timeout=9",
            "rediss://u:p%40@h/0?socket_connect_timeout=1&socket_timeout=9",
        ),
        ("unix:///run/r?db=1", "unix:///run/r?socket_connect_timeout=1&socket_timeout=3&db=1"),
    ],
)
def test_redis_is_not_waited_for_long(url: str, expected: str) -> None:
    assert broker(url) == {"redis": expected}
