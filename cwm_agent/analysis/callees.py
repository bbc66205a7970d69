"""Which functions of the source a step can call: by name, by method, by operator, or through what it is given."""

from __future__ import annotations

import ast

from msgspec import Struct

from cwm_agent.analysis.codes import Code, Codes, Function, Scope
from cwm_agent.analysis.generators import Generators
from cwm_agent.analysis.graph import Node, Op
from cwm_agent.analysis.names import Meaning, Names
from cwm_agent.analysis.receivers import Receivers
from cwm_agent.analysis.special import PROTOCOLS, RESUMING, methods_of, methods_of_builtin

_CONSTRUCTORS = ("__new__", "__init__", "__post_init__")
_BY_NAME = frozenset({"exec", "eval", "__import__", "globals", "locals", "vars", "methodcaller", "attrgetter"})
_RUNS = frozenset({"exec", "eval", "__import__"})


class Callees(Struct, frozen=True):
    """What a step may call: numbers of code objects, entered at their start or resumed (generators).

    `must`: it cannot end well without one of these calls. `again`: it may make several. Not `certain`: code that the
    source does not show may be called too.
    """

    fresh: frozenset[int] = frozenset()
    resumed: frozenset[int] = frozenset()
    must: bool = False
    again: bool = True
    certain: bool = True


NONE = Callees()


class Calls:
    """The call graph of a source, by name."""

    def __init__(self, codes: Codes) -> None:
        self.codes = codes
        self.names = Names(codes)
        self._methods: dict[str, set[int]] = {}
        self._described: dict[str, set[int]] = {}
        for code in codes.all:
            if code.around >= 0 and isinstance(code.node, Function):
                self._methods.setdefault(code.name, set()).add(code.number)
                if code.node.decorator_list:
                    self._described.setdefault(code.name, set()).add(code.number)
        self.generators = Generators(codes, self.names)
        self.receivers = Receivers(codes, self.names)
        self._loose = self._escaping()
        self._found: dict[tuple[int, int], Callees] = {}

    def methods(self, *names: str) -> frozenset[int]:
        """The methods of these names in any class, without generators' bodies, which a call does not run."""
        found = {number for name in names for number in self._methods.get(name, ())}
        return frozenset(found - self.generators.all)

    def _escaping(self) -> frozenset[int]:
        """The functions that something else may call: those that are used as values, and those that are decorated."""
        if self._is_dynamic():
            return frozenset(code.number for code in self.codes.all[1:] if not code.is_class) - self.generators.all
        found: set[int] = set()
        for code in self.codes.all:
            called = {id(node.func) for node in code.own if isinstance(node, ast.Call)}
            for node in code.own:
                if isinstance(node, Scope) and self._is_handed_out(node, called):
                    found.add(self.codes.of_node[node].number)
                elif id(node) not in called and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
                    found |= self._value(node, code)
        return frozenset(found | self._of_foreign_classes()) - self.generators.all

    def _is_dynamic(self) -> bool:
        """Whether functions may be found by names that are computed."""
        for node in ast.walk(self.codes.tree):
            match node:
                case ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(), *_]):
                    pass
                case ast.Call(func=ast.Name(id="getattr")) | ast.Attribute(attr="__dict__" | "import_module"):
                    return True
                case ast.Name(id=name) | ast.Attribute(attr=name) if name in _BY_NAME:
                    return True
        return False

    def _is_handed_out(self, node: Scope, called: set[int]) -> bool:
        if isinstance(node, ast.Lambda):
            return id(node) not in called
        return isinstance(node, Function) and bool(node.decorator_list)

    def _value(self, node: ast.AST, code: Code) -> set[int]:
        """The functions that a name or an attribute, used as a value, may be."""
        if isinstance(node, ast.Attribute):
            return self._methods.get(node.attr, set())
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return self._methods.get(node.value, set())  # as in `getattr(x, "name")`
        if not isinstance(node, ast.Name):
            return set()
        numbers = self.names.meaning(node.id, code).codes
        classes = {number for number in numbers if self.codes.all[number].is_class}
        return set(numbers - classes) | {method for each in classes for method in self.constructors(each)}

    def _of_foreign_classes(self) -> set[int]:
        """The methods of classes with a base, decorator or metaclass that the source does not define."""
        found: set[int] = set()
        for code in self.codes.all:
            outer = self.codes.all[code.around] if code.around >= 0 else None
            if isinstance(code.node, Function) and outer is not None and self._is_foreign(outer):
                found.add(code.number)
        return found

    def _is_foreign(self, code: Code) -> bool:
        assert isinstance(code.node, ast.ClassDef)
        if code.node.keywords:
            return True
        for base in code.node.bases:
            known = isinstance(base, ast.Name) and self.names.meaning(base.id, self.codes.all[code.outer])
            if not known or known.imported or known.unknown:
                return True
        return False

    def constructors(self, number: int) -> frozenset[int]:
        """What making an instance of this class may call, from it or from its bases in the source."""
        found: set[int] = set()
        seen: set[int] = set()
        waiting = [number]
        while waiting:
            each = waiting.pop()
            if each in seen:
                continue
            seen.add(each)
            found |= {code.number for code in self.codes.all if code.around == each and code.name in _CONSTRUCTORS}
            node = self.codes.all[each].node
            assert isinstance(node, ast.ClassDef)
            outer = self.codes.all[self.codes.all[each].outer]
            for base in node.bases:
                if isinstance(base, ast.Name):
                    codes = self.names.meaning(base.id, outer).codes
                    waiting += [other for other in codes if self.codes.all[other].is_class]
            if node.keywords:
                found |= self.methods("__call__")
        return frozenset(found) - self.generators.all

    @property
    def anything(self) -> Callees:
        """What code that is not in the source may call."""
        special = [name for name in self._methods if name in PROTOCOLS or name[:2] == name[-2:] == "__"]
        return Callees(self._loose | self.methods(*special), self.generators.all)

    def of(self, node: Node, code: Code) -> Callees:
        """What this step of this code may call."""
        key = code.number, node.number
        if key not in self._found:
            self._found[key] = self._of(node, code)
        return self._found[key]

    def _of(self, node: Node, code: Code) -> Callees:
        if node.op is Op.CALL:
            assert isinstance(node.of, ast.Call)
            return self.called(node.of, code)
        if node.op is Op.CLASS:
            return self._class(node)
        if node.op is Op.DECORATE:
            return self.anything
        if node.op is Op.IMPORT:
            return Callees(certain=False)
        fresh = self.methods(*methods_of(node.op, node.of, node.name))
        if node.op in (Op.ATTRIBUTE, Op.SET_ATTRIBUTE):
            fresh |= self._described.get(node.name, set())
        if node.op is Op.RAISE:
            fresh |= self._raised(node, code)
        if isinstance(node.of, ast.Compare) and node.op is Op.COMPARE and _asks(node.of, node.name):
            return Callees(fresh, self.generators.all)
        if node.op in (Op.ENTER, Op.EXIT):
            fresh |= self._loose
        return self._resuming(node, code, fresh)

    def _resuming(self, node: Node, code: Code, fresh: frozenset[int]) -> Callees:
        """What a step calls that may ask an iterator, or let go of one."""
        generators = self.generators
        if node.op in (Op.BIND, Op.UNBIND, Op.SET_ATTRIBUTE, Op.SET_SUBSCRIPT):
            return Callees(fresh | self.methods("__del__"), generators.held)
        if node.op is Op.DROP and node.of is None:
            return Callees(self.methods("__del__"), generators.held)
        if node.op in (Op.NEXT, Op.DROP):
            made = generators.makes(node.of, code)
            must = made is not None and not generators.held and node.op is Op.NEXT
            own = fresh if made is None else frozenset()
            return Callees(own, generators.over(node.of, code), must=must, again=False)
        if node.op is Op.SPREAD or (node.op is Op.DELEGATE and isinstance(node.of, ast.expr)):
            return Callees(fresh, generators.over(node.of, code))
        if node.op in RESUMING or node.op in (Op.ENTER, Op.EXIT):
            return Callees(fresh, generators.all)
        return Callees(fresh, generators.held if generators.held and _may_let_go(node.of) else frozenset())

    def _class(self, node: Node) -> Callees:
        assert isinstance(node.of, ast.ClassDef)
        own = frozenset({self.codes.of_node[node.of].number})
        return Callees(own | self.methods(*methods_of(Op.CLASS, None, "")) | self._loose, self.generators.all)

    def _raised(self, node: Node, code: Code) -> frozenset[int]:
        kind = node.of.exc if isinstance(node.of, ast.Raise) else None
        if not isinstance(kind, ast.Name):
            return frozenset()
        return self._entered(self.names.meaning(kind.id, code).codes)

    def _entered(self, numbers: frozenset[int]) -> frozenset[int]:
        """The code objects that run when these are called."""
        found: set[int] = set()
        for number in numbers:
            found |= self.constructors(number) if self.codes.all[number].is_class else {number}
        return frozenset(found) - self.generators.all

    def called(self, call: ast.Call, code: Code) -> Callees:
        """What this call may call, in this code."""
        match call.func:
            case ast.Name(id=name):
                made = self.receivers.made(call, code)
                if made is not None:
                    return self._made(made)
                return self._by_name(name, self.names.meaning(name, code), call)
            case ast.Attribute(value=owner, attr=name):
                method = self.receivers.method(owner, name, code)
                if method is not None:
                    return self._direct(method)
                return self._asked(owner, name, code)
            case ast.Lambda():
                return self._direct(frozenset({self.codes.of_node[call.func].number}))
        return self.anything

    def _direct(self, numbers: frozenset[int]) -> Callees:
        """A call of one of these functions and nothing else."""
        runs = numbers - self.generators.all
        return Callees(runs, must=bool(runs) and runs == numbers, again=False)

    def _made(self, number: int) -> Callees:
        """What making an instance of a plain class calls."""
        if not self.receivers.has(number, "__init__"):
            return Callees(again=False)
        method = self.receivers.lookup(number, "__init__")
        return self._direct(frozenset({method})) if method is not None else self.anything

    def _asked(self, owner: ast.expr, name: str, code: Code) -> Callees:
        """What a method of an unknown object, or a function of a module, calls."""
        found = self.anything
        base = owner
        while isinstance(base, ast.Attribute):
            base = base.value
        meaning = self.names.meaning(base.id, code) if isinstance(base, ast.Name) else None
        inside = self.names.meaning(name, self.codes.all[0]).codes if meaning and meaning.imported else frozenset()
        certain = bool(inside) or meaning is None or not (meaning.imported and meaning.foreign)
        return Callees(found.fresh | self.methods(name) | self._entered(inside), found.resumed, certain=certain)

    def _by_name(self, name: str, meaning: Meaning, call: ast.Call) -> Callees:
        only = meaning.only
        if only is not None and not self.codes.all[only].is_class:
            return self._direct(frozenset({only}))
        fresh = self._entered(meaning.codes)
        if only is not None and fresh:
            return Callees(fresh | self.methods("__call__", "__set_name__") | self._loose, self.generators.all)
        if meaning.builtin and not meaning.unknown:
            odd = (name == "type" and len(call.args) != 1) or any(each.arg == "file" for each in call.keywords)
            special = None if odd else methods_of_builtin(name)
            if special is not None:
                let_go = self.generators.held if any(map(_may_let_go, call.args)) else frozenset()
                return Callees(self.methods(*special), let_go)
            return self.anything if name not in _RUNS else Callees(certain=False)
        found = self.anything
        return Callees(found.fresh | fresh, found.resumed, certain=not meaning.foreign)


def _asks(node: ast.Compare, at: str) -> bool:
    """Whether this one of the comparisons may go over an iterator."""
    return isinstance(node.ops[int(at)], ast.In | ast.NotIn)


def _may_let_go(node: ast.AST | None) -> bool:
    """Whether an operation on a value that only it holds may be the end of that."""
    return node is not None and any(isinstance(inner, ast.Call | ast.GeneratorExp) for inner in ast.walk(node))
