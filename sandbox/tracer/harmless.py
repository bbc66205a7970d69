"""Reads the bytecode of a function for anything by which it could be more than a question."""

import builtins
import types

_MRO = type.__dict__["__mro__"].__get__
_DICT = type.__dict__["__dict__"].__get__

_OPERATIONS = (
    *("STORE_ATTR", "DELETE_ATTR", "STORE_SUBSCR", "DELETE_SUBSCR", "STORE_SLICE", "STORE_GLOBAL", "DELETE_GLOBAL"),
    *("STORE_NAME", "IMPORT_NAME", "IMPORT_STAR", "SETUP_WITH", "BEFORE_WITH", "BEFORE_ASYNC_WITH", "LOAD_SPECIAL"),
    *("GET_AWAITABLE", "YIELD_FROM", "SEND", "LOAD_BUILD_CLASS", "PRINT_EXPR"),
)
_BUILTINS = {
    *("abs", "all", "any", "ascii", "bin", "bool", "bytes", "chr", "complex", "dict", "divmod", "enumerate", "filter"),
    *("float", "format", "frozenset", "getattr", "hasattr", "hash", "hex", "id", "int", "isinstance", "issubclass"),
    *("len", "list", "map", "max", "min", "oct", "ord", "range", "repr", "reversed", "round", "set", "slice"),
    *("sorted", "str", "sum", "super", "tuple", "type", "vars", "zip", "object", "bytearray", "dir"),
}
_METHODS = {
    *("__repr__", "__str__", "__format__", "__len__", "__class__", "capitalize", "casefold", "center", "copy"),
    *("count", "decode", "encode", "endswith", "expandtabs", "find", "format", "format_map", "get", "hex", "index"),
    *("isalnum", "isalpha", "isdigit", "isidentifier", "islower", "isspace", "isupper", "items", "join", "keys"),
    *("ljust", "lower", "lstrip", "most_common", "partition", "removeprefix", "removesuffix", "replace", "rfind"),
    *("rindex", "rjust", "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "swapcase"),
    *("title", "translate", "upper", "values", "zfill", "bit_length", "is_integer", "isoformat", "strftime", "total"),
    *("total_seconds", "as_posix", "union", "intersection", "difference", "issubset", "issuperset", "tolist"),
    *("date", "time", "timestamp", "dumps", "floor", "ceil", "sqrt", "shorten", "indent", "quantize", "normalize"),
}
_MUTATORS = {
    *("append", "extend", "insert", "add", "update", "appendleft", "extendleft", "sort", "reverse", "pop", "popleft"),
    *("popitem", "remove", "discard", "clear", "setdefault"),
}
_MODULES = ("math", "string", "textwrap", "json", "reprlib", "operator", "datetime", "decimal")
_FRESH = ("LOAD_CONST", "BUILD_", "FORMAT_", "LIST_EXTEND", "SET_UPDATE", "LIST_TO_TUPLE", "INPLACE_", "BINARY_")


def inherited(kind, name):
    """What a class has under a name, without asking its metaclass; None where it has nothing."""
    for part in _MRO(kind) or ():  # a few internal classes have none before 3.10
        found = _DICT(part).get(name)
        if found is not None:
            return found
    return None


class Examiner:
    """One examination, of a method of `kind` and of what it calls; `loops` says that a `while` was met."""

    def __init__(self, is_users, kind):
        self._is_users = is_users
        self._kind = kind
        self._met = set()
        self.loops = False

    def passes(self, function):
        """Whether nothing was found."""
        code = function.__code__
        if code in self._met or not self._is_users(code):
            return True
        self._met.add(code)
        if len(self._met) > 40 or (code.co_flags & (0x20 | 0x80 | 0x100 | 0x200) and code.co_name != "__iter__"):
            return False
        return self._body(code, function.__globals__)

    def _body(self, code, space):
        import dis

        steps = [step for step in dis.get_instructions(code) if step.opname not in ("EXTENDED_ARG", "CACHE")]
        at = {step.offset: step.opname for step in steps}
        fresh = _fresh(steps)
        before = None
        for step in steps:
            if not self._step(step, before, code, space, fresh):
                return False
            jumps = step.opcode in dis.hasjrel or step.opcode in dis.hasjabs
            if jumps and step.argval <= step.offset and at.get(step.argval) != "FOR_ITER":
                self.loops = True
            before = step
        return True

    def _step(self, step, before, code, space, fresh):
        name, value = step.opname, step.argval
        if name in _OPERATIONS or (name == "STORE_DEREF" and value in code.co_freevars):
            return False
        if name == "LOAD_CONST" and isinstance(value, types.CodeType):
            return self._body(value, space)
        if name in ("LOAD_GLOBAL", "LOAD_NAME"):
            return self._global(value, code, space)
        if name in ("LOAD_METHOD", "LOAD_ATTR", "LOAD_SUPER_ATTR"):
            called = name != "LOAD_ATTR" or "NULL" in step.argrepr
            own = before is not None and before.opname.startswith("LOAD_FAST") and before.argval in fresh
            return self._attribute(value, called=called, own=own)
        if name.startswith("INPLACE_") or (name == "BINARY_OP" and step.argrepr.endswith("=")):
            return bool(fresh)
        return True

    def _global(self, name, code, space):
        found = space.get(name, getattr(builtins, name, None))
        if found is getattr(builtins, name, self):
            return name in _BUILTINS or (isinstance(found, type) and issubclass(found, BaseException))
        if isinstance(found, types.FunctionType):
            return self.passes(found)
        if isinstance(found, types.ModuleType):
            return found.__name__ in _MODULES
        if isinstance(found, type):
            return "isinstance" in code.co_names or "__name__" in code.co_names
        return not callable(found)

    def _attribute(self, name, *, called, own):
        if name in _MUTATORS:
            return own
        known = False
        for part in _MRO(self._kind):
            found = _DICT(part).get(name)
            if found is None:
                continue
            known = True
            if isinstance(found, property):
                found = found.fget
            elif isinstance(found, (classmethod, staticmethod)):
                found = found.__func__
            elif type(found).__name__ == "cached_property":
                return False
            if isinstance(found, types.FunctionType) and not self.passes(found):
                return False
        return known or not called or name in _METHODS


def _fresh(steps):
    """The locals that only ever hold what the function made itself."""
    fresh, stale, before = set(), set(), ""
    for step in steps:
        if step.opname.startswith("STORE_FAST"):
            made = before.startswith(_FRESH) and before != "BINARY_SUBSCR"
            (fresh if made else stale).add(step.argval)
        before = step.opname
    return fresh - stale
