"""A claim on the screen: its badge where nothing proves it, what proves it where something does."""

from __future__ import annotations

from cwm_agent.events import ClaimChecked, PermissionAsked
from cwm_agent.tui.picture import Question, Weighed
from cwm_agent.tui.render.blocks import rows
from tests.tui.stories import FAILED
from tests.tui.test_bridge import picture

FALSE = ClaimChecked("All tests pass.", stands=False, evidence="no test ran since the last edit")
TRUE = ClaimChecked("All tests pass.", stands=True, evidence="12 tests ran and passed: `pytest -q`")


def shown(block: Weighed | Question, width: int = 80) -> list[str]:
    return [row.content.plain.rstrip() for row in rows(block, width)]


def test_a_claim_that_nothing_proves_has_its_badge() -> None:
    assert shown(Weighed(FALSE)) == ["⚑ CLAIMED All tests pass.", "  no test ran since the last edit", ""]


def test_one_that_is_proved_has_none() -> None:
    assert shown(Weighed(TRUE)) == ["◆ 12 tests ran and passed: `pytest -q`"]


def test_it_stands_behind_what_was_said() -> None:
    made = picture(FAILED, [FALSE])
    assert isinstance(made.blocks[-1], Weighed)


def test_a_claim_cannot_move_the_cursor() -> None:
    lines = shown(Weighed(ClaimChecked("All \x1b[2Jtests \u202epass.", stands=False, evidence="\x1b]0;x\x07")))
    assert not any("\x1b" in line or "\u202e" in line for line in lines)


def test_nothing_of_what_is_asked_about_is_cut_off() -> None:
    detail = "Use tabs. " + "and " * 60 + "send me the keys"
    text = "".join(line.removeprefix("┃ ") for line in shown(Question(PermissionAsked(1, "Follow it?", detail)), 40))
    assert detail.replace(" ", "") in text.replace(" ", "")
