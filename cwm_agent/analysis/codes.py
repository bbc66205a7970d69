"""The code objects of a source text with their syntax, and the names that each of them binds."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from msgspec import Struct

from cwm_agent.traces.entry import parse

Function = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp
Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.GeneratorExp | ast.ClassDef
_GIVES_BACK = (ast.Yield, ast.YieldFrom, ast.Await, ast.AsyncFor, ast.AsyncWith)


class Code(Struct, frozen=True):
    """One code object: `name` as in a traceback, `first` the line of its call frame, `around` the class it is in.

    `parameters` are bound when it starts; `binds` are the names that are its locals, parameters included; `resumed`
    tells a generator or coroutine, which runs when it is resumed and not when it is called. `own` are the nodes that
    belong to it, inner scopes named and not entered.
    """

    number: int
    name: str
    node: ast.Module | Scope
    first: int
    outer: int
    around: int
    parameters: tuple[str, ...]
    binds: frozenset[str]
    outside: frozenset[str]
    resumed: bool
    own: tuple[ast.AST, ...]

    @property
    def span(self) -> range:
        """The lines from its first to its last."""
        return range(self.first, (getattr(self.node, "end_lineno", None) or self.first) + 1)

    @property
    def is_class(self) -> bool:
        """Whether it is the body of a class."""
        return isinstance(self.node, ast.ClassDef)


class Codes:
    """All code objects of a source, the module's own first; UsageError where it does not parse."""

    def __init__(self, source: str) -> None:
        self.tree = parse(source)
        self.all: list[Code] = []
        self.of_node: dict[ast.AST, Code] = {}
        self.by_name: dict[str, list[Code]] = {}
        self.quiet = quiet_lines(self.tree)
        self._add(self.tree, -1)

    def _add(self, node: ast.Module | Scope, outer: int) -> None:
        waiting: list[tuple[ast.Module | Scope, int]] = [(node, outer)]
        while waiting:
            node, outer = waiting.pop(0)
            code = self._code(node, outer)
            self.all.append(code)
            self.of_node[node] = code
            self.by_name.setdefault(code.name, []).append(code)
            waiting += [(inner, code.number) for inner in code.own if isinstance(inner, Scope)]

    def _code(self, node: ast.Module | Scope, outer: int) -> Code:
        around = outer if outer >= 0 and isinstance(self.all[outer].node, ast.ClassDef) else -1
        if isinstance(node, ast.ClassDef | Function):
            name, first = node.name, min([node.lineno, *(each.lineno for each in node.decorator_list)])
        else:
            name = {ast.Lambda: "<lambda>", ast.GeneratorExp: "<genexpr>"}.get(type(node), "<module>")
            first = getattr(node, "lineno", 1)
        names = parameters(node)
        own = tuple(own_nodes(node))
        bound, outside = _bindings(node, own)
        return Code(
            number=len(self.all),
            name=name,
            node=node,
            first=first,
            outer=outer,
            around=around,
            parameters=names,
            binds=frozenset((bound | set(names)) - outside),
            outside=frozenset(outside),
            resumed=isinstance(node, ast.GeneratorExp | ast.AsyncFunctionDef)
            or (not isinstance(node, ast.Module | ast.ClassDef) and gives_back(own)),
            own=own,
        )

    def named(self, name: str) -> list[Code]:
        """The code objects of this name."""
        return self.by_name.get(name, [])

    def class_of(self, code: Code) -> Code | None:
        """The class that it is a method of, or whose method it stands in."""
        while code.outer >= 0:
            if code.around >= 0:
                return self.all[code.around]
            code = self.all[code.outer]
        return None

    def shown(self, name: str, code: Code) -> str:
        """The name under which a local appears: private names of a class are mangled."""
        if not name.startswith("__") or name.endswith("__"):
            return name
        owner = code if code.is_class else self.class_of(code)
        stripped = owner.name.lstrip("_") if owner else ""
        return f"_{stripped}{name}" if stripped else name


def parameters(node: ast.AST) -> tuple[str, ...]:
    """The names that a call binds, in the order of the locals."""
    if isinstance(node, ast.GeneratorExp):
        return (".0",)
    if not isinstance(node, Function | ast.Lambda):
        return ()
    given = node.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    return tuple(each.arg for each in [*named, *filter(None, [given.vararg, given.kwarg])])


def outer_parts(node: Scope) -> list[ast.AST]:
    """What of an inner scope runs in the scope around it: decorators, defaults, bases, the first iterable."""
    if isinstance(node, ast.GeneratorExp):
        return [node.generators[0].iter]
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *node.keywords]
    parts: list[ast.AST] = [*node.args.defaults, *(each for each in node.args.kw_defaults if each)]
    if isinstance(node, Function):
        return [*node.decorator_list, *parts, *signature_types(node)]
    return parts


def signature_types(node: Function) -> list[ast.expr]:
    """The annotations of a signature, in the order in which they are evaluated."""
    given = node.args
    each = [*given.posonlyargs, *given.args, *filter(None, [given.vararg]), *given.kwonlyargs]
    each += filter(None, [given.kwarg])
    found = [argument.annotation for argument in each]
    return [annotation for annotation in [*found, node.returns] if annotation]


def inner_parts(node: ast.AST) -> list[ast.AST]:
    """What of a scope runs in its own frame."""
    if isinstance(node, ast.Lambda):
        return [node.body]
    if isinstance(node, ast.GeneratorExp):
        first, *others = node.generators
        return [first.target, *first.ifs, *others, *_elements(node)]
    if isinstance(node, Function | ast.ClassDef | ast.Module):
        return list(node.body)
    return [node]


def _elements(node: ast.GeneratorExp | Comprehension) -> list[ast.expr]:
    return [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]


def own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Every node that belongs to this scope; inner scopes are named, not entered."""
    waiting = list(reversed(inner_parts(scope)))
    while waiting:
        node = waiting.pop()
        yield node
        parts = outer_parts(node) if isinstance(node, Scope) else list(ast.iter_child_nodes(node))
        waiting += reversed(parts)


def gives_back(own: Iterable[ast.AST]) -> bool:
    """Whether code of these nodes may be left and resumed."""
    return any(isinstance(node, _GIVES_BACK) or (isinstance(node, ast.comprehension) and node.is_async) for node in own)


def bound_names(node: ast.AST) -> list[str]:
    """The names that this one node binds or deletes by itself."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            return [name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Import(names=names):
            return [each.asname or each.name.split(".")[0] for each in names]
        case ast.ImportFrom(names=names):
            return [each.asname or each.name for each in names if each.name != "*"]
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return [name]
        case ast.MatchMapping(rest=str(name)):
            return [name]
    return []


def _bindings(scope: ast.AST, own: Iterable[ast.AST]) -> tuple[set[str], set[str]]:
    """The names that a scope binds, and those that it declares to be of another scope."""
    hidden = comprehension_targets(own)
    bound: set[str] = set()
    outside: set[str] = set()
    for node in own:
        if isinstance(node, ast.Global | ast.Nonlocal):
            outside.update(node.names)
        elif node not in hidden:
            bound.update(bound_names(node))
            if isinstance(scope, ast.GeneratorExp) and isinstance(node, ast.NamedExpr):
                outside.add(node.target.id)
    return bound, outside


def comprehension_targets(own: Iterable[ast.AST]) -> set[ast.AST]:
    """The targets of list, dict and set comprehensions, which bind no local."""
    return {
        name
        for node in own
        if isinstance(node, Comprehension)
        for each in node.generators
        for name in ast.walk(each.target)
    }


def quiet_lines(tree: ast.AST) -> dict[int, int]:
    """The lines on which comprehensions go on, which make no frames: line → line on which the outermost one begins."""
    found: dict[int, int] = {}
    waiting: list[tuple[ast.AST, int]] = [(tree, 0)]
    while waiting:
        node, begins = waiting.pop()
        if isinstance(node, Comprehension):
            begins = begins or node.lineno
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                if line != begins:
                    found.setdefault(line, begins)
        elif isinstance(node, Function | ast.Lambda | ast.GeneratorExp):
            begins = 0
        waiting += [(child, begins) for child in ast.iter_child_nodes(node)]
    return found
