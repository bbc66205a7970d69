"""Functions that people wrote: the pure ones of the standard library and of our dependencies, with made-up arguments.

Pure, as far as the text tells: plain functions whose names are their own, each other's, literal constants of their
module, or harmless built-ins. They are read, never imported; what runs is their text alone, in the confined process of
`recording`.
"""

from __future__ import annotations

import ast
import builtins
import random
import re
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from cwm_agent.nano.expressions import literal

PACKAGES = ("httpx", "jinja2", "markdown_it", "rich", "textual", "urllib3")
"""Packages that we depend on, directly or not, all under permissive licences."""
CALLS = 24
"""Calls that are tried of a function."""
_LEFT_OUT = {
    "site-packages",
    "dist-packages",
    "test",
    "tests",
    "idlelib",
    "lib2to3",
    "turtledemo",
    "encodings",
    "tkinter",
}
_LONGEST = 45  # lines of all that is shown
_IMPURE = {
    "breakpoint", "compile", "delattr", "eval", "exec", "exit", "globals", "help", "id", "input", "locals",
    "memoryview", "open", "print", "quit", "setattr", "vars", "__import__",
}  # fmt: skip
_BUILTINS = {name for name in dir(builtins) if not name.startswith("_")} - _IMPURE
_FORBIDDEN = (
    ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.AsyncFunctionDef, ast.Await, ast.ClassDef, ast.Yield,
    ast.YieldFrom,
)  # fmt: skip
_DEFINED = re.compile(r"^def (\w+)", re.MULTILINE)
_KINDS = ("int", "int", "str", "str", "ints", "strs", "float", "bool", "letter", "dict", "pairs")


Wanted = Callable[[str], bool]


class Function(Struct, frozen=True):
    """A pure function, `source` being all that it takes to call it."""

    module: str
    name: str
    source: str
    parameters: tuple[str, ...]

    @property
    def qualified(self) -> str:
        """As `module.function`."""
        return f"{self.module}.{self.name}"


def functions(wanted: Wanted) -> Iterator[Function]:
    """Those whose `module.function` is wanted, in the order of their files."""
    paths = sysconfig.get_paths()
    library, packages = Path(paths["stdlib"]), Path(paths["purelib"])
    files = [(library, each) for each in sorted(library.rglob("*.py")) if not _LEFT_OUT & {*each.parts}]
    files += [(packages, each) for name in PACKAGES for each in sorted((packages / name).rglob("*.py"))]
    for root, file in files:
        module = ".".join(file.relative_to(root).with_suffix("").parts)
        yield from of_module(module, file.read_text(encoding="utf-8", errors="replace"), wanted)


def of_module(module: str, text: str, wanted: Wanted = lambda _: True) -> Iterator[Function]:
    """The pure functions of a module that are wanted."""
    names = [name for name in _DEFINED.findall(text) if wanted(f"{module}.{name}")]
    if not names:
        return
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    plain = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef) and _is_plain(node)}
    constants = {node.targets[0].id: node for node in tree.body if _is_constant(node)}  # type: ignore[attr-defined]
    for name in filter(plain.__contains__, dict.fromkeys(names)):
        node = plain[name]
        needed = _needed(node, plain, constants)
        if needed is None or not any(isinstance(each, ast.Return) and each.value for each in ast.walk(node)):
            continue
        source = "\n\n".join(_text(each) for each in needed) + "\n"
        given = node.args
        if (
            source.count("\n") <= _LONGEST
            and not given.vararg
            and not given.kwarg
            and (given.args or given.posonlyargs)
        ):
            required = [*given.posonlyargs, *given.args]
            required = required[: len(required) - len(given.defaults)] or required[:1]
            yield Function(module, name, source, tuple(_kind_of(node, each) for each in required))


def calls(function: Function, seed: int = 0) -> list[str]:
    """Calls of a function with arguments of the kinds that it names, or of any."""
    rng = random.Random(f"{function.qualified} {seed}")
    made = []
    for _ in range(CALLS):
        kinds = [kind or rng.choice(_KINDS) for kind in function.parameters]
        made.append(f"{function.name}({', '.join(_argument(rng, kind) for kind in kinds)})")
    return list(dict.fromkeys(made))


def _argument(rng: random.Random, kind: str) -> str:
    match kind:
        case "float":
            return str(round(rng.uniform(-2, 12), rng.randint(0, 2)))
        case "bool":
            return str(rng.random() < 0.5)
        case "pairs":
            return repr([(rng.randint(0, 9), rng.randint(0, 9)) for _ in range(rng.randint(1, 3))])
    return literal(rng, kind)


def _kind_of(function: ast.FunctionDef, argument: ast.arg) -> str:
    """The kind that an annotation names, or the methods that are called; empty where they tell none of ours."""
    said = ast.unparse(argument.annotation) if argument.annotation else ""
    known = {"int": "int", "str": "str", "float": "float", "bool": "bool", "list[int]": "ints", "list[str]": "strs"}
    used = {
        each.attr
        for each in ast.walk(function)
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == argument.arg
    }
    if used and used <= {*dir(str)} - {*dir(list)}:
        return "str"
    return known.get(said.strip("'\""), "")


def _is_plain(node: ast.FunctionDef) -> bool:
    inner = list(ast.walk(node))
    if node.decorator_list or any(isinstance(each, _FORBIDDEN) for each in inner):
        return False
    return not any(isinstance(each, ast.Attribute) and each.attr.startswith("__") for each in inner)


def _is_constant(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
        return False
    try:
        ast.literal_eval(node.value)
    except (ValueError, TypeError, SyntaxError, RecursionError):
        return False
    return True


def _needed(
    node: ast.FunctionDef, plain: Mapping[str, ast.FunctionDef], constants: Mapping[str, ast.stmt]
) -> list[ast.stmt] | None:
    """The statements that the function stands on, itself the last; None where it takes more than those."""
    found: dict[str, ast.stmt] = {}
    waiting: list[ast.FunctionDef] = [node]
    while waiting:
        each = waiting.pop()
        if each.name in found:
            continue
        found[each.name] = each
        for name in sorted(_free(each)):
            if name in plain:
                waiting.append(plain[name])
            elif name in constants:
                found[name] = constants[name]
            elif name not in _BUILTINS:
                return None
    others = [each for name, each in found.items() if name != node.name]
    return [*sorted(others, key=lambda each: (isinstance(each, ast.FunctionDef), each.lineno)), node]


def _free(node: ast.FunctionDef) -> set[str]:
    """The names that a function reads and does not bind, its annotations left out."""
    bound = {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
    bound |= {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load)}
    bound |= {each.name for each in ast.walk(node) if isinstance(each, ast.ExceptHandler) and each.name}
    bound |= {each.name for each in ast.walk(node) if isinstance(each, ast.FunctionDef) and each is not node}
    return {each.id for each in ast.walk(_bare(node)) if isinstance(each, ast.Name)} - bound


def _bare(node: ast.FunctionDef) -> ast.FunctionDef:
    """The function without annotations and docstrings: a short context, and no names that only types take."""
    copy = ast.parse(ast.unparse(node)).body[0]
    assert isinstance(copy, ast.FunctionDef)
    for each in ast.walk(copy):
        if isinstance(each, ast.arg):
            each.annotation = None
        if isinstance(each, ast.FunctionDef):
            each.returns = None
            if ast.get_docstring(each, clean=False) is not None:
                each.body = each.body[1:] or [ast.Pass()]
    return copy


def _text(node: ast.stmt) -> str:
    return ast.unparse(_bare(node) if isinstance(node, ast.FunctionDef) else node)
