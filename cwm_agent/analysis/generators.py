"""Where the generators of a source are made and used up, and so where one may be resumed or closed."""

from __future__ import annotations

import ast

from cwm_agent.analysis.codes import Code, Codes
from cwm_agent.analysis.names import Names

_EXHAUSTING = frozenset({"list", "tuple", "set", "frozenset", "dict", "sum", "min", "max", "sorted"})
_NO_GENERATORS = (
    *(ast.Constant, ast.Tuple, ast.List, ast.Set, ast.Dict, ast.JoinedStr),
    *(ast.ListComp, ast.SetComp, ast.DictComp),
)


class Generators:
    """The code objects that run when they are resumed: generators and coroutines.

    `held` are those that something may keep half-way, and so close anywhere: all that are not used up where they
    are made.
    """

    def __init__(self, codes: Codes, names: Names) -> None:
        self._codes = codes
        self._names = names
        self.all = frozenset(code.number for code in codes.all if code.resumed)
        self.held = self._held() if self.all else frozenset()

    def over(self, node: ast.AST | None, code: Code) -> frozenset[int]:
        """The generators that asking this iterable may resume."""
        match node:
            case ast.GeneratorExp():
                return frozenset({self._codes.of_node[node].number})
            case ast.Call(func=ast.Name(id=name)):
                meaning = self._names.meaning(name, code)
                if meaning.builtin and not meaning.unknown and name in ("range", *_EXHAUSTING):
                    return frozenset()
                if meaning.only is not None and meaning.only in self.all:
                    return frozenset({meaning.only}) | self.held
        return frozenset() if isinstance(node, _NO_GENERATORS) else self.all

    def makes(self, node: ast.AST | None, code: Code) -> int | None:
        """The generator that this expression surely makes anew."""
        match node:
            case ast.GeneratorExp():
                return self._codes.of_node[node].number
            case ast.Call(func=ast.Name(id=name)):
                only = self._names.meaning(name, code).only
                sure = only is not None and only in self.all
                return only if sure and not isinstance(self._codes.all[only or 0].node, ast.AsyncFunctionDef) else None
        return None

    def _held(self) -> frozenset[int]:
        found: set[int] = set()
        for code in self._codes.all:
            used_up = self._used_up(code)
            called = {id(node.func) for node in code.own if isinstance(node, ast.Call)}
            for node in code.own:
                if id(node) in used_up:
                    continue
                if isinstance(node, ast.GeneratorExp):
                    found.add(self._codes.of_node[node].number)
                elif isinstance(node, ast.Call):
                    found |= self._made(node.func, code)
                elif id(node) not in called:
                    found |= self._made(node, code)
        waited = {number for number in found if isinstance(self._codes.all[number].node, ast.AsyncFunctionDef)}
        return frozenset(found) - waited

    def _made(self, function: ast.AST, code: Code) -> set[int]:
        if isinstance(function, ast.Attribute):
            return {each.number for each in self._codes.named(function.attr)} & self.all
        if isinstance(function, ast.Name) and isinstance(function.ctx, ast.Load):
            return set(self._names.meaning(function.id, code).codes & self.all)
        return set()

    def _used_up(self, code: Code) -> set[int]:
        """The expressions whose value is used up where it is made."""
        found: set[int] = set()
        for node in code.own:
            match node:
                case ast.For(iter=made) | ast.AsyncFor(iter=made) | ast.comprehension(iter=made):
                    found.add(id(made))
                case ast.YieldFrom(value=made) | ast.Await(value=made):
                    found.add(id(made))
                case ast.Call(func=ast.Name(id=name), args=[made, *_]) if name in _EXHAUSTING:
                    found.add(id(made))
                case ast.Call(func=ast.Attribute(value=ast.Constant(), attr="join"), args=[made]):
                    found.add(id(made))
        called = {id(node.func) for node in code.own if isinstance(node, ast.Call) and id(node) in found}
        return found | called
