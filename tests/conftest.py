"""Fixtures for all tests: processes of our own, and who answers on the other side."""

# In this order: the second imports from the first, whose asserts would else not be explained.
pytest_plugins = ["tests.processes", "tests.receiver"]


def pytest_report_header() -> str:
    from tests.torture.hosts import Namespaces, OneMachine, has_namespaces

    return f"hosts: {(Namespaces if has_namespaces() else OneMachine).description}"
