"""Limits that keep the code readable: lines of a file, lines and arguments of a function, first sentences."""

import ast
from collections.abc import Iterator

from tests.architecture.source import ROOT, product, proofs

MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 50
MOST_ARGUMENTS = 7
NO_HOME = {"utils", "helpers", "common", "core", "base", "misc"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def test_files_keep_their_limit() -> None:
    lines = {module.path: len(module.text.splitlines()) for module in product()}
    assert not {path: count for path, count in lines.items() if count > MOST_LINES_OF_A_FILE}


def test_functions_keep_their_limits() -> None:
    assert not {module.path: found for module in product() if (found := list(faults(module.tree)))}


def test_every_module_opens_with_a_sentence() -> None:
    silent = [module.path for module in (*product(), *proofs()) if not ast.get_docstring(module.tree)]
    assert not [path for path in silent if (ROOT / path).stat().st_size]


def test_every_module_has_a_name_that_says_something() -> None:
    names = {module.path: module.path.removesuffix(".py").split("/") for module in product()}
    assert not [path for path, parts in names.items() if not NO_HOME.isdisjoint(parts)]


def test_the_rule_sees() -> None:
    long = "def f(self, a, b, c, d, e, f, *, g):\n" + "    pass\n" * 49
    assert not list(faults(ast.parse(long)))
    assert len(list(faults(ast.parse(long + "    pass\n")))) == 1
    assert len(list(faults(ast.parse("async def f(a, b, c, d, /, e, f, g, *, h): ...")))) == 1


def faults(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, Function):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > MOST_LINES_OF_A_FUNCTION:
                yield f"{node.name} (line {node.lineno}) has {lines} lines"
            if _arguments(node) > MOST_ARGUMENTS:
                yield f"{node.name} (line {node.lineno}) takes {_arguments(node)} arguments"


def _arguments(function: Function) -> int:
    arguments = function.args
    named = [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len([name for name in named if name not in ("self", "cls")])
