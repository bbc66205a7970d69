"""Which statements to suspect: Ochiai over the lines that failing and passing tests executed."""

from __future__ import annotations

import ast
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath

from msgspec import Struct

from cwm_agent.policies.forager.source import Site, Source
from cwm_agent.protocols import Spectrum, TestResult

FAILING = ("failed", "error", "timeout", "crashed")
# What a statement that no trace shows (a constant, a default, a decorator) inherits from the code that reads it.
READ = 0.6
# What a part in the failure adds, where a trace shows it; benchmarks/localisation.py measures what that is worth.
PART = 1.3


class Suspect(Struct, frozen=True):
    """A statement under suspicion: `score` is above 0, and above 1 only through hints; `why` is its reason."""

    path: str
    line: int
    score: float
    text: str
    function: str
    why: str


def is_test_file(path: str, tests: Collection[str] = ()) -> bool:
    """Whether a path holds tests or their fixtures: such a file is never edited."""
    parts = PurePosixPath(path).parts
    name = parts[-1] if parts else ""
    if name == "conftest.py" or name.startswith("test_") or name.endswith("_test.py"):
        return True
    return bool({"test", "tests", "testing"} & set(parts[:-1])) or any(test.split("::")[0] == path for test in tests)


def failing_ids(spectrum: Spectrum) -> tuple[str, ...]:
    """The ids of tests that did not pass, skipped ones left out."""
    return tuple(result.id for result in spectrum.results if result.outcome in FAILING)


def ochiai(failed: int, passed: int, failing: int) -> float:
    """Ochiai's coefficient of a line that `failed` of `failing` failing tests and `passed` passing ones executed."""
    return failed / math.sqrt(failing * (failed + passed)) if failed else 0.0


def line_scores(spectrum: Spectrum, failing: Collection[str]) -> dict[tuple[str, int], float]:
    """Path and line → suspicion, test files left out."""
    ids = {result.id for result in spectrum.results}
    passing = {result.id for result in spectrum.results if result.outcome == "passed"}
    failed: dict[tuple[str, int], int] = {}
    passed: dict[tuple[str, int], int] = {}
    for test, files in spectrum.lines.items():
        counts = failed if test in failing else passed if test in passing else None
        if counts is None:
            continue
        for path, lines in files.items():
            if not is_test_file(path, ids):
                for line in set(lines):
                    counts[path, line] = counts.get((path, line), 0) + 1
    return {place: ochiai(count, passed.get(place, 0), len(failing)) for place, count in failed.items()}


def paths_to_read(spectrum: Spectrum, failing: Collection[str]) -> tuple[str, ...]:
    """The source files that failing tests executed; all executed ones where the failing tests left no lines."""
    found = {path for path, _ in line_scores(spectrum, failing)}
    if not found:
        ids = {result.id for result in spectrum.results}
        found = {path for files in spectrum.lines.values() for path in files if not is_test_file(path, ids)}
    return tuple(sorted(found))


def constant_modules(source: Source) -> tuple[str, ...]:
    """Where the constants that a file imports may be bound: paths to try, since no test runs a line of an import."""
    found: list[str] = []
    for node in source.tree.body:
        if isinstance(node, ast.ImportFrom) and any(alias.name.isupper() for alias in node.names):
            folders = [str(folder) for folder in PurePosixPath(source.path).parents]
            bases = [folders[node.level - 1]] if 0 < node.level <= len(folders) else [] if node.level else folders
            tail = (node.module or "__init__").replace(".", "/") + ".py"
            found += [str(PurePosixPath(base) / tail) for base in bases]
    return tuple(dict.fromkeys(found))


def suspects(
    spectrum: Spectrum,
    failing: Sequence[str],
    sources: Mapping[str, Source],
    functions: Collection[str] = (),
    files: Collection[str] = (),
    influenced: Collection[tuple[str, int]] = (),
) -> list[Suspect]:
    """Statements of the given sources, the most suspicious first.

    `functions` and `files` are what the user named, `influenced` the places that had a part in a traced failure.
    """
    scores = line_scores(spectrum, failing)
    found: dict[tuple[str, int], Suspect] = {}
    for (path, line), score in scores.items():
        source = sources.get(path)
        site = source.site_of_line.get(line) if source else None
        if site is None or _is_docstring(site):
            continue
        part = (path, site.first_line) in influenced
        why = "the trace of the failure shows its part in it" if part else "the failing tests executed it"
        _keep(found, _suspect(path, site, score * PART if part else score, why))
    if not scores:
        for path, source in sources.items():
            for site in source.sites:
                if site.function is not None and not _is_docstring(site):
                    _keep(found, _suspect(path, site, 0.3, "it is in a file of the failing tests, which left no trace"))
    for suspect in _read_by(list(found.values()), sources):
        _keep(found, suspect)
    results = [result for result in spectrum.results if result.id in set(failing)]
    hinted = [_hinted(suspect, results, functions, files) for suspect in found.values()]
    return sorted(hinted, key=lambda suspect: (-suspect.score, suspect.path, suspect.line))


def _suspect(path: str, site: Site, score: float, why: str) -> Suspect:
    line = site.first_line
    function = ".".join(node.name for node in site.functions)
    owner = f"{site.owner.name}." if site.owner and function else ""
    return Suspect(path, line, score, site.source.line(line).strip(), owner + function, why)


def _keep(found: dict[tuple[str, int], Suspect], suspect: Suspect) -> None:
    known = found.get((suspect.path, suspect.line))
    if known is None or known.score < suspect.score:
        found[suspect.path, suspect.line] = suspect


def _is_docstring(site: Site) -> bool:
    return isinstance(site.node, ast.Expr) and isinstance(site.node.value, ast.Constant)


def _hinted(
    suspect: Suspect, results: Sequence[TestResult], functions: Collection[str], files: Collection[str]
) -> Suspect:
    """The suspicion raised a little near a failure's own line, and where the user pointed."""
    factor = 1.0
    for result in results:
        if result.path == suspect.path and result.line:
            factor = max(factor, 1.0 + 0.3 / (1 + abs(result.line - suspect.line)))
    if set(suspect.function.split(".")) & {name.split(".")[-1] for name in functions}:
        factor *= 1.5
    if any(suspect.path == name or suspect.path.endswith(f"/{name}") for name in files):
        factor *= 1.3
    return Suspect(suspect.path, suspect.line, suspect.score * factor, suspect.text, suspect.function, suspect.why)


def _read_by(known: Sequence[Suspect], sources: Mapping[str, Source]) -> list[Suspect]:
    """Constants, class attributes, defaults and decorators that suspicious functions read."""
    found: list[Suspect] = []
    best: dict[tuple[str, int], tuple[float, Site]] = {}
    for suspect in known:
        site = sources[suspect.path].site_of_line[suspect.line]
        if site.functions:
            place = (suspect.path, id(site.functions[-1]))
            if place not in best or best[place][0] < suspect.score:
                best[place] = (suspect.score, site)
    for (path, _), (score, site) in best.items():
        source, function = sources[path], site.functions[-1]
        header = source.site(function)
        if function.args.defaults or any(function.args.kw_defaults) or function.decorator_list:
            found.append(_suspect(path, header, score * READ, f"its defaults and decorators serve `{function.name}`"))
        read = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
        used = {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)}
        found += _bindings(path, source, read, used, score * READ, function.name)
        found += _imported(sources, source, read, score * READ, function.name)
    return found


def _bindings(path: str, source: Source, read: set[str], used: set[str], score: float, reader: str) -> list[Suspect]:
    found = []
    for site in source.sites:
        if site.functions or not isinstance(site.node, ast.Assign | ast.AnnAssign):
            continue
        targets = site.node.targets if isinstance(site.node, ast.Assign) else [site.node.target]
        names = {target.id for target in targets if isinstance(target, ast.Name)}
        if names & (used if site.owner else read) and site.node.value is not None:
            found.append(_suspect(path, site, score, f"`{reader}` reads it"))
    return found


def _imported(
    sources: Mapping[str, Source], source: Source, read: set[str], score: float, reader: str
) -> list[Suspect]:
    """Module constants of other suspicious files that the function reads through an import."""
    found = []
    for node in source.tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            tail = node.module.replace(".", "/") + ".py"
            wanted = {alias.name for alias in node.names if (alias.asname or alias.name) in read}
            for path, other in sources.items():
                if wanted and (path == tail or path.endswith(f"/{tail}")):
                    found += _bindings(path, other, wanted, set(), score, reader)
    return found


def groups(spectrum: Spectrum, failing: Sequence[str], sources: Mapping[str, Source]) -> list[tuple[str, ...]]:
    """Failing tests that may share a cause together, the largest group first: their most suspicious functions meet."""
    tops: list[tuple[str, set[tuple[str, str]]]] = []
    for test in failing:
        ranking = suspects(spectrum, [test], sources)
        best = ranking[0].score if ranking else 0.0
        tops.append((test, {(one.path, one.function) for one in ranking if one.score >= 0.9 * best}))
    found: list[tuple[list[str], set[tuple[str, str]]]] = []
    for test, places in tops:
        for tests, shared in found:
            if shared & places or not places:
                tests.append(test)
                shared.intersection_update(places)
                break
        else:
            found.append(([test], set(places)))
    return sorted((tuple(tests) for tests, _ in found), key=lambda group: -len(group))
