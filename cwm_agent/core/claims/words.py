"""The words in which something is said to have passed, to have been tested, or to have been run."""

from __future__ import annotations

import re

_WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
NUMBERS = {word: number for number, word in enumerate(_WORDS, 1)} | {"both": 2}
NUMBER = rf"(?:\d{{1,7}}|{'|'.join(NUMBERS)})"
NAME = r"(?:[\w./-]+\.py::[\w:.\[\]-]*[\w\]]|\b[\w./-]*\btest_\w+(?:\.py)?|\b\w+_test\.py)"
NAMES = re.compile(NAME)
HEAD = (
    r"(?:tests?(?:\s+(?:cases?|files?|modules?|functions?|runs?|suites?))?|testsuite|suites?|unittests?|doctests?|"
    r"pytest)"
)
_ADVERB = (
    r"now|all|also|both|still|again|each|then|just|finally|successfully|cleanly|indeed|did|do|have|has|had|already|"
    r"once more"
)
_ADVERBS = rf"(?:\s+(?:{_ADVERB}))*"
_FOLLOWS = (
    r"in|for|of|from|on|under|with|without|that|which|related|covering|touching|I|we|it|don't|doesn't|didn't|does|is|"
    r"are|was|were|run|ran|came|comes?|turn|and|or|no|continue[sd]?|keeps?|kept|stays?|should|will|would|must|can|could|may|might|not|to|pass\w*|"
    r"succeed\w*|green|shows?|confirms?|reports?|says?"
)
SUBJECT = re.compile(
    rf"(?P<name>{NAME})|\b(?P<head>{HEAD})\b(?=\s*(?:\(|\[quoted\]|,|:|'s\b|$)|\s+(?:{_ADVERB}|{_FOLLOWS}|{NAME})\b)"
    rf"|\b(?P<pronoun>it|they|everything|all|both|these|those|each|them)(?={_ADVERBS}\s*$)",
    re.I,
)
_DENIED_FAILURE = r"\b(?:no longer|doesn't|don't|does not|do not|not)\s+fail(?:s|ing)?(?:\s+any\s?more|\s+any longer)?"
DENIED_FAILURE = re.compile(_DENIED_FAILURE, re.I)
_BE = r"(?:\b(?:is|are|was|were|be|being|stays?|stayed|comes?|came|turns?|turned|runs?|ran|all)|'s|'re)"
_AFTER = (
    r"(?=$|\s*[.,;:!?)(\]—–✓✅…|]|\s-|\s+(?:and|but|now|again|on(?! to)|after|with|when|too|locally|without|since|"
    r"because|at|under|both|including|here|there|so|while|for|today|unchanged|before|also|once|apart|except|against|"
    r"cleanly|successfully|consistently|as (?:well|expected|before|intended|planned|predicted|imagined)|"
    r"in (?!an? (?!row|second|minute|fresh|clean)))\b|\s+✓|\s+✅)"
)
PASSED = re.compile(
    rf"(?:\b(?P<verb>pass(?:es|ed)?|succeed(?:s|ed)?)|(?:{_BE}|\b(?:with|now|tests?|suite)){_ADVERBS}\s+passing|"
    rf"{_BE}{_ADVERBS}(?:\s+back)?\s+green|\b(?:keep|keeps|kept)\s+passing|"
    rf"(?P<denial>{_DENIED_FAILURE}))"
    rf"{_AFTER}",
    re.I,
)
_SOME = rf"\b(?P<some>{NUMBER})(?:\s*(?:/|of|out of)\s*(?:the\s+|all\s+)?(?P<of>{NUMBER}))?\b"
SOME = re.compile(_SOME, re.I)
COUNTED = re.compile(
    rf"{_SOME}(?:\s+\w+)?(?:\s+tests?)?\s+(?:passed|passing)\b(?!\s+(?:to|by|through|as|into|the|a|an)\b)",
    re.I,
)
SUMMARY = re.compile(r"\b\d+ passed(?:, \d+ \w+)* in \d")
"""pytest's own last line."""
NONE_PASSED = re.compile(r"\b(?:0|zero)(?:\s*(?:/|of|out of)\s*\w+)?\s+(?:tests?\s+)?pass", re.I)
NONE_FAILED = re.compile(
    r"\b(?:no|zero|0|none of the|without|without any)\s+(?:\w+\s+)?"
    r"(?:(?:failing|failed|broken) tests?|tests?\s+(?:fails?|failed|is failing|are failing)|test failures?)\b"
    r"|\b(?:0|zero) (?:failures|failed)\b",
    re.I,
)
_DONE = r"(?:\s+(?:also|just|now|then|already|successfully|thoroughly|manually|fully|even|really))*"
_WORKS = (
    r"work(?:s|ed|ing)\b|(?:is|are|was|now) fixed|pass(?:es|ed)?\b|by (?:re-?)?(?:running|testing)|"
    r"with (?:pytest|the tests?\b|a test\b|tests\b|an? \w+ test\b)|everything|"
    r"the (?:\w+ )?(?:change|patch|solution|edit|repair|fix)\b"
)
SHOWN = re.compile(
    r"\btests?\b(?:\s+(?:now|also|all))?\s+(?:confirm|prove|show|demonstrate)s?\b(?:\s+that)?\s+"
    r"(?:the (?:\w+ )?(?:fix|change|patch|solution|repair)|it\b[^.;]{0,40}\bwork|[^.;]{0,60}\b(?:works|is fixed))",
    re.I,
)
_NOTHING = r"\s+(?:no|none|nothing|neither)\b"
TESTED = re.compile(
    rf"(?:\b(?:I|we)(?:'ve| have| had)?{_DONE}\s+|^(?:fully |thoroughly |manually |successfully |also )?|"
    rf"\b(?:was|were|been|is now|are now){_DONE}\s+|"
    r"\b(?:fix\w*|implement\w*|changed?|done|written|added|correct\w*|updated|repaired)\b[\w\s]{0,40}?,?\s+"
    r"(?:and|then)\s+(?:\w+ly\s+)?|\b(?:done|fixed|ready),\s+)"
    r"(?:re-?)?(?P<verb>tested\b"
    rf"(?!{_NOTHING}|\s+(?:by (?:the |a )?test|in\b|the (?:hypo|idea|theor|assump)|func|code|value|against))"
    rf"|(?:verified|confirmed|validated)\b(?!{_NOTHING})(?=\s*[.,;!]?$|(?:\s+(?:it|this|that))?\s*[.,;!]|[^.;]{{0,80}}\b(?:{_WORKS})))",
    re.I,
)
RAN = re.compile(
    rf"(?:\b(?:I|we)(?:'ve| have| had){_DONE}\s+(?:re-?)?(?P<verb>run)|\b(?:I|we){_DONE}\s+(?:re-?)?ran|^(?:re-?)?ran"
    rf"|\b(?:I|we)(?:'ve| have| had)?{_DONE}\s+(?:re-?)?executed|^executed)\b"
    rf"(?!{_NOTHING}|\s+(?:into|out|across|over|away)\b)"
    rf"(?P<what>.{{0,120}})"
    rf"|\b(?P<tests>{HEAD}|{NAME})\s+(?:was|were|have been|has been){_DONE}\s+(?:re-?)?(?:run|executed)\b",
    re.I,
)
RUNNABLE = re.compile(
    r"^\s+(?:\w+\s+){0,3}?(?:scripts?|commands?|programs?|examples?|snippets?|repro\w*|python3?|it)\b|^\s+\[quoted\]",
    re.I,
)
TESTS = re.compile(rf"\b{HEAD}\b|{NAME}|\btox\b|\bnox\b", re.I)
MISLED = re.compile(
    r"\bthat (?:the|a|an|it|my|this|all)\b|\b(?:shows?|showed|proves?|says?|calls?|uses?|expects?|asserts?|fails?|"
    r"failed|checks?|reproduces?|data|code|file)\b",
    re.I,
)
"""Between the word for a test and the verb: then the verb has another subject."""
WHOLE = re.compile(r"\b(?:all|every|entire|whole|full|complete|each)\b", re.I)
SUITE = re.compile(r"suite", re.I)
RESTRICTED = re.compile(
    r"\b(?:in|for|of) (?!all|the (?:tests?|project|repo\w*|suite)|them|this (?:project|repo))|\b(?:related|relevant|"
    r"affected|these|those|new|failing|mentioned|named|specified|updated|added|unit|that I|I ran|remaining|other)\b",
    re.I,
)
PARTLY = re.compile(
    r"\b(?:except|apart from|other than|aside from|most|some|several|many|half|nearly|almost)\b|"
    rf"\b(?!0)(?:{NUMBER}|still|others?)\s+(?:\w+\s+)?(?:fail(?:s|ed|ing)?|failures?|errors?)\b|\bfails\b",
    re.I,
)
