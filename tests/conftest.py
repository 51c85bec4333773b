"""Fixtures for all tests: processes of our own, and who answers on the other side."""

import pytest

# In this order: the second imports from the first, whose asserts would else not be explained.
pytest_plugins = ["tests.processes", "tests.receiver"]


# Whole processes, browsers, waiting: two at once come to their end together if these do not come last.
LONG = ("tests/torture/", "tests/journeys/", "tests/browser/")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_report_header() -> str:
    from tests.torture.hosts import Namespaces, OneMachine, has_namespaces

    return f"hosts: {(Namespaces if has_namespaces() else OneMachine).description}"
