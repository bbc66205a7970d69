"""What a name of the source stands for: functions and classes that it defines, or something that is not known."""

from __future__ import annotations

import ast
import builtins

from msgspec import Struct

from cwm_agent.analysis.codes import Code, Codes, Function, Scope, bound_names
from cwm_agent.analysis.imports import is_standard

BUILTINS = frozenset(dir(builtins))


class Meaning(Struct, frozen=True):
    """What a name may be: code objects of the source, `builtin`, `imported`, or something else (`unknown`).

    `foreign`: it may be a function that is not in the source and yet the user's, for it is imported from elsewhere
    than the standard library, or nothing in the source binds it.
    """

    codes: frozenset[int] = frozenset()
    builtin: bool = False
    imported: bool = False
    unknown: bool = False
    foreign: bool = False

    @property
    def only(self) -> int | None:
        """The one code object that it surely is, or None."""
        sure = len(self.codes) == 1 and not (self.builtin or self.imported or self.unknown)
        return next(iter(self.codes)) if sure else None


class Names:
    """The bindings of every scope of a source."""

    def __init__(self, codes: Codes) -> None:
        self._codes = codes
        self._bindings: dict[int, dict[str, list[ast.AST]]] = {}
        self._values: dict[ast.AST, ast.expr] = {}
        self._known: dict[tuple[str, int], Meaning] = {}
        self._binders: dict[tuple[int, str], set[int]] = {}
        self._shared: dict[int, frozenset[str]] = {}
        for code in codes.all:
            self._collect(code)
        self.stars = any(
            isinstance(node, ast.ImportFrom) and any(each.name == "*" for each in node.names)
            for node in ast.walk(codes.tree)
        )

    def _collect(self, code: Code) -> None:
        for node in code.own:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda | ast.Name):
                self._values.update(dict.fromkeys(node.targets, node.value))
            for name in bound_names(node):
                owner = self._owner(name, code)
                self._binders.setdefault((owner.number, name), set()).add(code.number)
                self._bindings.setdefault(owner.number, {}).setdefault(name, []).append(node)

    def _owner(self, name: str, code: Code) -> Code:
        """The scope whose variable is bound."""
        while name in code.outside:
            outer = self.enclosing(name, code, nonlocal_only=True)
            if outer is None:
                return self._codes.all[0]
            return outer
        return code

    def enclosing(self, name: str, code: Code, *, nonlocal_only: bool = False) -> Code | None:
        """The nearest scope around that binds the name; None where none does."""
        if nonlocal_only and any(isinstance(node, ast.Global) and name in node.names for node in code.own):
            return None
        while code.outer >= 0:
            code = self._codes.all[code.outer]
            if name in code.binds and not code.is_class and (code.outer >= 0 or not nonlocal_only):
                return code
        return None

    def scope(self, name: str, code: Code) -> Code | None:
        """The scope whose variable a use of the name in this code means; None for a builtin or a missing name."""
        if name in code.binds:
            return code
        if name in code.outside:
            return self._owner(name, code)
        return self.enclosing(name, code)

    def bindings(self, name: str, scope: Code) -> list[ast.AST]:
        """Every node that binds this variable."""
        return self._bindings.get(scope.number, {}).get(name, [])

    def value(self, binding: ast.AST) -> ast.expr | None:
        """The lambda or name that an assignment gives, where that is known."""
        return self._values.get(binding)

    def shared(self, code: Code) -> frozenset[str]:
        """The names that this code shows among its locals and that another code object can bind."""
        if code.number not in self._shared:
            found: set[str] = set()
            for name in {node.id for node in code.own if isinstance(node, ast.Name)} | code.binds:
                scope = self.scope(name, code)
                others = self._binders.get((scope.number, name), set()) - {code.number} if scope else set()
                if scope is not None and (scope is code or scope.outer >= 0) and others:
                    found.add(name)
            self._shared[code.number] = frozenset(found)
        return self._shared[code.number]

    def meaning(self, name: str, code: Code) -> Meaning:
        """What the name may stand for where this code uses it."""
        key = name, code.number
        if key not in self._known:
            self._known[key] = Meaning(unknown=True)  # for a name that is defined by itself
            self._known[key] = self._meaning(name, code)
        return self._known[key]

    def _meaning(self, name: str, code: Code) -> Meaning:
        scope = self.scope(name, code)
        if scope is None:
            missing = name not in BUILTINS
            return Meaning(builtin=not missing, unknown=self.stars or missing, foreign=self.stars or missing)
        if name in scope.parameters:
            return Meaning(unknown=True)
        found: set[int] = set()
        imported = unknown = foreign = False
        for node in self.bindings(name, scope):
            value = self._values.get(node)
            if isinstance(node, Scope):
                found.add(self._codes.of_node[node].number)
                unknown |= isinstance(node, Function | ast.ClassDef) and bool(node.decorator_list)
            elif isinstance(value, ast.Lambda):
                found.add(self._codes.of_node[value].number)
            elif isinstance(value, ast.Name) and value.id != name:
                other = self.meaning(value.id, scope)
                found |= other.codes
                imported, unknown = imported or other.imported, unknown or other.unknown or other.builtin
                foreign |= other.foreign
            elif isinstance(node, ast.Import | ast.ImportFrom):
                imported = True
                inside = self._imported_here(node, name)
                found |= inside
                foreign |= not inside and not is_standard(node)
            else:
                unknown = True
        unknown |= self.stars and not found
        return Meaning(frozenset(found), imported=imported, unknown=unknown, foreign=foreign)

    def _imported_here(self, node: ast.Import | ast.ImportFrom, name: str) -> frozenset[int]:
        """What the import of a name would bring, where the source has been put together from several files."""
        if not isinstance(node, ast.ImportFrom) or is_standard(node):
            return frozenset()
        top = self._codes.all[0]
        asked = {each.name for each in node.names if (each.asname or each.name) == name}
        binding = [inner for each in asked for inner in self.bindings(each, top)]
        return frozenset(self._codes.of_node[inner].number for inner in binding if isinstance(inner, Scope))
