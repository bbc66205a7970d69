"""What makes words about tests no claim: a question, a plan, a condition, a guess, a denial, an imagined run."""

from __future__ import annotations

import re

_IMAGINED = re.compile(
    r"imagin|predict|simulat|hypothe|theor(?:y|etical)|mentally|in my head|on paper|world model|dry[ -]run|foresee",
    re.I,
)
_AS_IMAGINED = re.compile(r",?\s*\(?\bas (?:was |were |I had |I )?(?:imagined|predicted|foreseen)\)?", re.I)
_OTHERS = re.compile(
    r"\b(?:you|user|issue|readme|docs?|documentation|docstring|comments?|maintainers?|author|ticket|he|she|someone|"
    r"people|changelog|guide|message|agents?\.md)\b(?:\s+\w+)?\s+"
    r"(?:say|said|claim|state|mention|report|wrote|write|suggest|assert)\w*\b|\baccording to\b(?! pytest)",
    re.I,
)
_DISCLAIMED = re.compile(
    r"(?:\bnot|n't|\bnever)\s+(?:\w+\s+)?(?:be(?:en)?\s+)?(?:able to\s+)?(?:re-?)?"
    r"(?:run|ran|running|verif\w*|tested|test it|check\w*|confirm\w*|execut\w*)\b"
    r"|\bunverified\b|\buntested\b|\bwithout (?:having )?(?:run|executing|verifying|testing)\w*",
    re.I,
)
_EARLIER = re.compile(
    r"\bbefore (?:my|the|this|that|these|any) (?:\w+ )?(?:change|edit|fix|patch|commit|modification)s?\b"
    r"|\b(?:previously(?! (?:failing|broken|red))|used to|originally|initially|at first|back then|formerly|beforehand|"
    r"prior to)\b"
    r"|\bpass(?:ed|ing) before\b(?! and)",
    re.I,
)
_CONDITION = re.compile(
    r"\b(?:if|unless|whether|once|until|assuming|suppose|supposing|provided|in case|will|won't|shall|let me|let us|"
    r"let's|going to|gonna|plan to|plan is|wait for|next step|remains to|todo|to do)\b|'ll\b",
    re.I,
)
_COMMAND = re.compile(
    r"^(?:please |now |then |next,? |first,? |finally,? |and |also |to )*"
    r"(?:run|rerun|re-run|check|make|ensure|verify|confirm|let|try|see|execute|wait|keep|submit|consider|remember|"
    r"repeat|validate)\b",
    re.I,
)
_UNSURE = re.compile(
    r"\b(?:would|should|could|can|may|might|must|ought|needs?|needed|has to|have to|had to|expect\w*|hope\w*|hoping|"
    r"wants?|wanted|try|trying|tries|tried|supposed|likely|probably|presumably|perhaps|maybe|possibly|think|thinks|"
    r"thought|believe|guess|assume|suspect|seems?|seemed|appears?|appeared|aim|aims|goal|intended|meant|"
    r"ensure|ensures|ensuring|make sure|makes sure|making sure|so that|in order|require[sd]?|"
    r"make|making|gets?|getting|help\w*|caus\w+|allow\w*|lets?|letting|enabl\w+|watch|see|check|verify|"
    r"what|how|why|which(?= tests?)|such that|imagine)\b|'d\b",
    re.I,
)
_SURE = re.compile(
    r"\b(?:I|we)\s+(?:can|could)\s+(?:now\s+|also\s+)?(?:confirm|report|say|see|verify)\b|\bI (?:confirm|verify|see)\b"
    r"|\b(?:happy|glad|pleased|able) to (?:confirm|report|say)\b|\bas expected\b|\bI (?:expected|wanted),",
    re.I,
)
_DENIED = re.compile(
    r"\b(?:not|never|no|none|neither|nor|hardly|cannot|nothing|barely|unable|instead of|rather than|yet to|"
    r"fail(?:s|ed)? to)\b|n't\b",
    re.I,
)
_WHEN = re.compile(
    r"^\W*(?:(?:and|but|then|so|or|only|even)\s+)*(?:after|when|whenever|before|until|as soon as|as long as)\s*$", re.I
)
_BARE = re.compile(r"(?<!continue )(?<!continues )(?<!continued )\b(?:to|that|be)\s*$", re.I)
_STRONG = re.compile(r"[;:()]|\s[—–-]\s|[—–]|,?\s+but\s", re.I)
_WEAK = re.compile(
    r",|\s(?:and|but|while|whereas|because|since|so(?!\s+that)|then|though|although|yet|or|with)\s", re.I
)


def hearsay(sentence: str) -> bool:
    """Whether nothing in the sentence is the speaker's word on what happened now and for real."""
    if sentence.rstrip(" )\"'*").endswith("?"):
        return True
    plain = _AS_IMAGINED.sub("", sentence)
    return any(kind.search(plain) for kind in (_IMAGINED, _OTHERS, _DISCLAIMED, _EARLIER))


def doubted(sentence: str, subject: int, verb: int, *, denial: bool = True) -> bool:
    """Whether what stands before the verb makes it no claim; `subject` and `verb` are where they begin.

    Without `denial` a negation is part of the claim, as in "no test fails".
    """
    segment = _last(_STRONG, sentence[:subject])
    before = _SURE.sub(" ", segment + sentence[subject:verb])
    clause = _SURE.sub(" ", _last(_WEAK, segment) + sentence[subject:verb])
    if _CONDITION.search(before) or _COMMAND.match(before.lstrip()) or _UNSURE.search(clause):
        return True
    if denial and _DENIED.search(clause):
        return True
    return bool(_WHEN.match(_article_off(_last(_WEAK, segment))) or (subject < verb and _BARE.search(before)))


def _last(separator: re.Pattern[str], text: str) -> str:
    """What stands behind the last separator."""
    return separator.split(text)[-1]


def _article_off(text: str) -> str:
    return re.sub(
        r"(?:\s*\b(?:all|the|of|my|your|our|every|each|new|old|failing|existing|\d+))+\s*$", "", text, flags=re.I
    )
