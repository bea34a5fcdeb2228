# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Ways to break a line of Python, one at a time.

A mutant is named by where it is and what is done there, and made from the syntax tree.
What only types, documents or declares a protocol is left alone.
"""

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

_OTHER_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}


class Mutant(NamedTuple):
    """One broken line."""

    line: int
    what: str  # is done, and in which function
    number: int  # of the mutant among those of its file


class _Change(NamedTuple):
    line: int
    what: str
    make: Callable[[], None]  # changes the tree in place


def mutants_of(source: str) -> list[Mutant]:
    """Return all mutants of a file, in the order of its syntax tree."""
    tree, seen = ast.parse(source), Counter()
    mutants = []
    for number, change in enumerate(_changes(tree)):
        what = f"{_around(tree, change.line)}: {change.what}"
        seen[what] += 1
        again = f" ({seen[what]})" if seen[what] > 1 else ""
        mutants.append(Mutant(change.line, what + again, number))
    return mutants


def mutate(source: str, number: int) -> ast.Module:
    """Return the syntax tree of a file with one mutant in it."""
    tree = ast.parse(source)
    list(_changes(tree))[number].make()
    return ast.fix_missing_locations(tree)


def _around(tree: ast.AST, line: int) -> str:
    """Return the names of the class and function around a line."""
    scopes = ast.ClassDef | ast.FunctionDef
    around = [n for n in ast.walk(tree) if isinstance(n, scopes)]
    inside = [n for n in around if n.lineno <= line <= (n.end_lineno or n.lineno)]
    return ".".join(n.name for n in sorted(inside, key=lambda n: n.lineno)) or "module"


def _changes(tree: ast.AST) -> Iterator[_Change]:
    for parent, field, index, node in _code(tree):
        put = _putter(parent, field, index)
        yield from _changed_statement(node, put)
        yield from _changed_expression(node, put)


def _code(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Yield the nodes that do something at run time, and where they hang."""
    for field, value in ast.iter_fields(tree):
        if field in ("annotation", "returns", "type_params", "decorator_list"):
            continue
        children = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, node in children:
            if not isinstance(node, ast.AST) or _only_declares(node):
                continue
            yield tree, field, index, node
            yield from _code(node)


def _only_declares(node: ast.AST) -> bool:
    if isinstance(node, ast.ClassDef):
        names = {ast.unparse(base) for base in node.bases}
        return any(name.startswith(("Protocol", "TypedDict")) for name in names)
    if isinstance(node, ast.Assign | ast.AnnAssign):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        typed = isinstance(node, ast.AnnAssign) and "TypeAlias" in ast.unparse(node)
        return typed or ast.unparse(target) == "__all__" or node.value is None
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return docstring or isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr)


def _putter(parent: ast.AST, field: str, index: int | None):
    def put(node: ast.AST) -> None:
        if index is None:
            setattr(parent, field, node)
        else:
            getattr(parent, field)[index] = node

    return put


def _changed_statement(node: ast.AST, put) -> Iterator[_Change]:
    dropped = ast.Expr | ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Raise
    if isinstance(node, dropped):
        text = ast.unparse(node).splitlines()[0]
        yield _Change(node.lineno, f"drop `{text}`", lambda: put(ast.Pass()))
    if isinstance(node, ast.Return) and not _is_none(node.value):
        text = ast.unparse(node).splitlines()[0]
        none = ast.Return(ast.Constant(None))
        yield _Change(node.lineno, f"None for `{text}`", lambda: put(none))


def _is_none(node: ast.AST | None) -> bool:
    return node is None or (isinstance(node, ast.Constant) and node.value is None)


def _changed_expression(node: ast.AST, put) -> Iterator[_Change]:
    if isinstance(node, ast.Compare):
        yield from _changed_comparisons(node)
    if isinstance(node, ast.BinOp | ast.AugAssign):
        yield from _changed_sum(node)
    if isinstance(node, ast.BoolOp):
        yield _changed_logic(node)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        what = f"no `not` in `{ast.unparse(node)}`"
        yield _Change(node.lineno, what, lambda: put(node.operand))
    if isinstance(node, ast.Constant):
        yield from _changed_number(node)
    if isinstance(node, ast.Call):
        yield from _dropped_keywords(node)


def _changed_comparisons(node: ast.Compare) -> Iterator[_Change]:
    for place, op in enumerate(node.ops):
        for other in _OTHER_COMPARISONS[type(op)]:

            def make(place=place, other=other) -> None:
                node.ops[place] = other()

            what = f"{other.__name__} for {type(op).__name__} in `{ast.unparse(node)}`"
            yield _Change(node.lineno, what, make)


def _changed_sum(node: ast.BinOp | ast.AugAssign) -> Iterator[_Change]:
    others = {ast.Add: ast.Sub, ast.Sub: ast.Add}
    other = others.get(type(node.op))
    if other is not None and not _is_text(node):
        what = f"{other.__name__} for {type(node.op).__name__} in `{ast.unparse(node)}`"
        yield _Change(node.lineno, what, lambda: setattr(node, "op", other()))


def _is_text(node: ast.AST) -> bool:
    """Return whether texts are added, which is not arithmetic."""
    parts = ast.walk(node)
    return any(isinstance(p, ast.JoinedStr) or _is_string(p) for p in parts)


def _is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _changed_logic(node: ast.BoolOp) -> _Change:
    other = ast.And if isinstance(node.op, ast.Or) else ast.Or
    what = f"{other.__name__} for {type(node.op).__name__} in `{ast.unparse(node)}`"
    return _Change(node.lineno, what, lambda: setattr(node, "op", other()))


def _changed_number(node: ast.Constant) -> Iterator[_Change]:
    if isinstance(node.value, bool) or not isinstance(node.value, int | float):
        return
    for number in sorted({2 * node.value, node.value + 1} - {node.value}):

        def make(number=number) -> None:
            node.value = number

        yield _Change(node.lineno, f"{number} for {node.value}", make)


def _dropped_keywords(node: ast.Call) -> Iterator[_Change]:
    for keyword in node.keywords:
        if keyword.arg == "strict":
            continue  # it says what holds anyway

        def make(keyword=keyword) -> None:
            node.keywords.remove(keyword)

        name = keyword.arg or f"**{ast.unparse(keyword.value)}"
        what = f"drop the keyword {name} of `{ast.unparse(node.func)}`"
        yield _Change(node.lineno, what, make)
