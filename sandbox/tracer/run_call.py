"""Evaluates an expression in the module that a file is: imported under the name that it has in its package."""

import os
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location

from _cwm_tracer.arguments import Misused
from _cwm_tracer.coding import decode

_ONLY_AST = 1024


def run_call(session):
    """Import the module, untraced, and evaluate the expression, traced; 0 where that comes to its end."""
    order = session.order
    text = _text(order)
    expression = _parsed(order.subject)
    _check(_shown(order), text)
    name, base = place(order.file, order.root, text)
    sys.path[:0] = list(dict.fromkeys((base, os.path.abspath(order.root))))
    sys.argv = [order.file]
    if order.text:
        session.scope.give(os.path.abspath(order.file), text)
    sys.meta_path.insert(0, _Finder(name, os.path.abspath(order.file), order.text))
    __import__(name)
    module = sys.modules[name]
    _check_entry(order, expression, vars(module))
    code = compile(order.subject.strip(), "<call>", "eval", dont_inherit=True)
    session.start()
    try:
        result = eval(code, vars(module))
        if type(result).__name__ == "coroutine":
            import asyncio

            asyncio.run(result)
    finally:
        session.finish()  # what shows an exception, such as its own `__str__`, is not part of the call
    return 0


def _text(order):
    try:
        with open(order.text or order.file, "rb") as stream:
            return decode(stream.read())
    except (OSError, SyntaxError, LookupError) as error:
        raise Misused("%s cannot be read: %s." % (_shown(order), error)) from None


def _parsed(expression):
    try:
        return compile(expression.strip(), "<call>", "eval", _ONLY_AST, dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise Misused("The expression does not parse: %s: %s." % (expression.strip(), _why(error))) from None


def _check(file, text):
    try:
        compile(text, file, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise Misused("%s does not parse, line %s: %s." % (file, error.lineno, _why(error))) from None
    except ValueError as error:
        raise Misused("%s does not parse: %s." % (file, error)) from None


def _shown(order):
    """The file as the user knows it: from the root, where it is below that."""
    inside = os.path.relpath(order.file, order.root)
    return order.file if inside.startswith(os.pardir) else inside


def _why(error):
    return getattr(error, "msg", None) or str(error)


def _check_entry(order, expression, space):
    """Say at once that what is called does not exist, and what does."""
    import builtins

    callee = expression.body
    while type(callee).__name__ in ("Call", "Attribute", "Await", "Subscript"):
        callee = getattr(callee, "func", None) or callee.value
    if type(callee).__name__ != "Name" or callee.id in space or hasattr(builtins, callee.id):
        return
    names = [
        name
        for name, value in space.items()
        if callable(value) and getattr(value, "__module__", "") == space["__name__"]
    ]
    said = " It has %s." % ", ".join(names[:12]) if names else ""
    raise Misused("%s has no %s.%s" % (_shown(order), callee.id, said))


def place(file, root, text):
    """The module's full name and the folder from which it is imported."""
    path = os.path.abspath(file)
    folder, base = os.path.split(path)
    stem = base[:-3] if base.endswith(".py") else base
    parts = [] if stem == "__init__" else [stem]
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder, last = os.path.split(folder)
        parts.insert(0, last)
    if len(parts) == 1 and _is_relative(text):
        inside = os.path.relpath(path, root).split(os.sep)
        if inside[0] != os.pardir:
            parts, folder = [*inside[:-1], stem], os.path.abspath(root)
    name = ".".join(parts)
    if not all(part.isidentifier() for part in parts):
        name = "".join(letter if letter.isalnum() else "_" for letter in stem)
    if name in sys.modules:
        name += "_traced"  # a module of the interpreter's has that name
    return name, folder


def _is_relative(text):
    tree = compile(text, "<text>", "exec", _ONLY_AST, dont_inherit=True)
    queue = [tree]
    while queue:
        node = queue.pop()
        if type(node).__name__ == "ImportFrom" and node.level:
            return True
        queue.extend(child for child in getattr(node, "body", ()) if hasattr(child, "_fields"))
    return False


class _Finder:
    """Finds one module, in the file that was named, wherever else another of that name may be."""

    def __init__(self, name, path, text):
        self._name = name
        self._path = path
        self._text = text

    def find_spec(self, name, _path=None, _target=None):
        if name != self._name:
            return None
        loader = _Given(name, self._path, self._text) if self._text else SourceFileLoader(name, self._path)
        if os.path.basename(self._path) == "__init__.py":
            return spec_from_file_location(name, self._path, loader=loader)
        spec = ModuleSpec(name, loader, origin=self._path)
        spec.has_location = True
        return spec


class _Given(SourceFileLoader):
    """Loads a module whose text stands in another file, without a bytecode cache."""

    def __init__(self, name, path, text):
        super().__init__(name, path)
        self._given = text

    def path_stats(self, _path):
        raise OSError("not cached")

    def get_data(self, path):
        return super().get_data(self._given if path == self.path else path)
