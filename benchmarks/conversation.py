"""A conversation of an agent about the sample repository: what the user asks, and what the model thinks and does.

What the tools answer is not written here: the commands are run.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from msgspec import Struct

from cwm_agent.demo.sample import PROMPT
from cwm_agent.events import (
    ActionEnded,
    ActionProposed,
    AgentEvent,
    PromptAccepted,
    Rested,
    TextWritten,
    ThoughtWritten,
    ToolCall,
)
from cwm_agent.models.chat_format.messages import reply
from cwm_agent.observations import Completed, Origin
from cwm_agent.policies.cwm.policy import CwmPolicy
from cwm_agent.protocols import Act, Sampling, Token, TraceModel
from cwm_agent.settings import LimitSettings
from cwm_agent.traces.grammar import Special


class Step(Struct, frozen=True):
    """One turn of the model: what it thinks, what it says, and a command, or none where it is the answer."""

    thought: str
    text: str
    command: str = ""

    @property
    def call(self) -> ToolCall | None:
        """The command as a call."""
        return ToolCall("bash", self.command) if self.command else None


FIRST = (
    Step(
        "The user says that a test of the statement fails, and that a customer was charged too much. Before I look "
        "for a cause I want to see the failure itself, so I run that one test and read what it compares. The name "
        "tells of large orders in a month, so quantities, discounts and the closing balance are all possible places.",
        "I run the test that fails.",
        "python -m pytest -q tests/test_statement.py::test_closing_balance_of_a_month_with_large_orders",
    ),
    Step(
        "The closing balance is 233.61 instead of 216.57: a difference of 17.04. The lines are 10 kg of beans at "
        "18.50 with the reduced tax of 7 percent, and 50 packs of cups at 2.40 with the standard tax of 19 percent. "
        "Without any discount the beans cost 185.00 net, 197.95 gross, and the cups 120.00 net, 142.80 gross, 340.75 "
        "together, less the payment of 100.00 would be 240.75. So some discount was given, but not all. Let me see "
        "how the library is laid out before I read single files.",
        "",
        "git log --oneline && ls tally tests && cat README.md",
    ),
    Step(
        "There is a module for discounts and a recent commit that made the tiers a table. A statement takes its "
        "numbers from the ledger, the ledger from invoices, and an invoice from its lines. I read the lines first, "
        "because there the discount is applied.",
        "The amounts come from the lines of the invoices.",
        "cat tally/items.py tally/invoice.py",
    ),
    Step(
        "A line takes its rate from rate_for(quantity). The rounding is done once for each line, which looks right. "
        "The line's net is the price times the quantity less the discount. So the question is which rate a quantity "
        "of exactly 10 and of exactly 50 gets. Both quantities in the test are the very limits of tiers, which is "
        "suspicious. Next: the tiers themselves.",
        "",
        "cat tally/discounts.py && cat tests/test_discounts.py",
    ),
    Step(
        "rate_for compares with `>`: quantity > tier.minimum. The docstring of Tier says: from `minimum` units on. So "
        "a quantity of exactly ten should get 5 percent, and gets nothing; exactly fifty should get 10 percent and "
        "gets 5. Let me check the arithmetic: beans 185.00 less 5 percent is 175.75, with tax 188.05. Cups 120.00 "
        "less 10 percent is 108.00, with tax 128.52. Together 316.57, less 100.00 is 216.57. That is what the test "
        "expects. With the bug: beans 197.95, cups 114.00 net and 135.66 gross, together 333.61, less 100 is 233.61. "
        "That is what came out. So this is the whole cause. I look at how it was before the last change, to be sure "
        "that it is not intended.",
        "The comparison leaves the limit itself out. I look at what it was before.",
        "git show --stat HEAD~2 && git show HEAD~2 -- tally/discounts.py",
    ),
    Step(
        "The commit that introduced the table changed the comparison from >= to >. Its message speaks of a price list "
        "alone, so the change of meaning was a slip. The fix is one character. I make it with sed, and then look at "
        "the line again.",
        "",
        "sed -i 's/quantity > tier.minimum/quantity >= tier.minimum/' tally/discounts.py && git diff",
    ),
    Step(
        "The diff is the one line that I wanted. Now the failing test, and then all of them, because units_to_next "
        "uses rate_for as well, and its numbers could move: for a quantity of exactly 10 the next tier is 50, so 40 "
        "are missing; before the fix it would have said 0. So that was wrong too, and is now right.",
        "Now all tests.",
        "python -m pytest -q",
    ),
    Step(
        "All pass. Nothing else compares quantities with tiers, or does it? The refunds share the discount of a line "
        "out, and might have a comparison of their own. I search for it rather than believe it.",
        "",
        "grep -rn 'minimum\\|rate_for\\|tiers' tally | grep -v '^tally/discounts.py'",
    ),
    Step(
        "Only the lines of invoices use it, and refunds go by the lines. So the work is done: I can tell the user "
        "what was wrong, what I changed, and that all tests ran.",
        "A quantity that is exactly the limit of a tier got the rate of the tier below, since the comparison leaves "
        "the limit out. I changed it to include the limit. All tests pass.",
    ),
)
AGAIN = "Thank you. Please add a test that pins the limits of all tiers down, so that this does not come back."
SECOND = (
    Step(
        "The user wants a test for the limits of all tiers. The right place is tests/test_discounts.py. I have seen "
        "it, but I want to see its style again at the end of the file: whether tests are parametrised, and what they "
        "import.",
        "",
        "tail -n 15 tests/test_discounts.py && cat pyproject.toml",
    ),
    Step(
        "Parametrised over TIERS itself the test would follow the table wherever it goes, so a limit that moves by "
        "mistake would not be noticed; with numbers written out it pins the price list down. I write the numbers out, "
        "one below, at and above each limit, and name them in the order of the table.",
        "",
        "cat >> tests/test_discounts.py <<'END'\n\n\ndef test_a_tier_begins_at_its_limit():\n"
        "    percents = {n: rate_for(n) * 100 for n in (9, 10, 11, 49, 50, 51, 199, 200, 201)}\n"
        "    assert percents == {9: 0, 10: 5, 11: 5, 49: 5, 50: 10, 51: 10, 199: 10, 200: 15, 201: 15}\nEND\n"
        "python -m pytest -q tests/test_discounts.py",
    ),
    Step(
        "It passes. A test that cannot fail is worth nothing, so I check that it fails with the old comparison, and "
        "put the right one back afterwards.",
        "I make sure that the test sees the old bug.",
        "sed -i 's/quantity >= tier/quantity > tier/' tally/discounts.py; python -m pytest -q tests/test_discounts.py; "
        "sed -i 's/quantity > tier/quantity >= tier/' tally/discounts.py; git diff --stat; python -m pytest -q",
    ),
    Step(
        "With the old comparison the new test fails, with the new one all pass. The work is done.",
        "tests/test_discounts.py now pins the limits of all tiers; the test fails with the old comparison.",
    ),
)
CONVERSATION: tuple[tuple[str, tuple[Step, ...]], ...] = ((PROMPT, FIRST), (AGAIN, SECOND))


class Ask(Struct, frozen=True):
    """One request to the model: its prompt, and what it wrote in answer."""

    prompt: tuple[int, ...]
    written: tuple[int, ...]


class Recorded:
    """The model of the conversation: says what is recorded, token by token, and keeps what it was asked."""

    def __init__(self, model: TraceModel) -> None:
        self._model = model
        self.name, self.vocabulary, self.context_tokens = model.name, model.vocabulary, model.context_tokens
        self.encode, self.aclose = model.encode, model.aclose
        self.step = FIRST[0]
        self.asks: list[Ask] = []

    async def complete(self, prompt_ids: Sequence[int], sampling: Sampling) -> AsyncIterator[Token]:
        """The step's turn, whatever the prompt."""
        del sampling
        text = reply(self.step.thought, self.step.text, self.step.call, thinking=True)
        ids = await self.encode(text)
        self.asks.append(Ask(tuple(prompt_ids), (*ids, self.vocabulary.id(Special.END_OF_TURN))))
        for at, number in enumerate(ids):
            yield Token(number, "" if at else text)


async def held(model: TraceModel, folder: Path) -> list[Ask]:
    """The requests that our policy makes to the model in this conversation; its commands are run in the folder."""
    recorded = Recorded(model)
    policy = CwmPolicy(recorded, LimitSettings())
    history: list[AgentEvent] = []
    action = 0
    for request, steps in CONVERSATION:
        history.append(PromptAccepted(request))
        for step in steps:
            recorded.step = step
            found = [event async for event in policy.decide(tuple(history))]
            history += [event for event in found if isinstance(event, ThoughtWritten | TextWritten)]
            last = found[-1]
            if isinstance(last, Act):
                action += 1
                told = await asyncio.to_thread(output, step.command, folder)
                history.append(ActionProposed(action, last.call))
                history.append(ActionEnded(action, Origin.REAL, Completed(0), told, 0.1))
            else:
                history.append(Rested("answered"))
    return recorded.asks


def output(command: str, folder: Path) -> str:
    """What a command says in the sample, errors included."""
    script = f'python() {{ "{sys.executable}" "$@"; }}\n{command}'
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.stdout
