"""Fixtures for all tests: processes of our own, and who answers on the other side."""

# In this order: the second imports from the first, whose asserts would else not be explained.
pytest_plugins = ["tests.processes", "tests.receiver"]
