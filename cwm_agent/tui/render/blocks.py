"""From a block of the conversation to its rows."""

from __future__ import annotations

from typing import assert_never

from textual.content import Content

from cwm_agent.events import ClaimChecked, Rested
from cwm_agent.tui.picture import (
    Acted,
    AnyBlock,
    Asked,
    Closing,
    Contest,
    Offered,
    Opening,
    Pinned,
    Question,
    Remark,
    Said,
    Thought,
    Traced,
    Weighed,
    Working,
)
from cwm_agent.tui.render.action import action_rows, foldable, label
from cwm_agent.tui.render.growing import Growing
from cwm_agent.tui.render.marks import CLAIMED, REAL, count, stat
from cwm_agent.tui.render.progress import finished, working
from cwm_agent.tui.render.rows import Row, blank, clip, folded, join, line, named, ours, spread, text, wrapped


def rows(block: AnyBlock, width: int, growing: Growing | None = None) -> list[Row]:  # noqa: C901 -- one arm each
    """Lay a block out; an empty row keeps it apart from what stands before it where that helps the eye.

    `growing` remembers the text of a block that is still written.
    """
    growing = growing or Growing()
    match block:
        case Opening():
            laid = _opening(block, width)
        case Asked():
            bar = ours("▌ ", "$lead")
            laid = [blank(), *_bar(wrapped(text(block.text, "bold"), width - 2), bar), blank()]
        case Thought():
            laid = _thought(block, width, growing)
        case Said():
            laid = [blank(), *growing.wrapped(block.text.strip("\n"), width, ours("  ")), blank()]
        case Weighed():
            laid = _weighed(block.claim, width)
        case Working():
            laid = _working(block, width)
        case Acted():
            laid = action_rows(block, width)
        case Traced():
            from cwm_agent.tui.render.traced import traced_rows  # not needed for the first paint

            laid = traced_rows(block, width)
        case Pinned():
            from cwm_agent.tui.render.traced import pinned_rows  # not needed for the first paint

            laid = pinned_rows(block.pin, width)
        case Contest():
            from cwm_agent.tui.render.contest import contest_rows  # not needed for the first paint

            laid = contest_rows(block, width)
        case Offered():
            laid = _offered(block, width)
        case Question():
            laid = _question(block, width)
        case Remark():
            laid = _remark(block, width)
        case Closing():
            laid = _closing(block.rested, width)
        case _:
            assert_never(block)
    if block.faded:
        return [Row(Content.styled(row.content.plain, "$faint")) for row in laid]
    return laid


def can_fold(block: AnyBlock) -> bool:
    """Whether a block has more than it shows."""
    if isinstance(block, Thought):
        return len(block.text.strip()) > 60 or "\n" in block.text.strip()
    return isinstance(block, Acted) and foldable(block)


def _bar(laid: list[Row], bar: Content) -> list[Row]:
    return [Row(join(bar, row.content), row.fill) for row in laid]


def _opening(block: Opening, width: int) -> list[Row]:
    where = join(line(block.title, "bold"), line(f"  {block.branch}" if block.branch else "", "$quiet"))
    laid = [blank(), Row(join(ours("  "), where))]
    opened = block.opened
    if opened is None:
        doing = "could not be opened" if block.failed else "opening the sandbox …"
        laid.append(Row(ours(f"  {doing}", "$bad" if block.failed else "$quiet")))
        laid.append(blank())
        for number, step in enumerate(block.progress):
            last = number == len(block.progress) - 1
            live = last and not block.failed
            piece = working(step, width - 4) if live else finished(step)
            laid.append(
                Row(join(ours("  ● " if live else "  · ", "$lead" if live else "$faint"), clip(piece, width - 4)))
            )
        return laid
    model = opened.world_model or "no world model: everything that is shown ran"
    laid.append(Row(clip(line(f"  {opened.policy} · {model}", "$quiet"), width)))
    laid += [
        blank(),
        *wrapped(
            ours(
                "Say what should be fixed, a failing test for example. The agent works on a copy in a sandbox; "
                "nothing reaches your files before you have reviewed it.",
                "$quiet",
            ),
            min(width, 78),
            ours("  "),
        ),
        blank(),
    ]
    return laid


def _thought(block: Thought, width: int, growing: Growing) -> list[Row]:
    whole = block.text.strip()
    if block.folded:
        first, _, rest = whole.partition("\n")
        words = len(whole.split())
        more = ours(f"{words} words", "$faint") if rest or len(first) > width - 24 else Content("")
        head = join(label("▸", "thought", "$faint"), line(first, "italic $quiet"))
        return [Row(spread(head, more, width))]
    return growing.wrapped(whole, width, label("▾", "thought", "$faint"), "italic $quiet")


def _weighed(claim: ClaimChecked, width: int) -> list[Row]:
    """A claim that nothing proves, with its badge; of one that stands only what proves it."""
    if claim.stands:
        return wrapped(text(claim.evidence, "$quiet"), width, ours(f"{REAL} ", "$real"))
    badge = join(ours(f"{CLAIMED} CLAIMED ", "bold $warn"), text(claim.text))
    return [*wrapped(badge, width), *wrapped(text(claim.evidence, "$quiet"), width, ours("  ")), blank()]


def _working(block: Working, width: int) -> list[Row]:
    if block.over:
        return [Row(join(ours("· ", "$faint"), clip(finished(block.progress), width - 2)))]
    return [Row(join(ours("● ", "$lead"), clip(working(block.progress, width - 2), width - 2)))]


def _offered(block: Offered, width: int) -> list[Row]:
    patch = block.patch
    hunks = f", {count(block.hunks, 'hunk')}" if block.hunks else ""
    title = {
        "open": f"A patch is ready: {count(len(patch.files), 'file')}{hunks}",
        "applied": "This patch was applied",
        "undone": "This patch was applied and taken back",
        "replaced": "This patch was replaced by a later one",
    }[block.state]
    live = block.state == "open"
    style = "$good" if live and patch.verified else "$warn" if live else "$faint"
    press = join(ours("^R", "bold $lead"), ours(" reviews it", "$quiet")) if live else Content("")
    laid = [Row(spread(ours(title, "bold" if live else "$quiet"), press, width - 2))]
    if live:
        ran = f" {count(block.ran, 'test')}" if block.ran else " its tests"
        proof = (
            join(ours(f"{REAL} verified:", "$real"), ours(f"{ran} ran after the last edit, and passed", "$quiet"))
            if patch.verified
            else ours("not verified: no test run has shown that it works", "$warn")
        )
        laid.append(Row(clip(proof, width - 2)))
        if patch.summary and not block.told:
            laid += wrapped(text(patch.summary.strip(), "$quiet"), width - 2)
        for file in patch.files[:6]:
            laid.append(Row(named(file.name, width - 2, right=stat(file))))
        if len(patch.files) > 6:
            laid.append(Row(ours(f"and {count(len(patch.files) - 6, 'more file')}", "$faint")))
    return [blank(), *_bar(laid, ours("┃ ", style)), blank()]


def _question(block: Question, width: int) -> list[Row]:
    asked = block.asked
    bar = ours("┃ ", "$warn" if block.answer is None else "$faint")
    laid = wrapped(text(asked.question, "bold" if block.answer is None else "$quiet"), width - 2)
    laid += folded([text(each, "$quiet") for each in asked.detail.splitlines()], width - 2, ours(""))
    if block.answer is None:
        keys = (ours("y", "bold $lead"), ours(" yes   "), ours("n", "bold $lead"), ours(" no"))
        laid.append(Row(join(*keys, ours("   while the input is empty", "$faint"))))
    else:
        laid.append(Row(ours("yes, allowed" if block.answer else "no, refused", "$quiet")))
    return [blank(), *_bar(laid, bar), blank()]


_REMARKS = {
    "info": ("·", "$quiet"),
    "warning": ("!", "$warn"),
    "error": ("✗", "$bad"),
    "good": ("✓", "$good"),
    "quiet": ("·", "$faint"),
}


def _remark(block: Remark, width: int) -> list[Row]:
    if block.kind == "rule":
        title = join(ours("── "), line(block.text), ours(" "))
        rest = ours("─" * max(0, width - title.cell_length))
        laid = [blank(), Row(Content.styled(join(title, rest).plain, "$faint")), blank()]
        return laid + wrapped(text(block.remedy, "$quiet"), width, ours("  ")) if block.remedy else laid
    sign, style = _REMARKS[block.kind]
    body = "$quiet" if block.kind in ("info", "quiet") else style if block.kind == "error" else ""
    laid = wrapped(text(block.text, body), width, ours(f"{sign} ", style))
    if block.remedy:
        laid += wrapped(text(block.remedy, "$quiet"), width, ours("  "))
    return [blank(), *laid, blank()] if block.kind == "error" else laid


_ENDS = {
    "fixed": ("✓", "$good", "Fixed: the tests ran and passed."),
    "proposed": ("✓", "$warn", "A patch is proposed; no test run has shown that it works."),
    "answered": ("", "", ""),
    "no_patch": ("✗", "$warn", "No patch."),
    "limit": ("!", "$warn", "A limit was reached."),
    "error": ("✗", "$bad", "It went wrong."),
    "interrupted": ("■", "$warn", "Interrupted. What happened so far is kept."),
}


def _closing(rested: Rested, width: int) -> list[Row]:
    sign, style, words = _ENDS[rested.status]
    message = rested.message.strip()
    if not sign and not message:
        return []
    if not sign:
        return [blank(), *wrapped(text(message), width, ours("  ")), blank()]
    laid = wrapped(ours(words, style), width, ours(f"{sign} ", style))
    if message:
        laid += wrapped(text(message, "$quiet"), width, ours("  "))
    return [*laid, blank()]
