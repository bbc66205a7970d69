"""Imports of the project's own files: always from the text, never from a .pyc, and from a candidate's text first.

A .pyc is trusted by the second and the size of its source, and a repair that turns `<` into `>` may change neither.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import os
import sys
import types

_FOREIGN = ("site-packages", "dist-packages", ".venv", "venv", ".tox", ".nox", "node_modules", "__pypackages__")


class Tree:
    """The project's folder, and which files belong to it: not what is installed inside it."""

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root)
        self._known: dict[str, str | None] = {}

    def relative(self, filename: str) -> str | None:
        """The path of a project file relative to the root, None for every other file. Cached."""
        try:
            return self._known[filename]
        except KeyError:
            return self._known.setdefault(filename, self._relative(filename))

    def _relative(self, filename: str) -> str | None:
        if filename.startswith("<"):
            return None
        path = os.path.realpath(os.path.join(self.root, filename))
        if not path.startswith(self.root + os.sep):
            return None
        parts = path[len(self.root) + 1 :].split(os.sep)
        return None if any(part in _FOREIGN for part in parts) else "/".join(parts)

    def absolute(self, relative: str) -> str:
        """The file of a relative path."""
        return os.path.join(self.root, *relative.split("/"))


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module from its text, and remembers the code that it ran."""

    def __init__(self, name: str, path: str, finder: ProjectFinder) -> None:
        super().__init__(name, path)
        self._finder = finder

    def get_data(self, path: str) -> bytes:
        text = self._finder.texts.get(os.path.realpath(path))
        return super().get_data(path) if text is None else text.encode()

    def get_code(self, fullname: str) -> types.CodeType:
        path = self.get_filename(fullname)
        real = os.path.realpath(path)
        code = self._finder.prepared.get(real)
        if code is None:
            code = self.source_to_code(self.get_data(path), path)
        self._finder.ran.setdefault(real, []).append(code)
        return code


class ProjectFinder(importlib.abc.MetaPathFinder):
    """Finds the project's modules as the other finders do, and loads them by their text.

    `texts` maps absolute real paths to a candidate's text; with `only_texts` every other file is left to the finders
    behind. `prepared` maps such paths to code compiled before; `ran` collects the code of what was loaded.
    """

    def __init__(self, tree: Tree, texts: dict[str, str] | None = None, *, only_texts: bool = False) -> None:
        self.tree = tree
        self.texts = texts or {}
        self.prepared: dict[str, types.CodeType] = {}
        self.ran: dict[str, list[types.CodeType]] = {}
        self._only_texts = only_texts

    def find_spec(self, fullname, path=None, target=None):
        """The spec of a project module with our loader; any other spec as it was found."""
        spec = self._from_texts(fullname, path) if self.texts else None
        if spec is not None:
            return spec
        for finder in list(sys.meta_path):
            if isinstance(finder, ProjectFinder) or not hasattr(finder, "find_spec"):
                continue
            if type(finder).__name__ == "AssertionRewritingHook":
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                return self._ours(spec)
        return None

    def _ours(self, spec):
        if type(spec.loader) is not importlib.machinery.SourceFileLoader or not spec.origin:
            return None if self._only_texts else spec
        if self._only_texts and os.path.realpath(spec.origin) not in self.texts:
            return None
        if self.tree.relative(spec.origin) is not None:
            spec.loader = _Loader(spec.name, spec.origin, self)
        return spec

    def _from_texts(self, fullname, path):
        tail = fullname.rpartition(".")[2]
        for entry in sys.path if path is None else path:
            base = os.path.join(entry or os.getcwd(), tail)
            for file, folder in ((os.path.join(base, "__init__.py"), [base]), (base + ".py", None)):
                if os.path.realpath(file) in self.texts:
                    loader = _Loader(fullname, file, self)
                    return importlib.util.spec_from_file_location(
                        fullname, file, loader=loader, submodule_search_locations=folder
                    )
                if os.path.exists(file):
                    return None
        return None


def show_texts(texts: dict[str, str]) -> None:
    """Let tracebacks and `inspect` read a candidate's text; an entry without a time is never checked against disk."""
    for path, text in texts.items():
        lines = text.splitlines(keepends=True)
        linecache.cache[path] = (len(text), None, lines, path)


def install(tree: Tree) -> ProjectFinder:
    """Put the finder in front; pytest's rewriting of test modules goes in front of it later."""
    finder = ProjectFinder(tree)
    sys.meta_path.insert(0, finder)
    return finder


def offer(tree: Tree, files: dict[str, str]) -> dict[str, str]:
    """Serve a candidate's files from now on, before every other finder; returns absolute path → text."""
    texts = {os.path.realpath(tree.absolute(path)): text for path, text in files.items()}
    sys.meta_path.insert(0, ProjectFinder(tree, texts, only_texts=True))
    show_texts(texts)
    return texts
