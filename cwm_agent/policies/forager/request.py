"""What a prompt asks for: the tests, files and functions it names, or a sentence that says what is possible instead."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Sequence

from msgspec import Struct


class Target(Struct, frozen=True):
    """A repair: what the user named, as written. All empty means every failing test."""

    tests: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()


class Decline(Struct, frozen=True):
    """Not a repair; `text` says what this policy does, what it cannot, and offers what it can."""

    text: str


class Resolved(Struct, frozen=True):
    """A target against the tests that exist: their ids, what was not found, and what it may have meant."""

    tests: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    hint: str = ""


_TEST_ID = re.compile(r"[\w./\\-]+\.py(?:::\w+)+(?:\[[^\]\n]*\])?")
_CLASS_TEST = re.compile(r"\bTest\w*(?:::|\.)test\w*(?:\[[^\]\n]*\])?")
_TEST_NAME = re.compile(r"\btest_\w+(?:\[[^\]\n]*\])?|\bTest[A-Z]\w*")
_FILE = re.compile(r"[\w./\\-]*\w\.py\b")
_CALL = re.compile(r"\b([A-Za-z_][\w.]*)\(\)?")
_NAMED = re.compile(
    r"\b(?:function|method|class|def)\s+`?([A-Za-z_][\w.]*)`?|`?([A-Za-z_][\w.]*)`?\s+(?:function|method)\b"
)
_QUOTED = re.compile(r"`([A-Za-z_][\w.]*)`")
_SNAKE = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b|\b[A-Z]\w+\.[a-z]\w*\b|\b[a-z_]+(?:\.[a-z_]+)+\b")

_REPAIR = re.compile(
    r"\b(?:fix|fixes|fixed|fixing|repair\w*|debug\w*|solve|resolve|heal|mend|correct|fail\w*|broken|breaks?|broke|bugs?|buggy"
    r"|crash\w*|hang|hangs|hanging|wrong|incorrect\w*|red|green|regress\w*|error\w*|exception\w*|traceback|flaky"
    r"|assertion\w*|(?:does|do|did|is|are)(?:n.?t| not) (?:work\w*|pass\w*)|pass|passes|passing|off.by.one)\b"
    r"|\bstopped working\b|\bgo(?:es)? green\b",
    re.IGNORECASE,
)
_OTHER = (
    "explain|describe|summari[sz]e|document"
    "|why|what|how|who|when|where|which|tell|show|list|add|implement|write|create"
    "|build|generate|make a|make an|refactor|rename|rewrite|clean|tidy|format|lint|translate|convert|port"
    "|migrate|upgrade|update"
    "|install|optimi[sz]e|speed|delete|remove|review|commit|push|deploy|release|hello|hi|hey|thanks|thank|improve|extend"
    "|support|change|move|extract|type|annotate|simplify|replace|draw|configure|set up|run|open|search|find out|help"
)
_LEAD = re.compile(
    r"^\W*(?:(?:please|pls|ok|okay|now|so|then|and|hey|hi|hello|can|could|would|will|you|we|i|want|need|would like"
    r"|like|d|to|me|let|s|us|just|also|kindly|go ahead and|should)\b\W*)*",
    re.IGNORECASE,
)
_YES = re.compile(
    r"^\W*(?:yes|yep|yeah|sure|ok|okay|please do|do it|do so|go|go ahead|go on|please|continue|again|try again|retry|y"
    r"|search again)\b[\s,.!]*(?:please|do|it|so|that|go ahead|again|look)*[\s.!]*$",
    re.IGNORECASE,
)
_ELSE = re.compile(
    r"^\W*(?:please\b\W*)?(?:(?:find|try|look for|search for|propose|suggest|make|give me|do|is there|i want)\s+)?"
    r"(?:it\s+)?(?:an?other|a different|some other|some(?:thing|where) else|differently|not like (?:this|that))\b"
    r"(?:\s+(?:way|one|fix|repair|patch|solution|approach|place|please|instead)){0,3}[\s.!?]*$",
    re.IGNORECASE,
)
"""What is said after a patch was rejected: another one is wanted."""
_WORDS = frozenset({"e.g", "i.e", "pytest", "tests", "python", "test_suite", "unit_tests"})


def understand(prompt: str) -> Target | Decline:
    """Read a prompt. It is a repair when it speaks of failure or names a test, and leads with no other wish."""
    text = prompt.strip()
    if not text:
        return Decline(_decline(""))
    if _YES.match(text) or _ELSE.match(text):
        return Target()
    lead = _LEAD.sub("", text, count=1)
    other = re.match(rf"({_OTHER})\b", lead, re.IGNORECASE)
    target = _named(text)
    repair = _REPAIR.search(_without_names(text)) is not None
    if other and not _asks_for_repair(other[1].lower(), lead):
        return Decline(_decline(lead))
    if repair or target.tests or (target.files and lead.strip(" .") == target.files[0]):
        return target
    return Decline(_decline(lead))


_LOOKING = {"why", "what", "how", "where", "which", "tell", "show", "list", "run", "search", "update", "change", "open"}
_LOOKING |= {"help", "when", "find", "look"}
_THEN_FIX = re.compile(
    r"\b(?:and|then|so|until|to|,)\s.*\b(?:fix|repair|solve|debug|pass|passes|green|mend)\b", re.IGNORECASE
)


def _asks_for_repair(verb: str, lead: str) -> bool:
    """Whether a sentence that begins otherwise asks for a repair: find out why … and fix it; when …, it crashes."""
    verb = verb.split()[0]
    if verb in ("when", "help"):
        return _REPAIR.search(lead) is not None
    return verb in _LOOKING and _THEN_FIX.search(lead) is not None


def _without_names(text: str) -> str:
    """The prompt without file and test names, whose words are no wish (`errors.py`, `test_failing_card`)."""
    for pattern in (_TEST_ID, _CLASS_TEST, _TEST_NAME, _FILE):
        text = pattern.sub(" ", text)
    return text


def _named(text: str) -> Target:
    tests = [match[0].replace("\\", "/").removeprefix("./") for match in _TEST_ID.finditer(text)]
    rest = _TEST_ID.sub(" ", text)
    files = [match[0].replace("\\", "/").removeprefix("./") for match in _FILE.finditer(rest)]
    rest = _FILE.sub(" ", rest)
    tests += [match[0].replace(".", "::") for match in _CLASS_TEST.finditer(rest)]
    rest = _CLASS_TEST.sub(" ", rest)
    tests += [match[0] for match in _TEST_NAME.finditer(rest)]
    rest = _TEST_NAME.sub(" ", rest)
    functions: list[str] = []
    for pattern in (_CALL, _NAMED, _QUOTED, _SNAKE):
        for match in pattern.finditer(rest):
            functions += [group for group in (match.groups() or (match[0],)) if group]
    common = {"the", "this", "that", "a", "my", "which", "one", "failing", "broken", "in", "is", "of", "each"}
    functions = [name for name in functions if name.lower() not in _WORDS | common]
    return Target(_unique(tests), _unique(files), _unique(functions))


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


_CANNOT = (
    (r"explain|describe|why|what|how|who|when|where|which|tell|show|list|summari", "I cannot answer questions"),
    (r"add|implement|write|create|build|generate|make|extend|support", "I cannot write new code"),
    (r"refactor|rename|rewrite|clean|tidy|format|simplify|extract|move|type|annotate", "I cannot restructure code"),
)


def _decline(lead: str) -> str:
    cannot = "other work needs a language model"
    for pattern, words in _CANNOT:
        if re.match(pattern, lead, re.IGNORECASE):
            cannot = f"{words}; that needs a language model"
            break
    target = _named(lead)
    where = f" that reach {', '.join(target.files)}" if target.files else " in this repository"
    return f"I repair failing tests by trying edits, and {cannot}. Shall I look for failing tests{where}?"


def resolve(target: Target, tests: Collection[str]) -> Resolved:
    """Find the named tests among the ids that exist; a file that holds tests stands for all of them."""
    found: list[str] = []
    unknown: list[str] = []
    hints: list[str] = []
    named = [*target.tests, *(name for name in target.files if _has_tests(name, tests))]
    for name in named:
        matching = [test for test in tests if _matches(name, test)]
        if matching:
            found += matching
            continue
        unknown.append(name)
        hints += _similar(name, tests)
    hint = f"Did you mean {' or '.join(dict.fromkeys(hints))}?" if hints else ""
    return Resolved(_unique(found), tuple(unknown), hint)


def _has_tests(name: str, tests: Collection[str]) -> bool:
    last = name.rsplit("/", 1)[-1]
    looks = last.startswith("test_") or last.endswith("_test.py")
    return looks or any(_matches(name, test) for test in tests)


def _matches(name: str, test: str) -> bool:
    """Whether an id is what a name means: the id, its file, its end, or the id without parameters."""
    plain = test.split("[", 1)[0]
    for whole in (test, plain, test.split("::", 1)[0]):
        if whole == name or whole.endswith((f"/{name}", f"::{name}")):
            return True
    return f"::{name}::" in test


def _similar(name: str, tests: Collection[str]) -> list[str]:
    """Up to three existing names like a misspelt one: files for a file, else the last parts of ids."""
    if name.endswith(".py"):
        choices = {test.split("::", 1)[0] for test in tests}
    else:
        choices = {test.split("[", 1)[0].rsplit("::", 1)[-1] for test in tests}
    return difflib.get_close_matches(name.rsplit("::", 1)[-1], sorted(choices), n=3, cutoff=0.7)
