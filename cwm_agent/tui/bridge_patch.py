"""What the events of a patch mean for the picture: it is ready, applied, refused, taken back, or left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cwm_agent.events import HunksDeclined, PatchApplied, PatchProposed, PatchRefused, PatchUndone, Rewound
from cwm_agent.observations import Origin
from cwm_agent.tui.picture import Offered, Picture, Remark, Returned, Said

if TYPE_CHECKING:
    from cwm_agent.workspace.review import Review


def proposed(picture: Picture, event: PatchProposed) -> None:
    """A card for the patch; the summary is left out where the policy has just said the same."""
    _close_offer(picture, "replaced")
    last = picture.blocks[-1]
    told = isinstance(last, Said) and event.summary.strip() in last.text
    picture.proposal = event
    picture.revision += 1
    picture.scene = "diff"
    picture.add(Offered(event, ran=_proof(picture) if event.verified else 0, told=told))


def counted(picture: Picture, review: Review | None) -> None:
    """How many hunks the patch has that was proposed just now."""
    last = picture.blocks[-1]
    if review is not None and isinstance(last, Offered):
        last.hunks = sum(len(file.hunks) for file in review.files)


def _proof(picture: Picture) -> int:
    real = [report for report in picture.board if report.origin is Origin.REAL]
    return real[-1].passed if real and not real[-1].failed else 0


def _offer(picture: Picture) -> Offered | None:
    for block in reversed(picture.blocks):
        if isinstance(block, Offered):
            return block
    return None


def _close_offer(picture: Picture, state: Literal["applied", "undone", "replaced"]) -> None:
    offered = _offer(picture)
    if offered is not None and (state != "replaced" or offered.state == "open"):
        offered.state = state
        offered.touch()


def applied(picture: Picture, event: PatchApplied) -> None:
    """Accepted hunks are in the user's tree."""
    picture.refused = False
    picture.proposal = None
    picture.revision += 1
    picture.applied.append(event.receipt)
    _close_offer(picture, "applied")
    merged = f" {', '.join(event.merged)} was merged with your own edits." if event.merged else ""
    picture.add(Remark("good", f"Applied to {', '.join(event.names)}.{merged}", "/undo takes it back."))


def refused(picture: Picture, event: PatchRefused) -> None:
    """Nothing was written, and why."""
    picture.refused = True
    names = f" ({', '.join(event.names)})" if event.names else ""
    picture.add(Remark("error", f"Not applied: {event.reason}{names}", "Nothing was written. ^R reviews it again."))


def declined(picture: Picture, event: HunksDeclined) -> None:
    """What was not taken, and why: the agent reads it, and the user sees when."""
    _, _, hunks = event.text.partition("\n")
    picture.add(Returned("info", f"The agent reads with your next request:\n{hunks or event.text}"))


def undone(picture: Picture, event: PatchUndone) -> None:
    """They are taken back."""
    if event.receipt in picture.applied:
        picture.applied.remove(event.receipt)
    picture.revision += 1
    _close_offer(picture, "undone")
    picture.add(Remark("good", f"Undone: {', '.join(event.names)} as before."))


def rewound(picture: Picture, event: Rewound) -> None:
    """What stands after the checkpoint fades; the patch is no longer open."""
    kept = [made for made in picture.checkpoints if made.number <= event.checkpoint]
    start = kept[-1].before if kept else 1
    for block in picture.blocks[start:]:
        if not block.faded and not isinstance(block, Remark):
            block.faded = True
            block.touch()
    _close_offer(picture, "replaced")
    picture.checkpoints = kept
    picture.proposal = None
    picture.revision += 1
    where = f"checkpoint {event.checkpoint}" if event.checkpoint else "the start of the session"
    picture.add(Remark("rule", f"back at {where}", ""))
