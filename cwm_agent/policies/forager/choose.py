"""Which of several surviving repairs to propose: the smallest and most general one."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct

from cwm_agent.policies.forager.kinds import Kind, Proposal

# Points on top of the edit's size in words and signs. An edit that repeats a value of the failing test fits that test
# and perhaps nothing else; one that removes code or a condition mostly removes behaviour that no test asks for.
SPECIAL_CASE = 40
COMMON_LITERAL = 3
REMOVES_CODE = 20
WEAKENS = 10
KIND_POINTS: dict[Kind, int] = {
    Kind.COMPARISON: 0,
    Kind.OFF_BY_ONE: 3,
    Kind.OPERATOR: 1,
    Kind.MISSING_SELF: 0,
    Kind.NAME: 1,
    Kind.ATTRIBUTE: 1,
    Kind.BOOLEAN: 1,
    Kind.NEGATION: 2,
    Kind.CONSTANT: 2,
    Kind.METHOD: 2,
    Kind.STRING: 5,
    Kind.DEFAULT: 0,
    Kind.SLICE: 2,
    Kind.RETURN: 2,
    Kind.GUARD: 2,
    Kind.WRAP: 3,
    Kind.UNGUARD: 8,
    Kind.DUPLICATE: 8,
    Kind.DONOR: 8,
}
OTHER_KINDS = 2
_NAMED_CONSTANT = re.compile(r"[A-Z_][A-Z0-9_]*\s*(?::[^=]+)?=")
_COMMON = (0, 1, -1, 2, "", None, True, False)
_LITERAL = re.compile(r"""(?<![\w.])\d+(?:\.\d+)?|'[^'\n]*'|"[^"\n]*"|\b(?:None|True|False)\b""")


class Survivor(Struct, frozen=True):
    """A candidate that passed everything: one edit, or two. `number` is its place in the search."""

    number: int
    proposals: tuple[Proposal, ...]
    files: dict[str, str]

    @property
    def words(self) -> str:
        """What changes, in one line for people."""
        return "; ".join(f"{one.path}:{one.line} {one.words}" for one in self.proposals)


def ranked(survivors: Iterable[Survivor], literals: Collection[tuple[str, object]]) -> list[Survivor]:
    """The best first; `literals` are those of the failing tests, from `test_literals`."""
    return sorted(
        survivors, key=lambda one: (points(one, literals), -min(p.suspicion for p in one.proposals), one.number)
    )


def points(survivor: Survivor, literals: Collection[tuple[str, object]]) -> int:
    """What speaks against a survivor: 0 is the plainest repair there can be."""
    total = 25 * (len(survivor.proposals) - 1)
    for proposal in survivor.proposals:
        # A shared mutable default is almost always a mistake; the guard that mends it is long and says nothing new.
        size = 1 if proposal.kind is Kind.DEFAULT else proposal.size
        total += size + KIND_POINTS.get(proposal.kind, OTHER_KINDS)
        total += _fitted(proposal, literals) + _removing(proposal)
    return total


def _fitted(proposal: Proposal, literals: Collection[tuple[str, object]]) -> int:
    line = proposal.before.count("\n", 0, proposal.edit.start)
    if proposal.kind is Kind.CONSTANT and _NAMED_CONSTANT.match(proposal.before.split("\n")[line]):
        return 0  # the value of a named constant holds for all, whichever test shows it
    new = introduced(proposal) & set(literals)
    if any(value not in _COMMON for _, value in new):
        return SPECIAL_CASE
    return COMMON_LITERAL if new else 0


def _removing(proposal: Proposal) -> int:
    if proposal.kind is Kind.DELETE:
        return REMOVES_CODE
    if proposal.kind is Kind.UNGUARD or proposal.words.startswith("drops"):
        return WEAKENS
    if proposal.kind is Kind.GUARD and " or not " in proposal.edit.text:
        return WEAKENS
    return 0


def introduced(proposal: Proposal) -> set[tuple[str, object]]:
    """Literals that an edit brings in, each with its type's name, since 1 == True == 1.0."""
    old = set(_literals(proposal.before[proposal.edit.start : proposal.edit.end]))
    return set(_literals(proposal.edit.text)) - old


def _literals(text: str) -> Iterable[tuple[str, object]]:
    for match in _LITERAL.finditer(text):
        try:
            value = ast.literal_eval(match[0])
        except (ValueError, SyntaxError):
            continue
        yield type(value).__name__, value


def test_literals(sources: Mapping[str, str], tests: Collection[str]) -> set[tuple[str, object]]:
    """The literals in the source of the named tests, their decorators included; `sources` maps test files to text."""
    found: set[tuple[str, object]] = set()
    for path, text in sources.items():
        names = {test.split("[", 1)[0].rsplit("::", 1)[-1] for test in tests if test.startswith(f"{path}::")}
        try:
            tree = ast.parse(text)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in names:
                found |= {
                    (type(inner.value).__name__, inner.value)
                    for inner in ast.walk(node)
                    if isinstance(inner, ast.Constant) and not isinstance(inner.value, complex)
                }
    return found
