"""Finds the places of a module that write rows of given models: by manager, by instance, by set, in SQL.

It knows the type of a name from its annotation, from `Model(…)`, and from a query that begins at the
model's manager; and it knows the relations that lead to such rows. What it cannot see is a row that
comes out of an unannotated call; mypy's annotations make that rare.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

WRITES = {
    *(
        "create",
        "acreate",
        "bulk_create",
        "get_or_create",
        "update_or_create",
        "add",
        "set",
        "clear",
        "remove",
    ),
    *("update", "aupdate", "bulk_update", "delete", "adelete", "save", "asave"),
}
SQL = r"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|COPY|TRUNCATE)\s+\"?({tables})\b"


@dataclass(frozen=True)
class Owned:
    """Rows with one writer: their models, the relations that lead to them, their tables."""

    models: frozenset[str]
    relations: frozenset[str]
    tables: frozenset[str]


def faults(tree: ast.Module, owned: Owned) -> Iterator[str]:
    """A line for each place that writes such rows."""
    names = _names_of_rows(tree, owned)
    sql = re.compile(SQL.format(tables="|".join(sorted(owned.tables))), re.IGNORECASE)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _writes(node, owned, names):
            yield f"line {node.lineno}: {ast.unparse(node.func)}()"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and sql.search(node.value):
            yield f"line {node.lineno}: SQL that writes {sql.search(node.value)[1]}"  # type: ignore[index]


def _writes(call: ast.Call, owned: Owned, names: set[str]) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return False
    if ast.unparse(call.func) in ("sets.create", "sets.save", "sets.append"):
        return any(_leads_to(argument, owned, names) for argument in call.args)
    if call.func.attr not in WRITES or _is_of_a_dict_or_set(call):
        return False
    return _leads_to(call.func.value, owned, names)


def _is_of_a_dict_or_set(call: ast.Call) -> bool:
    """`QuerySet.update` takes names only; `dict.update` and `set.add` of this name take a value."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == "update" and bool(call.args)


def _leads_to(node: ast.AST, owned: Owned, names: set[str]) -> bool:
    """Whether an expression is such a row, or a query or manager of such rows."""
    if isinstance(node, ast.Constant):
        return node.value in owned.tables
    if isinstance(node, ast.Name):
        return node.id in owned.models or node.id in names
    if isinstance(node, ast.List | ast.Tuple):
        return any(_leads_to(one, owned, names) for one in node.elts)
    if isinstance(node, ast.ListComp | ast.GeneratorExp):
        return _leads_to(node.elt, owned, names)
    if isinstance(node, ast.Attribute):
        if node.attr in owned.models or node.attr in owned.relations:
            return True
        return node.attr.endswith(("objects", "_manager")) and _leads_to(node.value, owned, names)
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute):  # a step of a query
            return _leads_to(node.func.value, owned, names)
        return _leads_to(node.func, owned, names)
    return isinstance(node, ast.Subscript) and _leads_to(node.value, owned, names)


def _names_of_rows(tree: ast.Module, owned: Owned) -> set[str]:
    """Names that hold such rows: annotated so, or bound to what leads to them."""
    names: set[str] = set()
    for _ in range(2):  # a name may be bound to another that is bound further down
        for node in ast.walk(tree):
            if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
                if _is_annotated(node.annotation, owned):
                    names |= _bound(node if isinstance(node, ast.arg) else node.target)
            elif isinstance(node, ast.Assign) and _leads_to(node.value, owned, names):
                names |= {name for target in node.targets for name in _bound(target)}
            elif isinstance(node, ast.For | ast.comprehension) and _leads_to(node.iter, owned, names):
                names |= _bound(node.target)
    return names


def _is_annotated(annotation: ast.expr, owned: Owned) -> bool:
    text = annotation.value if isinstance(annotation, ast.Constant) else ast.unparse(annotation)
    return any(re.search(rf"\b{model}\b", str(text)) for model in owned.models) and "Callable" not in str(
        text
    )


def _bound(target: ast.AST) -> set[str]:
    if isinstance(target, ast.arg):
        return {target.arg}
    return {target.id} if isinstance(target, ast.Name) else set()
