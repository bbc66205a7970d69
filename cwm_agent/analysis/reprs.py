"""What the repr of a value tells about it: whether it can change while it stays bound, and what it holds."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from msgspec import Struct

_CONSTANT = re.compile(
    r"<(?:function|class|built-in (?:function|method)|module|code object|generator object|coroutine object"
    r"|async_generator object|slot wrapper|method|method-wrapper|staticmethod|classmethod|property)\b[^<>]*>"
)
_LOCALS = "<locals>"
_LAMBDA = re.compile(r"<(lambda|genexpr|module|listcomp)>")
_PLAIN_OBJECT = re.compile(r"<(?:[\w.]+\.)?(\w+) object at 0x…>")
_OPAQUE = re.compile(r"<[^<>]*>")
_SCALAR = re.compile(r"(True|False|None|Ellipsis|nan|-?inf|-?\d[\w.+-]*|\(?-?\d[\w.]*[+-]\d[\w.]*j\)?)\Z")
_CONDUIT, _UNKNOWN = "_conduit", "_unknown"
_FIXED_CALLS = frozenset({"range", "slice", "Fraction", "Decimal", "PosixPath", "UUID"})
_LONGEST = 4000


class Held(Struct, frozen=True):
    """The changeable things in a value: the texts of its containers and objects, the whole among them.

    `opaque`: its repr may change with what is not shown. `hides`: it may lead to things that are not shown.
    """

    texts: frozenset[str] = frozenset()
    opaque: bool = False
    hides: bool = False

    @property
    def fixed(self) -> bool:
        """Whether its repr stays what it is as long as it stays bound."""
        return not self.texts and not self.opaque

    def __or__(self, other: Held) -> Held:
        return Held(self.texts | other.texts, self.opaque or other.opaque, self.hides or other.hides)


FIXED = Held()
CONDUIT = Held(hides=True)
OPAQUE = Held(opaque=True, hides=True)


class Reprs:
    """Reads reprs; `custom` are the classes of the source that write their own.

    `veiled`: one of these may read like a built-in value, so that no repr can be trusted.
    """

    def __init__(self, custom: frozenset[str] = frozenset(), *, veiled: bool = False) -> None:
        self._custom = custom
        self.veiled = veiled
        self.held = lru_cache(maxsize=4096)(self._held)

    def _held(self, text: str) -> Held:
        if self.veiled:
            return OPAQUE
        if _is_scalar(text):
            return FIXED
        if len(text) > _LONGEST or "..." in text:
            return OPAQUE
        tree = _parsed(text) or _parsed(self._simplified(text))
        return OPAQUE if tree is None else self._read(tree)

    def _simplified(self, text: str) -> str:
        """The repr with names of ours in the place of what cannot be written as an expression."""
        text = _LAMBDA.sub(r"\1", text.replace(_LOCALS, "locals"))
        text = _PLAIN_OBJECT.sub(lambda found: _UNKNOWN if found[1] in self._custom else _CONDUIT, text)
        return _OPAQUE.sub(_UNKNOWN, _CONSTANT.sub(_CONDUIT, text))

    def _read(self, node: ast.expr) -> Held:
        match node:
            case ast.Constant():
                return FIXED
            case ast.Name(id=name):
                return FIXED if name in ("nan", "inf") else CONDUIT if name == _CONDUIT else OPAQUE
            case ast.Tuple(elts=elements):
                return self._all(elements)
            case ast.Call(func=ast.Name(id="frozenset"), args=[ast.Set(elts=elements)]):
                return self._all(elements)
            case ast.List(elts=elements) | ast.Set(elts=elements):
                return self._all(elements) | Held(frozenset({ast.unparse(node)}))
            case ast.Dict(keys=keys, values=values):
                return self._all([*filter(None, keys), *values]) | Held(frozenset({ast.unparse(node)}))
            case ast.UnaryOp(operand=operand):
                return self._read(operand)
            case ast.BinOp(left=ast.Constant() | ast.UnaryOp(), right=ast.Constant()):
                return FIXED
            case ast.Call():
                return self._called(node)
        return OPAQUE

    def _called(self, node: ast.Call) -> Held:
        match node.func:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                if name in self._custom:
                    return OPAQUE
            case _:
                return OPAQUE
        inside = self._all([*node.args, *(each.value for each in node.keywords)])
        if name in _FIXED_CALLS or (name == "frozenset" and not node.args):
            return inside
        return inside | Held(frozenset({ast.unparse(node)}))

    def _all(self, nodes: Iterable[ast.expr]) -> Held:
        found = FIXED
        for node in nodes:
            found = found | self._read(node)
        return found

    def sharing(self, roots: Iterable[str], before: Mapping[str, str]) -> frozenset[str]:
        """The names whose shown value can change when something changes that is reachable from `roots`.

        A root that is not among the locals may lead anywhere.
        """
        changeable = {name: held for name, text in before.items() if not (held := self.held(text)).fixed}
        touched = FIXED
        for name in roots:
            if name not in before:
                return frozenset(changeable)
            touched = touched | self.held(before[name])
        if touched.opaque or touched.hides:
            return frozenset(changeable)
        return frozenset(
            name for name, held in changeable.items() if held.texts & touched.texts or (held.opaque and touched.texts)
        )


def _is_scalar(text: str) -> bool:
    return text[:1] in "'\"" or text[:2] in ("b'", 'b"') or bool(_SCALAR.match(text))


@lru_cache(maxsize=4096)
def _parsed(text: str) -> ast.expr | None:
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def custom_reprs(tree: ast.Module) -> Reprs:
    """The reader for values of this source."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    writers = [
        (owner.name, each)
        for owner in classes
        for each in owner.body
        if isinstance(each, ast.FunctionDef | ast.Assign) and "__repr__" in _targets(each)
    ]
    names = {name for name, _ in writers}
    while True:
        more = {each.name for each in classes if any(_name(base) in names for base in each.bases)} - names
        if not more:
            break
        names |= more
    names |= {each.name for each in classes if any(_is_foreign(base, classes) for base in each.bases)}
    veiled = any(not _is_telling(each) for _, each in writers)
    return Reprs(frozenset(names), veiled=veiled)


def poses(tree: ast.Module) -> bool:
    """Whether an object of a class of the source may read like a built-in value."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    if custom_reprs(tree).veiled or any(node.keywords for node in classes):
        return True
    bases = [base for node in classes for base in node.bases]
    return any(_is_foreign(base, classes) or _name(base) in _CONTAINERS for base in bases)


_CONTAINERS = frozenset({"list", "dict", "set", "tuple"})
_HARMLESS_BASES = frozenset(
    {"object", "ABC", "Protocol", "Generic", "Enum", "IntEnum", "StrEnum", "Flag", "NamedTuple", "TypedDict"}
    | _CONTAINERS
)


def _is_foreign(base: ast.expr, classes: Iterable[ast.ClassDef]) -> bool:
    name = _name(base)
    known = name in _HARMLESS_BASES or name.endswith(("Error", "Exception", "Warning"))
    return not known and all(each.name != name for each in classes)


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=value):
            return _name(value)
    return ""


def _targets(node: ast.FunctionDef | ast.Assign) -> list[str]:
    return [node.name] if isinstance(node, ast.FunctionDef) else [_name(each) for each in node.targets]


def _is_telling(writer: ast.FunctionDef | ast.Assign) -> bool:
    """Whether what a `__repr__` gives cannot be taken for a built-in value: it begins with a name or with `<`."""
    returns = [node.value for node in ast.walk(writer) if isinstance(node, ast.Return)]
    return isinstance(writer, ast.FunctionDef) and bool(returns) and all(map(_begins_with_name, returns))


def _begins_with_name(node: ast.expr | None) -> bool:
    match node:
        case ast.Constant(value=str(text)):
            return bool(re.match(r"[A-Za-z_]\w*[^\w'\"]|[A-Z]\w*$|<", text)) and not _SCALAR.match(text)
        case ast.JoinedStr(values=[ast.FormattedValue(value=ast.Attribute(attr="__name__" | "__qualname__")), *_]):
            return True
        case ast.JoinedStr(values=[first, *_]):
            return _begins_with_name(first)
        case ast.BinOp(left=left, op=ast.Add() | ast.Mod()):
            return _begins_with_name(left)
        case ast.Call(func=ast.Attribute(value=value, attr="format")):
            return _begins_with_name(value)
    return False
