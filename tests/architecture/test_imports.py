"""Who may import what: layers, the outside, signals."""

import ast
import tomllib

import pytest
from importlinter import cli

from tests.architecture.source import ROOT, imports, product

OUTSIDE = (
    *("requests", "urllib3", "urllib.request", "http.client", "httpx", "aiohttp", "pycurl", "socket"),
    *("ftplib", "paramiko", "smtplib", "telnetlib", "asyncio.open_connection", "ssl"),
)
# The guard resolves names, and `make run` asks its own server on loopback whether it is up. The rest of the
# outside is the transports' alone.
MAY_GO_OUT = ("delivery/transports/", "delivery/guard.py", "config/management/commands/up.py")
SIGNALS = (
    "django.db.models.signals",
    "django.dispatch",
    "django.core.signals",
    "django.contrib.auth.signals",
)


def test_imports_go_one_way(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.lint_imports(cache_dir=None, no_logo=True) == cli.EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_every_package_has_its_layer() -> None:
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = {name.strip() for layer in configuration["contracts"][0]["layers"] for name in layer.split("|")}
    packages = {module.path.split("/")[0] for module in product() if "/" in module.path}
    assert packages <= layers == set(configuration["root_packages"])


def test_only_transports_go_outside() -> None:
    inside = [module for module in product() if not module.path.startswith(MAY_GO_OUT)]
    assert not {module.path: found for module in inside if (found := faults(module.tree, OUTSIDE))}


def test_nobody_uses_signals() -> None:
    assert not {module.path: found for module in product() if (found := faults(module.tree, SIGNALS))}


@pytest.mark.parametrize(
    ("sample", "count"),
    [
        ("import requests", 1),
        ("from urllib import request", 1),
        ("def late():\n    from requests.adapters import HTTPAdapter", 1),
        ("from django.db.models import signals", 1),
        ("from django.db.models.signals import post_save", 1),
        ("from django.dispatch import receiver", 1),
        ("from urllib.parse import urlsplit\nimport socketserver_of_ours", 0),
    ],
)
def test_the_rule_sees(sample: str, count: int) -> None:
    assert len(faults(ast.parse(sample), OUTSIDE + SIGNALS)) == count


def faults(tree: ast.AST, banned: tuple[str, ...]) -> list[str]:
    return [
        f"line {line} imports {name}"
        for line, name in imports(tree)
        if any(name == word or name.startswith(f"{word}.") for word in banned)
    ]
