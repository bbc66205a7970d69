from __future__ import annotations

from cwm_agent.events import (
    ModeChanged,
    Noticed,
    PatchApplied,
    PatchRefused,
    PermissionAsked,
    PermissionSettled,
    Progressed,
    PromptAccepted,
    Rested,
    Rewound,
    TextWritten,
)
from cwm_agent.observations import Mode, Origin
from cwm_agent.tui.bridge import show
from cwm_agent.tui.clip import HEAD, TAIL, Clip
from cwm_agent.tui.exits import exit_code
from cwm_agent.tui.picture import Acted, Asked, Offered, Picture, Said, Thought, Working
from tests.tui.stories import CONTEST, DREAMT, FAILED, OPENED, READY, REFUND, STREAMING, traced


def picture(*stories: list) -> Picture:
    made = Picture("payments", "main", lambda: "14:02")
    for story in stories:
        for event in story:
            show(made, event)
    return made


def test_pieces_of_one_text_become_one_block() -> None:
    said = [block for block in picture(READY).blocks if isinstance(block, Said)]
    assert [block.text for block in said] == [
        "The most suspicious lines are `refunds.py` 11 to 13: only the failing test runs them with a sum of more than "
        "one amount."
    ]


def test_the_patch_is_open_until_it_is_applied() -> None:
    made = picture(READY)
    assert made.proposal is not None
    show(made, PatchApplied(1, "r1", ("a.py",)))
    assert made.proposal is None
    assert [block.state for block in made.blocks if isinstance(block, Offered)] == ["applied"]


def test_a_rewind_fades_what_came_after_and_closes_the_patch() -> None:
    made = picture(READY)
    show(made, Rewound(0))
    assert made.proposal is None
    assert made.checkpoints == []
    assert all(block.faded for block in made.blocks if isinstance(block, Asked | Acted | Thought))


def test_an_interrupted_action_does_not_run_for_ever() -> None:
    made = picture(STREAMING, [Rested("interrupted")])
    last = [block for block in made.blocks if isinstance(block, Acted)][-1]
    assert last.runs[-1].stopped
    assert not made.working


def test_the_checkpoint_of_a_winner_belongs_to_no_action() -> None:
    made = picture(FAILED[:-1], CONTEST[3:5])
    assert [each.label for each in made.checkpoints] == ["the winning rollout"]
    assert not any(block.files for block in made.blocks if isinstance(block, Acted))


def test_a_question_is_open_until_it_is_settled() -> None:
    made = picture(FAILED, [PermissionAsked(7, "May I?", "pip install")])
    assert made.question is not None
    show(made, PermissionSettled(7, allowed=False))
    assert made.question is None


def test_the_return_code_is_that_of_the_last_turn() -> None:
    assert exit_code(picture()) == 0
    assert exit_code(picture(READY)) == 0
    assert exit_code(picture(FAILED, [Rested("no_patch")])) == 1
    assert exit_code(picture(FAILED, [Rested("limit")])) == 4
    assert exit_code(picture(FAILED, [Rested("interrupted")])) == 130
    assert exit_code(picture(READY, [PatchRefused(1, "the tree changed")])) == 5


def test_endless_output_is_kept_within_bounds() -> None:
    clip = Clip()
    for number in range(60_000):
        clip.add(f"line {number}\n")
    text = clip.text()
    assert len(text) < HEAD + 2 * TAIL + 1000
    assert text.startswith("line 0\n")
    assert text.endswith("line 59999\n")
    assert f"{clip.cut:,} characters are not shown" in text


def test_at_the_end_of_a_turn_the_patch_is_in_view_whatever_was_imagined_meanwhile() -> None:
    made = picture(READY[:-1])
    for event in traced(1, REFUND, Origin.IMAGINED, DREAMT):
        show(made, event)
    assert made.scene == "trace"
    show(made, READY[-1])
    assert made.scene == "diff"


def test_long_work_goes_on_in_its_row_whatever_is_remarked_meanwhile() -> None:
    made = picture([OPENED, PromptAccepted("fix it"), Progressed("trying", 10, None, "candidates")])
    show(made, ModeChanged(Mode.REAL))
    show(made, Progressed("trying", 20, None, "candidates"))
    works = [block for block in made.blocks if isinstance(block, Working)]
    assert [(work.progress.done, work.over) for work in works] == [(20, False)]
    show(made, Noticed("warning", "something"))
    assert works[0].over, "until it goes on it is not shown as under way"
    show(made, TextWritten("done"))
    show(made, Progressed("trying", 5, None, "candidates"))
    assert len([block for block in made.blocks if isinstance(block, Working)]) == 2, "other work of the same name"
