"""What differs between two snapshots is told in words, once, and nothing else is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.differences import Difference, differences


def row(pk: int, text: str, **more: Any) -> dict[str, Any]:
    return {"id": pk, "text": text, **more}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ({"url": "a"}, {"url": "b"}, [("url", "a", "b")]),
        ({"url": "a"}, {"url": "a"}, []),
        ({"is_active": True}, {"is_active": False}, [("is active", "yes", "no")]),
        ({"rate": None}, {"rate": 2.5}, [("rate", "", "2.5")]),
        (None, {"url": "a", "empty": ""}, [("url", "", "a")]),
        ({"url": "a"}, None, [("url", "a", "")]),
        ({"version": 1}, {"version": 2}, []),
        ({"rows": [row(1, "a")]}, {"rows": [row(1, "b")]}, [("rows", "a", "b")]),
        ({"rows": [row(1, "a")]}, {"rows": []}, [("rows", "a", "")]),
        ({}, {"rows": [row(1, "a")]}, [("rows", "", "a")]),
        ({"rows": [row(1, "a")]}, {"rows": [row(9, "a")]}, []),
        (
            {"rows": [row(1, "a")]},
            {"rows": [row(1, "a", note="secret changed")]},
            [("rows", "a", "a (secret changed)")],
        ),
        (
            {"rows": [row(1, "a"), row(2, "b"), row(3, "c")]},
            {"rows": [row(3, "c"), row(1, "a")]},
            [("rows", "b", ""), ("order: rows", "a; c", "c; a")],
        ),
    ],
)
def test_differences(old: Any, new: Any, told: list[tuple[str, str, str]]) -> None:
    assert differences(old, new) == [Difference(*one) for one in told]


def test_keys_are_called_as_the_labels_say() -> None:
    assert differences({"url": "a"}, {"url": "b"}, {"url": "Postback URL"})[0].what == "Postback URL"


rows = st.lists(st.tuples(st.integers(1, 6), st.sampled_from("abc")), unique_by=lambda one: one[0]).map(
    lambda found: [row(pk, text) for pk, text in found]
)
snapshots = st.fixed_dictionaries({"name": st.sampled_from(["x", "y"]), "rows": rows})


@given(snapshots, snapshots)
def test_told_exactly_when_they_say_something_else(old: dict[str, Any], new: dict[str, Any]) -> None:
    def said(snapshot: dict[str, Any]) -> tuple[str, list[str]]:
        return snapshot["name"], [one["text"] for one in snapshot["rows"]]

    told = differences(old, new)
    if not told:
        assert said(old) == said(new)
    assert not differences(old, old)


def test_they_come_in_the_order_of_the_labels_whatever_order_a_database_gave_back() -> None:
    labels = {"url": "Postback URL", "name": "profile name"}
    told = differences({}, {"extra": 1, "name": "a", "url": "b", "another": 2}, labels)
    assert [one.what for one in told] == ["Postback URL", "profile name", "another", "extra"]
