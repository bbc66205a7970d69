"""What a call's arguments are, as far as the source tells: literals, and names whose values are known."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from cwm_agent.traces.entry import Function

VALUE_LIMIT = 4000
"""Characters of a repr: longer ones are cut in a real trace."""

Signature = Function | ast.Lambda
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def told(node: ast.expr, known: Mapping[str, str]) -> str | None:
    """The repr of this expression's value where it is a literal or the name of a known value, else None."""
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if any(isinstance(inner, ast.Set) and len(inner.elts) > 1 for inner in ast.walk(node)):
        return None  # its order differs from run to run
    try:
        value = repr(ast.literal_eval(node))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return value if len(value) <= VALUE_LIMIT else None


def bound(call: ast.Call, function: Signature, known: Mapping[str, str]) -> dict[str, str | None] | None:
    """The parameters in the order of the locals with the reprs that are told; None where the call does not fit."""
    given = function.args
    if any(isinstance(each, ast.Starred) for each in call.args) or any(each.arg is None for each in call.keywords):
        return None
    positional = [each.arg for each in [*given.posonlyargs, *given.args]]
    values: dict[str, str | None] = {}
    for name, node in zip(positional, call.args, strict=False):
        values[name] = told(node, known)
    by_name = {each.arg for each in [*given.args, *given.kwonlyargs]}
    surplus: dict[str, str | None] = {}
    for keyword in call.keywords:
        name = keyword.arg or ""
        if name in values or name in surplus or (name not in by_name and given.kwarg is None):
            return None
        (values if name in by_name else surplus)[name] = told(keyword.value, known)
    for name, default in _defaults(given):
        if name not in values:
            values[name] = told(default, {})
    if any(name not in values for name in [*positional, *(each.arg for each in given.kwonlyargs)]):
        return None
    if len(call.args) > len(positional) and given.vararg is None:
        return None
    if given.vararg is not None:
        values[given.vararg.arg] = _packed([told(each, known) for each in call.args[len(positional) :]])
    if given.kwarg is not None:
        values[given.kwarg.arg] = _mapped(surplus)
    return {name: values[name] for name in _parameters(given)}


def _defaults(given: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    positional = [*given.posonlyargs, *given.args]
    for argument, default in zip(reversed(positional), reversed(given.defaults), strict=False):
        yield argument.arg, default
    for argument, by_name in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        if by_name is not None:
            yield argument.arg, by_name


def _packed(values: list[str | None]) -> str | None:
    texts = [value for value in values if value is not None]
    if len(texts) < len(values):
        return None
    return f"({texts[0]},)" if len(texts) == 1 else f"({', '.join(texts)})"


def _mapped(values: dict[str, str | None]) -> str | None:
    if None in values.values():
        return None
    return "{" + ", ".join(f"{name!r}: {value}" for name, value in values.items()) + "}"


def _parameters(given: ast.arguments) -> list[str]:
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    return [each.arg for each in [*named, *filter(None, [given.vararg, given.kwarg])]]


def plain_function(tree: ast.Module, name: str) -> ast.FunctionDef | None:
    """The module's function of this name where a call of it runs its body at once, and nothing else has the name."""
    binding = [node for node in _module_level(tree) if name in _names(node)]
    if len(binding) != 1 or not isinstance(binding[0], ast.FunctionDef) or binding[0] not in tree.body:
        return None
    function = binding[0]
    if function.decorator_list or any(name in node.names for node in ast.walk(tree) if isinstance(node, ast.Global)):
        return None
    return None if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own(function)) else function


def _module_level(tree: ast.Module) -> Iterator[ast.AST]:
    """The nodes of the module's own scope; functions and classes are named, not entered."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _SCOPES):
            waiting += ast.iter_child_nodes(node)


def _own(function: ast.FunctionDef) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _SCOPES):
            waiting += ast.iter_child_nodes(node)


def _names(node: ast.AST) -> set[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            return {name}
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return {each.asname or each.name.split(".")[0] for each in names}
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return {name}
    return set()


def module_names(tree: ast.Module) -> set[str]:
    """The names that the module's own code binds; `*` among them where it takes in all of another's."""
    return set().union(*(_names(node) for node in _module_level(tree)))
