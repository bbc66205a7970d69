"""Records what functions of the user's are given: one JSON line for each call that a test makes into them.

A line: `event` "input", `file`, `function`, `module`, `qualname`, `line`, `depth`, `arguments` (name → repr),
`expressions` (name → an expression that makes an equal value in that module), and `call`, an expression that makes
the same call, or null where an argument has none or the function cannot be reached by its name.
"""

from _json import encode_basestring_ascii as quoted

from _cwm_tracer.codes import OPTIMIZED
from _cwm_tracer.expressions import Writer
from _cwm_tracer.recorder import Recorder

_GENERATOR = 0x20 | 0x80 | 0x200
_VARIADIC, _KEYWORDS = 0x04, 0x08


class InputRecorder(Recorder):
    """A recorder that keeps calls alone."""

    def enter(self, frame, info):
        """A function begins: its arguments are written."""
        stack = self.stack()
        active = _Called(frame, info)
        stack.append(active)
        code = info.code
        resumed = code.co_flags & _GENERATOR and frame.f_lineno != code.co_firstlineno
        if len(stack) > 1 and code.co_flags & OPTIMIZED and code.co_name[:1] != "<" and not resumed:
            self.write(self._line(frame, info, len(stack) - 1))
        return active

    def _line(self, frame, info, depth):
        code, space, found = info.code, frame.f_globals, dict(frame.f_locals)
        module = space.get("__name__")
        writer = Writer(space)
        reprs, expressions = [], {}
        names = _parameters(code)
        for name in names:
            if name in found:
                reprs.append("%s: %s" % (quoted(name), quoted(self.renderer.render(found[name])[0])))
                expression = writer.expression(found[name])
                if expression is not None:
                    expressions[name] = expression
        call = _call(code, space, names, expressions)
        fields = (
            ("event", '"input"'),
            ("file", quoted(self.scope.name(code.co_filename) or code.co_filename)),
            ("function", quoted(code.co_name)),
            ("module", quoted(module) if isinstance(module, str) else "null"),
            ("qualname", quoted(getattr(code, "co_qualname", code.co_name))),
            ("line", str(info.first)),
            ("depth", str(depth)),
            ("arguments", "{%s}" % ", ".join(reprs)),
            ("expressions", "{%s}" % ", ".join("%s: %s" % (quoted(k), quoted(v)) for k, v in expressions.items())),
            ("call", "null" if call is None else quoted(call)),
            ("thread", str(self._local.number)),
        )
        return "{%s}\n" % ", ".join('"%s": %s' % field for field in fields)


class _Called:
    """An activation of which only the place on the stack matters."""

    __slots__ = ("frame", "info")

    def __init__(self, frame, info):
        self.frame = frame
        self.info = info


def _parameters(code):
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & _VARIADIC) + bool(code.co_flags & _KEYWORDS)
    return code.co_varnames[:count]


def _call(code, space, names, expressions):
    """The call as an expression for its module, where the function is found there and every argument has one."""
    function = space.get(code.co_name)
    while hasattr(function, "__wrapped__") and getattr(function, "__code__", None) is not code:
        function = function.__wrapped__
    if getattr(function, "__code__", None) is not code or any(name not in expressions for name in names):
        return None
    rest = list(names)
    parts = []
    for position in range(code.co_argcount):
        name = rest.pop(0)
        by_place = position < getattr(code, "co_posonlyargcount", 0) or code.co_flags & _VARIADIC
        parts.append(expressions[name] if by_place else "%s=%s" % (name, expressions[name]))
    keywords = [rest.pop(0) for _ in range(code.co_kwonlyargcount)]
    if code.co_flags & _VARIADIC:
        parts.append("*" + expressions[rest.pop(0)])
    parts += ["%s=%s" % (name, expressions[name]) for name in keywords]
    if code.co_flags & _KEYWORDS:
        parts.append("**" + expressions[rest.pop(0)])
    return "%s(%s)" % (code.co_name, ", ".join(part for part in parts if part not in ("*()", "**{}")))
