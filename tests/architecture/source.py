"""The product's modules as text and as syntax trees, for rules to look at."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
NOT_PRODUCT = {"tests", "benchmarks", "build", "var"}


@dataclass(frozen=True)
class Module:
    """One file; `path` is relative to the checkout, with slashes."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)


@cache
def product() -> list[Module]:
    """Every module of the product; what Django generated (migrations) is not ours to shape."""
    tops = [top for top in ROOT.iterdir() if not top.name.startswith(".") and top.name not in NOT_PRODUCT]
    paths = [path for top in tops for path in top.rglob("*.py") if "migrations" not in path.parts]
    return [_module(path) for path in sorted([*paths, ROOT / "manage.py"])]


@cache
def proofs() -> list[Module]:
    """The modules of the tests."""
    return [_module(path) for path in sorted((ROOT / "tests").rglob("*.py"))]


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported, wherever in the module: `from a import b` gives "a.b"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module or ''}.{alias.name}") for alias in node.names)


def _module(path: Path) -> Module:
    return Module(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
