"""The arguments with which pytest runs on the bench.

The project's own configuration holds (markers, testpaths, pythonpath, filters, conftest files, plugins); of its
`addopts`, what would run tests elsewhere, in another order, fewer of them, more than once, or write reports is taken
out, together with options of plugins that may not be installed here.
"""

from __future__ import annotations

import os
import shlex

_WITH_VALUE = {
    *("-n", "--numprocesses", "--dist", "--maxprocesses", "--tx", "--rsyncdir", "--max-worker-restart"),
    *("--cov-report", "--cov-config", "--cov-fail-under", "--cov-context"),
    *("--maxfail", "--durations", "--durations-min", "--lfnf", "--last-failed-no-failures"),
    *("--junitxml", "--junit-xml", "--junitprefix", "--junit-prefix", "--html", "--css", "--json-report-file"),
    *("--report-log", "--alluredir", "--md", "--csv", "--log-file", "--pastebin", "--basetemp", "--debug"),
    *("--timeout", "--timeout-method", "--session-timeout", "--reruns", "--reruns-delay", "--only-rerun", "--count"),
    *("--randomly-seed", "--random-order-seed", "--random-order-bucket", "--splits", "--group", "--pdbcls"),
}  # fmt: skip
_FLAGS = {
    *("-x", "--exitfirst", "--lf", "--last-failed", "--ff", "--failed-first", "--nf", "--new-first"),
    *("--sw", "--stepwise", "--sw-skip", "--stepwise-skip", "--cache-clear", "--cache-show"),
    *("--pdb", "--trace", "--no-cov", "--cov", "--cov-append", "--cov-branch", "--no-cov-on-fail", "--cov-reset"),
    *("--looponfail", "-f", "--forked", "--boxed", "--self-contained-html", "--json-report", "--random-order"),
    *("--co", "--collect-only", "--setup-plan", "--setup-only", "--exitfirst", "--flake8", "--ruff", "--mypy"),
}  # fmt: skip
_INI_NAMES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
_BLOCKED = ("xdist", "xdist.looponfail", "randomly", "random_order")


def safe_addopts(tokens: list[str]) -> list[str]:
    """Those of a project's own options that keep their meaning here."""
    kept = []
    rest = iter(tokens)
    for token in rest:
        name, joined, _ = token.partition("=")
        if name in _WITH_VALUE:
            if not joined and name != "--debug":
                next(rest, None)
        elif name in _FLAGS or (token.startswith("-n") and token[2:].isalnum()):
            continue
        elif token == "-p":
            plugin = next(rest, "")
            if plugin not in _BLOCKED and not plugin.startswith(("xdist", "pytest_cov")):
                kept += [token, plugin]
        else:
            kept.append(token)
    return kept


def project_addopts(root: str, targets: list[str]) -> list[str]:
    """The `addopts` of the file that pytest would choose for these targets; none where that is not clear."""
    try:
        from _pytest.config.findpaths import load_config_dict_from_file
    except ImportError:
        return []
    from pathlib import Path

    for folder in _folders(root, targets):
        for name in _INI_NAMES:
            path = Path(folder) / name
            if not path.is_file():
                continue
            try:
                values = load_config_dict_from_file(path)
            except Exception:  # pytest itself will say what is wrong with the file
                return []
            if values is not None:
                found = values.get("addopts", [])
                found = getattr(found, "value", found)
                return shlex.split(found) if isinstance(found, str) else [str(token) for token in found]
    return []


def _folders(root: str, targets: list[str]) -> list[str]:
    """The folders in which pytest looks for its configuration: from what the targets share up to the root."""
    paths = [os.path.join(root, target.split("::")[0]) for target in targets] or [root]
    shared = os.path.commonpath(paths)
    folder = shared if os.path.isdir(shared) else os.path.dirname(shared)
    found = [folder]
    while folder != root and len(folder) > len(root):
        folder = os.path.dirname(folder)
        found.append(folder)
    return found


def arguments(root: str, targets: list[str], scratch: str) -> tuple[list[str], str]:
    """pytest's arguments, and the capture method that the project wants for its tests (`fd` unless it says else)."""
    tokens = safe_addopts(project_addopts(root, targets))
    capture = "fd"
    for position, token in enumerate(tokens):
        if token == "-s":
            capture = "no"
        elif token.startswith("--capture"):
            capture = token.partition("=")[2] or "".join(tokens[position + 1 : position + 2])
    blocked = [part for name in _BLOCKED for part in ("-p", f"no:{name}")]
    return [
        *(f"--rootdir={root}", "-o", f"addopts={shlex.join(tokens)}", "-o", f"cache_dir={scratch}/cache"),
        *(*blocked, "--capture=sys", "--tb=native", "--color=no"),
        *(target if not target.startswith("-") else f"./{target}" for target in targets),
    ], capture  # fmt: skip


def file_of(node: str) -> str:
    """The file of a test id."""
    return node.split("::")[0]
