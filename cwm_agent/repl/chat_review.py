"""The review in line mode: hunk by hunk, a letter for each decision, and nothing written before the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from cwm_agent.core.history import newest
from cwm_agent.core.session import Session
from cwm_agent.editor import edit_in_editor
from cwm_agent.errors import UsageError
from cwm_agent.events import ApplyPatch, CheckpointMade, Decision, PatchProposed
from cwm_agent.repl.chat_prompt import Prompt
from cwm_agent.text import printable, printable_line
from cwm_agent.workspace.diff import Hunk
from cwm_agent.workspace.review import Review, ReviewFile

_KEYS = "a accept, r reject, n NOTE reject with a note, e edit, A/R the rest of this file, q leave without applying"


async def review(session: Session, prompt: Prompt, *, everything: bool) -> None:
    """Ask for each hunk, or take all that needs no look of its own; then apply, after a last question."""
    proposed = newest(session.history, PatchProposed)
    made = newest(session.history, CheckpointMade)
    found = session.review(proposed.checkpoint if proposed else None)
    if found is None or made is None:
        raise UsageError("There is no patch to review yet.")
    decisions: tuple[Decision, ...] | None = None
    with suppress(EOFError, KeyboardInterrupt):  # whoever leaves in the middle has not agreed to anything
        decisions = _safe_ones(found, prompt) if everything else await _decide(found, prompt)
        if decisions is not None and not await _agreed(found, decisions, prompt):
            decisions = None
    if decisions is None:
        prompt.write("Nothing was written.")
        return
    await session.send(ApplyPatch(proposed.checkpoint if proposed else made.checkpoint, decisions))


def _safe_ones(found: Review, prompt: Prompt) -> tuple[Decision, ...]:
    """All that needs no look of its own."""
    decisions = found.default_decisions()
    for name, why in {(found.files[each.file].stat.name, each.note) for each in decisions if each.verdict == "reject"}:
        prompt.write(f"Left out: {name}, {why}. /review shows it.")
    return decisions


async def _agreed(found: Review, decisions: tuple[Decision, ...], prompt: Prompt) -> bool:
    taken = sum(each.verdict != "reject" for each in decisions)
    total = sum(len(file.hunks) for file in found.files)
    answer = await prompt.read(lambda: f"apply {taken} of {total} hunks to your files? yes or no")
    return answer.strip().lower() in ("y", "yes")


async def _decide(found: Review, prompt: Prompt) -> tuple[Decision, ...] | None:
    """A decision for each hunk; None where the user left."""
    decisions: list[Decision] = []
    for number, file in enumerate(found.files):
        rest: str = ""
        for at, hunk in enumerate(file.hunks):
            letter, note, edited = rest, "", None
            if not letter:
                prompt.write("\n".join(_shown(file, at, hunk)))
                letter, note = await _letter(prompt)
            if letter == "q":
                return None
            if letter in "AR":
                rest = letter
            if letter == "e":
                edited = edit_in_editor(b"".join(hunk.new_lines), ".txt")
            verdict = {"a": "accept", "A": "accept", "e": "edit"}.get(letter, "reject")
            decisions.append(Decision(number, at, verdict, note, edited))  # type: ignore[arg-type]
    return tuple(decisions)


async def _letter(prompt: Prompt) -> tuple[str, str]:
    while True:
        answer = (await prompt.read(lambda: "a r n e A R q ?")).strip()
        letter, _, note = answer.partition(" ")
        if letter in ("a", "r", "e", "A", "R", "q") and not note:
            return letter, ""
        if letter == "n" and note.strip():
            return letter, note.strip()
        prompt.write(_KEYS)


def _shown(file: ReviewFile, at: int, hunk: Hunk) -> Iterator[str]:
    """A hunk as a diff shows it, with what to look out for."""
    yield f"── {file.stat.name}  hunk {at + 1} of {len(file.hunks)}, line {hunk.new_start}"
    for flag in file.flags:
        yield f"!! {printable_line(flag.text)}"
    for sign, line in hunk.rows():
        yield f"{sign}{printable(line.decode('utf-8', 'replace')).rstrip(chr(10))}"
    if not hunk.regions:
        yield f"   {file.stat.status}, without lines to show"
