"""Fixtures for all tests: who answers on the other side, and processes of our own."""

pytest_plugins = ["tests.receiver", "tests.processes"]
