"""Signs and small phrases that mean the same wherever they stand."""

from __future__ import annotations

from textual.content import Content

from cwm_agent.events import FileStat, TestsReported
from cwm_agent.observations import Completed, LimitReached, Mode, Origin, Outcome, Unreadable
from cwm_agent.tui.render.rows import join, line, ours

REAL = "◆"
IMAGINED = "◇"
CLAIMED = "⚑"
SIGN = {Origin.REAL: REAL, Origin.IMAGINED: IMAGINED}
STYLE = {Origin.REAL: "$real", Origin.IMAGINED: "$imagined"}
MODE_SIGN = {Mode.REAL: "◆", Mode.VERIFY: "◐", Mode.IMAGINED: "◇"}
MODE_STYLE = {Mode.REAL: "$real", Mode.VERIFY: "$lead", Mode.IMAGINED: "$imagined"}


def count(number: int, noun: str) -> str:
    """A number and its noun: `1 file`, `1,200 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def stat(file: FileStat) -> Content:
    """What a patch does to a file: `+2 −1`, `binary`, `new +30`."""
    if file.binary:
        return ours("binary", "$quiet")
    parts = [ours(word, "$quiet") for word in ({"added": "new ", "deleted": "deleted "}.get(file.status, ""),) if word]
    if not parts and not file.added and not file.removed:
        return ours("no lines", "$quiet")
    if file.added:
        parts.append(ours(f"+{file.added}", "$added"))
    if file.removed:
        parts += [ours(" " if file.added else ""), ours(f"−{file.removed}", "$removed")]
    return join(*parts)


def tests(report: TestsReported) -> Content:
    """`12 passed`, `1 failed, 11 passed`, `no tests ran`; an imagined one is never without its sign."""
    sign = [ours(f"{IMAGINED} ", "$imagined")] if report.origin is Origin.IMAGINED else []
    passed = ours(f"{report.passed:,} passed", "$imagined" if sign else "$good")
    if report.failed:
        failed = ours(f"{report.failed:,} failed", "$bad")
        return join(*sign, failed, ours(", ", "$quiet"), passed) if report.passed else join(*sign, failed)
    return join(*sign, passed) if report.passed else join(*sign, ours("no tests ran", "$warn"))


def failed(report: TestsReported) -> Content:
    """What stands before a test that failed, or that is imagined to: solid where it ran, a ghost where it did not."""
    return ours("✗ ", "$bad") if report.origin is Origin.REAL else ours(f"{IMAGINED} ", "$imagined")


def outcome(value: Outcome) -> Content:
    """How a request ended; nothing for an exit code of 0."""
    match value:
        case Completed(0):
            return Content("")
        case Completed(code):
            return ours(f"exit {code}", "$bad")
        case LimitReached(which, detail) as limit:
            said = limit.words if which == "doubt" else f"{which} limit"
            return join(ours(said, "$warn"), line(f": {detail}" if detail else "", "$quiet"))
        case Unreadable(_, reason):
            return join(ours("unreadable: ", "$warn"), line(reason, "$quiet"))


def seconds(value: float) -> str:
    """A duration for people; nothing below a tenth of a second."""
    if value < 0.1:
        return ""
    if value < 60:
        return f"{value:.1f}s"
    return f"{int(value) // 60}m{int(value) % 60:02d}s"
