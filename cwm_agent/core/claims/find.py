"""The claims in a text: that tests passed, that something was tested, that something was run.

Conservative, and for English: it would rather miss a claim than see one that was not made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from cwm_agent.core.claims import words
from cwm_agent.core.claims.doubts import doubted, hearsay
from cwm_agent.core.claims.sentences import sentences

MOST = 12
"""Claims of one text that are looked at."""


class Claim(Struct, frozen=True):
    """What one sentence says happened: `tests_passed`, `tested` (in words that name no test), `tests_ran`, `ran`.

    `count` is how many tests it says passed, 0 where it gives no number; `whole` says that they are all that there are,
    `partly` that it grants failures; `names` are the tests or files that it names.
    """

    sentence: str
    kind: Literal["tests_passed", "tested", "tests_ran", "ran"]
    count: int = 0
    whole: bool = False
    partly: bool = False
    names: tuple[str, ...] = ()


def claims(text: str) -> tuple[Claim, ...]:
    """At most one claim of each sentence, the strongest, in order."""
    found: list[Claim] = []
    about_tests = False
    for sentence in sentences(text):
        about_tests = bool(words.TESTS.search(sentence)) or about_tests
        if hearsay(sentence):
            continue
        claim = _passed(sentence, about_tests=about_tests) or _tested(sentence) or _ran(sentence)
        if claim and len(found) < MOST:
            found.append(claim)
    return tuple(found)


def _passed(sentence: str, *, about_tests: bool) -> Claim | None:
    """That tests passed: by a number, by a verb with tests for its subject, or by saying that none failed."""
    if words.NONE_PASSED.search(sentence):
        return None
    for at, subject in _said_to_pass(sentence, about_tests=about_tests):
        names = tuple(match[0] for match in words.NAMES.finditer(sentence[: at + 1]))
        counted = words.COUNTED.search(sentence) or words.SOME.search(subject)
        groups = counted.groupdict() if counted else {}
        count, of = _number(groups.get("some")), _number(groups.get("of"))
        partly = bool(words.PARTLY.search(_without_denials(sentence))) or count < of
        suite = words.WHOLE.search(subject) or words.SUITE.search(subject)
        whole = bool(suite) and not (count or names or partly or words.RESTRICTED.search(subject))
        return Claim(sentence, "tests_passed", count, whole, partly, names)
    return None


def _said_to_pass(sentence: str, *, about_tests: bool) -> Iterator[tuple[int, str]]:
    """Where it is said, each with the words of the subject."""
    for counted in words.COUNTED.finditer(sentence):
        told = about_tests or words.SUMMARY.search(sentence)
        if told and not doubted(sentence, counted.start(), counted.start()):
            yield counted.end(), ""
    for none in words.NONE_FAILED.finditer(sentence):
        if about_tests and not doubted(sentence, none.start(), none.start(), denial=False):
            yield none.end(), "all"
    for verb in words.PASSED.finditer(sentence):
        subject = _subject(sentence[: verb.start()], about_tests=about_tests)
        denial = verb["denial"] is None
        if subject is not None and not doubted(sentence, subject, verb.start(), denial=denial):
            clause = re.split(r"[;:,(]|\band\b", sentence[:subject])[-1]
            yield verb.end(), clause + sentence[subject : verb.end()]


def _subject(before: str, *, about_tests: bool) -> int | None:
    """Where the tests begin that a verb speaks of; None where it speaks of something else."""
    found = [match for match in words.SUBJECT.finditer(before) if about_tests or not match["pronoun"]]
    if not found or words.MISLED.search(before[found[-1].end() :]):
        return None
    return found[-1].start()


def _tested(sentence: str) -> Claim | None:
    for match in words.TESTED.finditer(sentence):
        if not doubted(sentence, match.start(), match.start("verb")):
            return Claim(sentence, "tested")
    shown = words.SHOWN.search(sentence)
    return Claim(sentence, "tested") if shown and not doubted(sentence, shown.start(), shown.start()) else None


def _ran(sentence: str) -> Claim | None:
    for match in words.RAN.finditer(sentence):
        if doubted(sentence, match.start(), match.start()):
            continue
        what = match["tests"] or match["what"] or ""
        if words.TESTS.search(what):
            return Claim(sentence, "tests_ran")
        if words.RUNNABLE.search(what):
            return Claim(sentence, "ran")
    return None


def _number(word: str | None) -> int:
    if not word:
        return 0
    return int(word) if word.isdecimal() else words.NUMBERS[word.lower()]


def _without_denials(sentence: str) -> str:
    """The sentence without names and without what says that nothing failed."""
    for pattern in (words.NONE_FAILED, words.DENIED_FAILURE, words.NAMES):
        sentence = pattern.sub("", sentence)
    return sentence
