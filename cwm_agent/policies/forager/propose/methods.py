"""Another method or function of the same sort: strip/lstrip, append/extend, min/max, get/[], …"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cwm_agent.policies.forager.kinds import Edit, Kind
from cwm_agent.policies.forager.propose.place import Place

METHODS: tuple[tuple[str, ...], ...] = (
    ("append", "extend", "appendleft", "extendleft", "insert"),
    ("append", "add"),
    ("extend", "update"),
    ("add", "update", "discard", "remove"),
    ("remove", "pop", "discard"),
    ("pop", "popleft", "get", "popitem"),
    ("strip", "lstrip", "rstrip"),
    ("lower", "upper", "title", "capitalize", "casefold", "swapcase"),
    ("keys", "values", "items"),
    ("startswith", "endswith"),
    ("find", "index", "rfind", "rindex"),
    ("split", "rsplit", "partition", "rpartition", "splitlines"),
    ("removeprefix", "removesuffix"),
    ("removeprefix", "lstrip"),
    ("removesuffix", "rstrip"),
    ("ljust", "rjust", "center", "zfill"),
    ("isdigit", "isdecimal", "isnumeric", "isalpha", "isalnum", "isspace"),
    ("islower", "isupper", "istitle"),
    ("union", "intersection", "difference", "symmetric_difference"),
    ("issubset", "issuperset", "isdisjoint"),
    ("get", "setdefault", "pop"),
    ("sort", "reverse"),
    ("copy", "deepcopy"),
    ("floor", "ceil", "trunc"),
    ("log", "log2", "log10", "log1p"),
    ("sin", "cos", "tan"),
    ("match", "search", "fullmatch"),
    ("findall", "finditer"),
    ("weekday", "isoweekday"),
    ("seconds", "total_seconds"),
    ("bisect_left", "bisect_right", "bisect", "insort"),
    ("heappop", "heappush", "heappushpop", "heapreplace"),
    ("nlargest", "nsmallest"),
    ("mean", "median", "mode"),
    ("permutations", "combinations", "product", "combinations_with_replacement"),
    ("acquire", "release"),
    ("encode", "decode"),
    ("format", "format_map"),
    ("read", "readline", "readlines"),
    ("write", "writelines"),
    ("dumps", "loads"),
    ("is_file", "is_dir", "exists"),
    ("stem", "name", "suffix"),
)
FUNCTIONS: tuple[tuple[str, ...], ...] = (
    ("min", "max"),
    ("any", "all"),
    ("sum", "len", "max"),
    ("int", "round", "float"),
    ("floor", "ceil", "round", "trunc"),
    ("sorted", "reversed", "list"),
    ("set", "list", "tuple", "sorted"),
    ("str", "repr"),
    ("int", "float", "str", "bool"),
    ("map", "filter"),
    ("list", "dict", "set"),
    ("isinstance", "issubclass"),
    ("hasattr", "getattr"),
    ("chr", "ord"),
    ("abs", "int", "float"),
    ("defaultdict", "OrderedDict", "Counter"),
    ("bisect_left", "bisect_right"),
    ("permutations", "combinations", "product"),
    ("deepcopy", "copy"),
)


def _others(groups: tuple[tuple[str, ...], ...]) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for group in groups:
        for name in group:
            found.setdefault(name, {}).update({other: None for other in group if other != name})
    return {name: tuple(others) for name, others in found.items()}


OTHER_METHODS = _others(METHODS)
OTHER_FUNCTIONS = _others(FUNCTIONS)


def edits(place: Place) -> Iterator[Edit]:
    """Another method for each one that the statement names."""
    for node in place.expressions:
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield from _method(place, node)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            for other in OTHER_FUNCTIONS.get(node.id, ()):
                weight = 1.0 if place.is_called(node) else 0.7
                words = f"uses `{other}` instead of `{node.id}`"
                yield place.replace(Kind.METHOD, node, other, words, weight)
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            yield from _lookup(place, node)
        elif isinstance(node, ast.Call):
            yield from _shape(place, node)


def _method(place: Place, node: ast.Attribute) -> Iterator[Edit]:
    end = place.source.span(node)[1]
    for number, other in enumerate(OTHER_METHODS.get(node.attr, ())):
        words = f"uses `.{other}` instead of `.{node.attr}`"
        yield Edit(Kind.METHOD, end - len(node.attr), end, other, words, 1.0 if number < 2 else 0.8)


def _lookup(place: Place, node: ast.Subscript) -> Iterator[Edit]:
    """`d[k]` as `d.get(k)`, with the usual defaults."""
    if isinstance(node.slice, ast.Slice | ast.Tuple):
        return
    base, key = place.atom(node.value), place.text(node.slice)
    likely = 0.8 if not isinstance(node.slice, ast.Constant) or isinstance(node.slice.value, str) else 0.2
    for default in ("", "0", "[]", '""', "{}", "False", key):
        text = f"{base}.get({key}, {default})" if default else f"{base}.get({key})"
        yield place.replace(
            Kind.METHOD, node, text, f"looks `{key}` up with `.get`", likely * (0.9 if default else 1.0)
        )


def _passed(node: ast.Call) -> list[ast.expr | ast.keyword]:
    return [*node.args, *node.keywords]


def _shape(place: Place, node: ast.Call) -> Iterator[Edit]:
    """Calls whose other form has other arguments: `x.sort()` and `sorted(x)`, `d.get(k)` and `d[k]`."""
    if isinstance(node.func, ast.Attribute):
        base = place.atom(node.func.value)
        arguments = ", ".join(place.source.slice(part) for part in _passed(node))
        name = node.func.attr
        if name == "sort":
            text = f"sorted({base}, {arguments})" if arguments else f"sorted({base})"
            yield place.replace(Kind.METHOD, node, text, "uses `sorted`, which returns the list", 0.9)
        elif name == "get" and node.args:
            yield place.replace(
                Kind.METHOD, node, f"{base}[{place.text(node.args[0])}]", "uses `[…]` instead of `.get`", 0.7
            )
        elif name in ("append", "add") and len(node.args) == 1 and name == "append":
            item = place.text(node.args[0])
            yield place.replace(Kind.METHOD, node, f"{base}.insert(0, {item})", "inserts at the front", 0.6)
            yield place.replace(Kind.METHOD, node, f"{base}.append([{item}])", "appends a list of it", 0.2)
        elif name == "pop" and not node.args:
            yield place.replace(Kind.METHOD, node, f"{base}.pop(0)", "pops from the front", 0.7)
        elif name == "total_seconds":
            yield place.replace(Kind.METHOD, node, f"{base}.seconds", "uses `.seconds`", 0.5)
    elif isinstance(node.func, ast.Name) and node.func.id in ("round", "int") and len(node.args) == 1:
        inner = node.args[0]
        if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Div):
            top, bottom = place.atom(inner.left), place.atom(inner.right)
            yield place.replace(Kind.METHOD, node, f"-(-{top} // {bottom})", "rounds the quotient up", 0.5)
