"""Whose code is it: the user's files are those under the roots, without environments and installed packages.

Code that has no file (`exec`, `eval`) is the user's where user's code ran it. That, and the text of each file at the
moment when it was imported, is learnt from the interpreter's audit events.
"""

import os
import sys

from _cwm_tracer.coding import decode

_INSTALLED = ("site-packages", "dist-packages")


class Scope:
    """Decides by file name, and keeps the texts."""

    def __init__(self, root, extra=()):
        self.cwd = os.getcwd()
        self.root = os.path.realpath(root)
        self._roots = tuple({path.rstrip(os.sep) + os.sep for base in (root, *extra) for path in self._forms(base)})
        self._never = tuple(path + os.sep for path in self._foreign())
        self._names = {}  # file name of a code object → name to show, or None for what is not the user's
        self._texts = {}  # file name of a code object → its lines
        self._compiled = {}  # file name that is no file → the text that was last compiled under it
        self._ran = {}  # id of a code object that user's code executed → (the code object, its lines)
        self.active = True

    def _forms(self, path):
        return {os.path.abspath(path), os.path.realpath(path)}

    def _foreign(self):
        """Folders below a root that hold no code of the user: ours, the interpreter's, an environment."""
        found = self._forms(os.path.dirname(os.path.abspath(__file__)))
        for path in (sys.prefix, sys.base_prefix, os.path.dirname(os.__file__)):
            for form in self._forms(path):
                if form.startswith(self._roots):
                    found.add(form)
        return found

    def name(self, filename):
        """How a file is shown, relative to the root, or None where it is not the user's."""
        try:
            return self._names[filename]
        except KeyError:
            found = self._names[filename] = self._name(filename)
            return found

    def _name(self, filename):
        if filename[:1] == "<":
            return None
        path = os.path.normpath(os.path.join(self.cwd, filename))
        for form in (path, os.path.realpath(path)):
            if form.startswith(self._roots) and not form.startswith(self._never):
                parts = form.split(os.sep)
                if not any(part in _INSTALLED for part in parts) and (filename in self._texts or os.path.isfile(path)):
                    base = max((root for root in self._roots if form.startswith(root)), key=len)
                    inside = self.root + os.sep
                    return os.path.relpath(form, self.root) if form.startswith(inside) else form[len(base) :]
        return None

    def give(self, filename, text):
        """This is the file's text, whatever the disk says."""
        self._texts[filename] = split(text)

    def lines(self, filename):
        """The lines of a file of the user's, as they were when it was first met."""
        found = self._texts.get(filename)
        if found is None:
            found = self._texts[filename] = read_lines(os.path.join(self.cwd, filename))
        return found

    def ran(self, code):
        """The lines of a code object without a file that is the user's, or None for one that is not."""
        found = self._ran.get(id(code))
        return None if found is None else found[1]

    def listen(self):
        """Begin to hear of imports and executions; a hook cannot be taken away again, only told to be quiet."""
        sys.addaudithook(self._heard)

    def _heard(self, event, arguments):
        if (event != "exec" and event != "compile") or not self.active:
            return
        if event == "compile":
            source, filename = arguments[:2]
            told = isinstance(filename, str) and isinstance(source, (str, bytes))
            if told and self.name(filename) is None:
                self._compiled[filename] = source
            return
        code = arguments[0]
        filename = code.co_filename
        if self.name(filename) is not None:
            self.lines(filename)
        elif not os.path.isabs(filename):
            self._executed(code, sys._getframe(1).f_code)  # noqa: SLF001 - the frame of the event is told no other way

    def _executed(self, code, caller):
        if self.name(caller.co_filename) is None and id(caller) not in self._ran:
            return
        source = self._compiled.get(code.co_filename, "")
        if isinstance(source, bytes):
            source = source.decode("utf-8", "replace")
        self._mark(code, split(source))

    def _mark(self, code, lines):
        self._ran[id(code)] = (code, lines)
        for constant in code.co_consts:
            if isinstance(constant, type(code)):
                self._mark(constant, lines)


def read_lines(path):
    """The lines of a source file; none where it cannot be read."""
    try:
        with open(path, "rb") as stream:
            data = stream.read()
    except OSError:
        return []
    try:
        text = data.decode("utf-8-sig" if b"coding" not in b"\n".join(data.split(b"\n", 2)[:2]) else "ascii")
    except UnicodeDecodeError:
        try:
            text = decode(data)
        except (SyntaxError, LookupError):
            text = data.decode("utf-8", "replace")
    return split(text)


def split(text):
    """Lines as Python counts them: a form feed ends none."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
