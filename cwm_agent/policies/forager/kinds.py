"""What kinds of edits there are, how common such fixes are, and what one edit and one proposal carry."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Kind(StrEnum):
    """The family of an edit; its prior is in PRIOR."""

    COMPARISON = "comparison"
    OFF_BY_ONE = "off by one"
    OPERATOR = "operator"
    BOOLEAN = "boolean"
    NEGATION = "negation"
    NAME = "wrong name"
    ATTRIBUTE = "wrong attribute"
    MISSING_SELF = "missing self"
    CONSTANT = "constant"
    STRING = "string"
    FORMAT = "format"
    METHOD = "wrong method"
    ARGUMENT = "argument"
    SLICE = "slice"
    MISSING_CALL = "missing call"
    WRAP = "conversion"
    COPY = "missing copy"
    RETURN = "return"
    GUARD = "guard"
    UNGUARD = "superfluous guard"
    DEFAULT = "default argument"
    IDENTITY = "identity"
    EXCEPTION = "exception type"
    LOOP = "loop control"
    ORDER = "statement order"
    MOVE = "moved statement"
    DUPLICATE = "duplicated statement"
    DELETE = "deleted statement"
    DONOR = "donor"


# How likely a one-place fix is of this kind, the most common as 1. The order follows what studies of small real fixes
# agree on (one-statement bugs mined from Java and Python histories): wrong operators and bounds, wrong identifiers
# and changed literals lead; then calls (wrong function, missing or swapped arguments) and added guards; changes of
# structure are rarer for their number of possible places; deleting code and pasted donors often merely please the
# tests, so they come last. The figures spread that order so that one step of kind weighs about as much as one line
# of suspicion; they are judgement, checked against the golden cases, and no measured frequencies.
PRIOR: dict[Kind, float] = {
    Kind.COMPARISON: 1.00,
    Kind.OFF_BY_ONE: 0.92,
    Kind.MISSING_SELF: 0.90,
    Kind.NAME: 0.86,
    Kind.OPERATOR: 0.84,
    Kind.CONSTANT: 0.80,
    Kind.ATTRIBUTE: 0.80,
    Kind.BOOLEAN: 0.78,
    Kind.NEGATION: 0.76,
    Kind.METHOD: 0.76,
    Kind.DEFAULT: 0.72,
    Kind.SLICE: 0.70,
    Kind.ARGUMENT: 0.68,
    Kind.IDENTITY: 0.66,
    Kind.RETURN: 0.64,
    Kind.GUARD: 0.62,
    Kind.MISSING_CALL: 0.60,
    Kind.COPY: 0.58,
    Kind.WRAP: 0.52,
    Kind.STRING: 0.50,
    Kind.FORMAT: 0.50,
    Kind.EXCEPTION: 0.50,
    Kind.LOOP: 0.50,
    Kind.MOVE: 0.46,
    Kind.ORDER: 0.44,
    Kind.UNGUARD: 0.36,
    Kind.DUPLICATE: 0.22,
    Kind.DONOR: 0.20,
    Kind.DELETE: 0.18,
}


class Edit(Struct, frozen=True):
    """One replacement in a text: characters `start` to `end` become `text`; `words` say what the code does then.

    `weight`, at most 1, orders edits of one kind. `structural` edits change which statements there are.
    """

    kind: Kind
    start: int
    end: int
    text: str
    words: str
    weight: float = 1.0
    structural: bool = False

    @property
    def prior(self) -> float:
        """How common such a fix is, between 0 and 1."""
        return PRIOR[self.kind] * self.weight


class Proposal(Struct, frozen=True):
    """A candidate repair of one file.

    `line` is the first changed line of `before`, the old text; `score` is suspicion × prior; `size` counts the
    words and signs that differ.
    """

    path: str
    line: int
    edit: Edit
    before: str
    suspicion: float
    score: float
    size: int

    @property
    def after(self) -> str:
        """The whole new text, made anew at each call: thousands of proposals of a large file must not keep it."""
        return self.before[: self.edit.start] + self.edit.text + self.before[self.edit.end :]

    @property
    def kind(self) -> Kind:
        """The family of the edit."""
        return self.edit.kind

    @property
    def words(self) -> str:
        """What changes, in one phrase."""
        return self.edit.words
