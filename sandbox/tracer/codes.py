"""What the tracer knows of one code object: how it is shown, and which of its events are steps of their own.

List, dict and set comprehensions are one step with the line that they begin on, on every version: where they are
functions of their own (before 3.12) these are passed over, where they are part of the function their loops are.
"""

import sys
from _json import encode_basestring_ascii as quoted
from opcode import opmap

COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>")
OPTIMIZED = 1
_ITERATE = ("FOR_ITER", "YIELD_FROM", "SEND", "END_SEND", "END_ASYNC_FOR", "GET_ANEXT")
ITERATING = {opmap[name] for name in _ITERATE if name in opmap}
INLINED = sys.version_info >= (3, 12)
_ONLY_AST = 1024
_BOOKKEEPING = {
    *("__name__", "__qualname__", "__module__", "__doc__", "__package__", "__loader__", "__spec__", "__file__"),
    *("__cached__", "__builtins__", "__annotations__", "__classcell__", "__firstlineno__", "__static_attributes__"),
    *("__warningregistry__", "__path__", "__classdict__", "__classdictcell__", "__annotate__", "__annotate_func__"),
    *("__conditional_annotations__", "__type_params__", "__orig_bases__"),
}


class Info:
    """One code object of the user's; kept for the whole trace, so that its id stays its own."""

    __slots__ = (
        "armed",
        "code",
        "comprehension",
        "first",
        "heads",
        "inner",
        "keys",
        "lines",
        "loops",
        "names",
        "prefix",
    )

    def __init__(self, code, name, lines, inner):
        self.armed = False  # whether its own events were asked for
        self.code = code
        self.lines = lines
        nested = code.co_name in ("<lambda>", "<genexpr>") and code.co_firstlineno in inner
        self.inner = (
            {} if nested else inner
        )  # a line inside a comprehension → the line on which the outermost one begins
        self.comprehension = code.co_name in COMPREHENSIONS
        self.first = max(code.co_firstlineno, 1)
        self.loops = _loops(code) if INLINED else ()
        self.names = (*code.co_varnames, *(n for n in code.co_cellvars if n not in code.co_varnames), *code.co_freevars)
        self.keys = Keys(code.co_flags & OPTIMIZED)
        self.heads = {}
        self.prefix = '", "file": %s, "function": %s, "line": ' % (quoted(name), quoted(code.co_name))

    def head(self, line):
        """What a frame at this line begins with, before its depth, and after it up to its locals."""
        source = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        found = self.heads[line] = (
            '{"event": "line%s%d, "depth": ' % (self.prefix, line),
            ', "source": %s, "locals": {' % quoted(source),
            '%s%d, "depth": ' % (self.prefix, line),
        )
        return found

    def in_loop(self, offset):
        """Whether the instruction is in the loop of a comprehension."""
        return any(start <= offset < end for start, end in self.loops)


class Keys(dict):
    """Name of a local → how it begins in JSON, or an empty text for what is hidden."""

    __slots__ = ("_optimized",)

    def __init__(self, optimized):
        self._optimized = optimized

    def __missing__(self, name):
        hidden = not isinstance(name, str) or not name.isidentifier()
        hidden = hidden or (not self._optimized and name in _BOOKKEEPING)
        key = self[name] = "" if hidden else quoted(name) + ": "
        return key


def _loops(code):
    """Where the loops of comprehensions are, as offsets: each is entered with a fresh container on the stack."""
    import dis

    appending = {dis.opmap[name] for name in ("LIST_APPEND", "SET_ADD", "MAP_ADD")}
    if appending.isdisjoint(code.co_code[::2]):
        return ()
    found, before = [], ("", "")
    for instruction in dis.get_instructions(code):
        name = instruction.opname
        fresh = before[0] in ("BUILD_LIST", "BUILD_SET", "BUILD_MAP") and before[1] == "SWAP"
        if name == "FOR_ITER" and fresh:
            found.append((instruction.offset, instruction.argval))
        if name == "GET_ANEXT" and fresh:
            found.append((instruction.offset, _end_of_async(dis, code, instruction.offset)))
        if name not in ("EXTENDED_ARG", "CACHE"):
            before = (before[1], name)
    return tuple(found)


def _end_of_async(dis, code, start):
    for instruction in dis.get_instructions(code):
        if instruction.offset > start and instruction.opname == "END_ASYNC_FOR":
            return instruction.offset
    return start


def inner_lines(lines):
    """The lines on which comprehensions go on, of a whole file: line → line on which the outermost one begins."""
    if not any(_may_go_on(line) for line in lines):
        return {}
    try:
        tree = compile("\n".join(lines) + "\n", "<text>", "exec", _ONLY_AST, dont_inherit=True)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return {}
    found, queue = {}, [(tree, None)]
    while queue:
        node, begins = queue.pop()
        kind = type(node).__name__
        if kind in ("ListComp", "SetComp", "DictComp"):
            begins = begins or node.lineno
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                if line != begins:
                    found.setdefault(line, begins)
        elif kind in ("Lambda", "FunctionDef", "AsyncFunctionDef", "GeneratorExp"):
            begins = None
        for field in getattr(node, "_fields", ()):
            value = getattr(node, field, None)
            children = value if isinstance(value, list) else (value,)
            queue += [(child, begins) for child in children if hasattr(child, "_fields")]
    return found


def _may_go_on(line):
    """Whether the line may hold the `for` of a comprehension that has several lines."""
    begins = line.lstrip()
    if begins.startswith(("for ", "async for ")):
        return not begins.split("#")[0].rstrip().endswith(":")
    return " for " in line
