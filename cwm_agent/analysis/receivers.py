"""Of which class of the source an object is, where its text tells, and which function a method of it is.

A class that another source derives from one of this one is not thought of.
"""

from __future__ import annotations

import ast

from cwm_agent.analysis.codes import Code, Codes, Function
from cwm_agent.analysis.names import Names

_HARMLESS = frozenset({"object", "ABC", "Protocol", "Generic", "Exception", "ValueError", "LookupError"})
_HOOKS = frozenset({"__getattribute__", "__new__", "__init_subclass__"})


class Receivers:
    """The classes of a source, and what is surely an instance of them."""

    def __init__(self, codes: Codes, names: Names) -> None:
        self._codes = codes
        self._names = names
        self._classes = {code.number: code for code in codes.all if code.is_class}
        walked = list(ast.walk(codes.tree))
        self._stored = {
            node.attr for node in walked if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load)
        }
        self._dynamic = any(isinstance(node, ast.Name) and node.id in ("setattr", "delattr") for node in walked)
        self._plain = {number for number in self._classes if self._is_plain(number)}
        self._below: dict[int, set[int]] = {number: {number} for number in self._classes}
        for number in self._classes:
            for above in self._ancestors(number):
                self._below[above].add(number)

    def _is_plain(self, number: int) -> bool:
        """Whether nothing but its text tells what its methods are: no decorator, metaclass, hook or foreign base."""
        node = self._classes[number].node
        assert isinstance(node, ast.ClassDef)
        hooked = any(isinstance(each, Function) and each.name in _HOOKS for each in node.body)
        if node.decorator_list or node.keywords or hooked:
            return False
        return all(self._base(base, number) is not None or _name(base) in _HARMLESS for base in node.bases)

    def _base(self, base: ast.expr, number: int) -> int | None:
        """The class of the source that a base is."""
        if not isinstance(base, ast.Name):
            return None
        only = self._names.meaning(base.id, self._codes.all[self._classes[number].outer]).only
        return only if only in self._classes and only != number else None

    def _ancestors(self, number: int) -> list[int]:
        """The classes of the source that it derives from, itself first."""
        found: list[int] = []
        waiting = [number]
        while waiting:
            each = waiting.pop(0)
            if each in found:
                continue
            found.append(each)
            waiting += self._bases(each)
        return found

    def made(self, call: ast.Call, code: Code) -> int | None:
        """The class of which this call makes an instance, where it is a plain one."""
        if not isinstance(call.func, ast.Name):
            return None
        only = self._names.meaning(call.func.id, code).only
        return only if only is not None and self._all_plain(only) else None

    def _all_plain(self, number: int) -> bool:
        return number in self._classes and all(each in self._plain for each in self._ancestors(number))

    def method(self, owner: ast.expr, name: str, code: Code) -> frozenset[int] | None:
        """The functions that this method of this object may be; None where that is not sure."""
        if self._dynamic or name in self._stored:
            return None
        classes = self._classes_of(owner, code)
        if not classes:
            return None
        found = {self.lookup(number, name) for number in classes}
        sure = {number for number in found if number is not None}
        return frozenset(sure) if len(sure) == len(found) else None

    def _classes_of(self, owner: ast.expr, code: Code) -> set[int]:
        """The classes of the source of which this is an instance; empty where it may be anything."""
        if isinstance(owner, ast.Call):
            made = self.made(owner, code)
            return self._above(owner, code) if made is None else {made}
        if not isinstance(owner, ast.Name):
            return set()
        scope = self._names.scope(owner.id, code)
        if scope is None or scope.outer < 0:
            return set()
        bindings = self._names.bindings(owner.id, scope)
        if scope.parameters[:1] == (owner.id,) and not bindings:
            return self._own(scope)
        if len(bindings) != 1 or owner.id in scope.parameters:
            return set()
        value = self._value(bindings[0], scope)
        return self._classes_of(value, scope) if isinstance(value, ast.Call) else set()

    def _above(self, call: ast.Call, code: Code) -> set[int]:
        """What `super()` means, where every class has one base at most."""
        match call:
            case ast.Call(func=ast.Name(id="super"), args=[], keywords=[]):
                bases = [self._bases(number) for number in self._own(code)]
                single = all(len(each) < 2 for each in bases)
                return set(self._bases(code.around)) if bases and single else set()
        return set()

    def _bases(self, number: int) -> list[int]:
        node = self._classes[number].node
        assert isinstance(node, ast.ClassDef)
        return [base for base in (self._base(part, number) for part in node.bases) if base is not None]

    def _own(self, method: Code) -> set[int]:
        """What the first parameter of a method is: an instance of its class, or of one that derives from it."""
        node = method.node
        if method.around < 0 or not isinstance(node, Function) or node.decorator_list or node.name in _HOOKS:
            return set()
        below = self._below[method.around]
        return below if all(self._all_plain(number) for number in below) else set()

    @staticmethod
    def _value(binding: ast.AST, scope: Code) -> ast.expr | None:
        for node in scope.own:
            if isinstance(node, ast.Assign) and binding in node.targets:
                return node.value
        return None

    def lookup(self, number: int, name: str) -> int | None:
        """The one plain function that this class has under this name, its own or inherited."""
        for each in self._ancestors(number):
            node = self._classes[each].node
            assert isinstance(node, ast.ClassDef)
            defined = [inner for inner in self._classes[each].own if name in _binds(inner)]
            if defined:
                only = defined[0]
                if not isinstance(only, ast.FunctionDef | ast.AsyncFunctionDef) or only.decorator_list:
                    return None
                return self._codes.of_node[only].number if len(defined) == 1 and only in node.body else None
        return None

    def has(self, number: int, name: str) -> bool:
        """Whether any class that it derives from, or itself, binds this name."""
        return any(name in _binds(inner) for each in self._ancestors(number) for inner in self._classes[each].own)


def _binds(node: ast.AST) -> list[str]:
    if isinstance(node, Function | ast.ClassDef):
        return [node.name]
    return [node.id] if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else []


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Subscript):
        return _name(node.value)
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
