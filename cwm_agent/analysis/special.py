"""The special methods that an operation may call, where a class of the source defines them."""

from __future__ import annotations

import ast

from cwm_agent.analysis.graph import Op

_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.MatMult: "matmul",
    ast.Div: "truediv",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.Pow: "pow",
    ast.LShift: "lshift",
    ast.RShift: "rshift",
    ast.BitOr: "or",
    ast.BitXor: "xor",
    ast.BitAnd: "and",
}
_UNARY: dict[type[ast.unaryop], tuple[str, ...]] = {
    ast.UAdd: ("__pos__",),
    ast.USub: ("__neg__",),
    ast.Invert: ("__invert__",),
    ast.Not: ("__bool__", "__len__"),
}
TEXT = ("__repr__", "__str__", "__format__")
ORDER = ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__")
ITERATION = ("__iter__", "__next__", "__getitem__", "__len__", "__length_hint__")
KEYS = ("__hash__", "__eq__")
_BY_OP: dict[Op, tuple[str, ...]] = {
    Op.TRUTH: ("__bool__", "__len__"),
    Op.ATTRIBUTE: ("__getattribute__", "__getattr__", "__get__"),
    Op.SET_ATTRIBUTE: ("__setattr__", "__delattr__", "__set__", "__delete__"),
    Op.SUBSCRIPT: ("__getitem__", "__class_getitem__", "__missing__", "__index__", "__len__", *KEYS),
    Op.SET_SUBSCRIPT: ("__setitem__", "__delitem__", "__index__", "__len__", *KEYS),
    Op.ITER: ("__iter__", "__getitem__", "__aiter__"),
    Op.NEXT: ("__next__", "__getitem__"),
    Op.SPREAD: (*ITERATION, "keys", *KEYS),
    Op.UNPACK: ITERATION,
    Op.HASH: KEYS,
    Op.FORMAT: TEXT,
    Op.ENTER: ("__enter__", "__aenter__"),
    Op.EXIT: ("__exit__", "__aexit__"),
    Op.DELEGATE: ("__iter__", "__next__", "__await__", "__aiter__", "__anext__", "__aenter__", "__aexit__"),
    Op.MATCH: (*ITERATION, "__eq__", "__instancecheck__", "__getattr__", "__getattribute__", "__get__", "get"),
    Op.CATCH: ("__subclasscheck__",),
    Op.CLASS: (
        "__init_subclass__",
        "__set_name__",
        "__prepare__",
        "__new__",
        "__init__",
        "__call__",
        "__mro_entries__",
    ),
}
_OF_BUILTIN: dict[str, tuple[str, ...]] = {
    "len": ("__len__",),
    "range": ("__index__",),
    "print": TEXT,
    "str": TEXT,
    "repr": TEXT,
    "ascii": TEXT,
    "format": TEXT,
    "bool": ("__bool__", "__len__"),
    "int": ("__int__", "__index__", "__trunc__"),
    "float": ("__float__", "__index__"),
    "abs": ("__abs__",),
    "round": ("__round__",),
    "divmod": ("__divmod__", "__rdivmod__"),
    "hash": ("__hash__",),
    "iter": ("__iter__", "__getitem__"),
    "reversed": ("__reversed__", "__len__", "__getitem__"),
    "isinstance": ("__instancecheck__",),
    "issubclass": ("__subclasscheck__",),
    "chr": ("__index__",),
    "ord": (),
    "id": (),
    "callable": (),
    "type": (),
    "object": (),
    "super": (),
    "hex": ("__index__",),
    "bin": ("__index__",),
    "oct": ("__index__",),
    "slice": (),
    "bytes": ("__bytes__", "__index__", *ITERATION),
    "hasattr": ("__getattribute__", "__getattr__", "__get__"),
    "input": TEXT,
    "open": ("__fspath__",),
    "locals": (),
    "globals": (),
    "vars": (),
    "dir": ("__dir__",),
}
PROTOCOLS = frozenset(
    {"write", "read", "readline", "flush", "close", "keys", "items", "run", "send", "get", "emit", "format", "filter"}
)
"""The plain methods that the standard library calls on what it is given."""
RESUMING = frozenset({Op.NEXT, Op.SPREAD, Op.UNPACK, Op.DELEGATE, Op.MATCH})
"""The operations that may ask an iterator, and so resume a generator."""


def methods_of(op: Op, node: ast.AST | None, name: str) -> tuple[str, ...]:
    """The special methods that a step may call."""
    if op is Op.BINARY and isinstance(node, ast.BinOp | ast.AugAssign):
        stem = _ARITHMETIC[type(node.op)]
        text = TEXT if isinstance(node.op, ast.Mod) else ()
        inplace = (f"__i{stem}__",) if isinstance(node, ast.AugAssign) else ()
        return (*inplace, f"__{stem}__", f"__r{stem}__", "__index__", *text, *(ITERATION if inplace else ()), *KEYS)
    if op is Op.UNARY and isinstance(node, ast.UnaryOp):
        return _UNARY[type(node.op)]
    if op is Op.COMPARE and isinstance(node, ast.Compare):
        asked = node.ops[int(name)]
        if isinstance(asked, ast.Is | ast.IsNot):
            return ()
        if isinstance(asked, ast.In | ast.NotIn):
            return ("__contains__", *ITERATION, *KEYS)
        return ORDER
    return _BY_OP.get(op, ())


def methods_of_builtin(name: str) -> tuple[str, ...] | None:
    """The special methods that a builtin function may call; None for one that may call anything it is given."""
    if name in _OF_BUILTIN:
        return _OF_BUILTIN[name]
    return () if name.endswith(("Error", "Exception", "Exit", "Interrupt", "Iteration", "Warning")) else None
