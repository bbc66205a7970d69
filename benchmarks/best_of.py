"""What best of N costs in time: N rollouts at the same time against the same one after the other.

    python -m benchmarks.best_of [--rollouts N] [--pace TOKENS] [--rounds R]

The whole program is run on the sample repository, with a scripted model behind a real socket that writes as fast as a
served one does, each conversation as fast as if it were alone, as with a server that has room in its batch. Containers
and tests are real. "At the same time" is `best_of.at_once` = 2 N, "one after the other" is 1, and everything else is
the same: the repository's tests before any patch, N repairs, N reproduction tests, and a look at each different patch.
One rollout alone is the same request without `--best-of`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.table import machine, write
from cwm_agent.demo.sample import PROMPT, create_sample
from tests.e2e.model_server import NAME
from tests.e2e.rollout_server import Conversations
from tests.unit.policies.chat_model import call, says

ROLLOUTS = 4
PACE = 40.0
FIRST = 0.3
THOUGHT = "I look at what the test expects, at what the code does with it, and at where the two part. " * 6
RULE, RIGHT = "quantity > tier.minimum", "quantity >= tier.minimum"
WRONG = ("quantity > tier.minimum - 2", "quantity != tier.minimum")
SUBMIT = [
    call("bash", "git add -A -N; git diff > /tmp/p.diff; cat /tmp/p.diff", thought=THOUGHT),
    call("submit", "/tmp/p.diff", thought=THOUGHT),
]
TEST = """\
test_cwm_reproduction.py
from fractions import Fraction

from tally.discounts import rate_for


def test_the_smallest_order_of_a_tier_has_its_rate():
    assert rate_for(50) == Fraction(1, 10)
"""


def repair(condition: str) -> list[str]:
    """A whole repair: what fails, the code, an edit, the tests, the patch."""
    look = [
        call("bash", "python3 -m pytest | tail -30", thought=THOUGHT),
        call("bash", "cat tally/discounts.py", thought=THOUGHT),
    ]
    edit = f"sed -i 's/{RULE}/{condition}/' tally/discounts.py && git diff"
    tests = call("bash", "python3 -m pytest", thought=THOUGHT)
    return [
        *look,
        call("bash", edit, thought=THOUGHT),
        tests,
        *SUBMIT,
        says("The bound of a tier is its own.", THOUGHT),
    ]


def reproduction() -> list[str]:
    """A test that shows the problem: the code, the test, that it fails, the patch."""
    look = call("bash", "cat tally/discounts.py", thought=THOUGHT)
    run = call("bash", "python3 -m pytest test_cwm_reproduction.py", thought=THOUGHT)
    return [look, call("create", TEST, thought=THOUGHT), run, *SUBMIT, says("It fails as it should.", THOUGHT)]


def measure(count: int, at_once: int, pace: float) -> dict[str, Any]:
    """One whole run; what the program says of it."""
    repairs = [RIGHT, WRONG[0], RIGHT, WRONG[1], *[RIGHT] * count][:count]
    model = Conversations(
        [repair(each) for each in repairs], [reproduction() for _ in range(count)], pace=pace, first=FIRST
    )
    with tempfile.TemporaryDirectory() as folder, model.served() as url:
        sample = create_sample(Path(folder) / "tally")
        command = [sys.executable, "-m", "cwm_agent", "run", PROMPT, "--repo", str(sample), "--mode", "real"]
        options = ["--format", "json", "--model-url", url, "--model", NAME]
        more = ["--best-of", str(count)] if count > 1 else []
        done = subprocess.run(
            [*command, *options, *more],
            env=os.environ | {"CWM_AGENT_HOME": f"{folder}/home", "CWM_AGENT_BEST_OF__AT_ONCE": str(at_once)},
            stdout=subprocess.PIPE,
            check=False,
        )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert result["status"] == "fixed", result["message"]
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rollouts", type=int, default=ROLLOUTS)
    parser.add_argument("--pace", type=float, default=PACE)
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    kinds = {"one rollout alone": (1, 1), "one after the other": (args.rollouts, 1)}
    kinds["at the same time"] = (args.rollouts, 2 * args.rollouts)
    measured: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(args.rounds):
        for kind, (count, at_once) in kinds.items():
            measured[kind].append(measure(count, at_once, args.pace)["seconds"])
    middle = {kind: statistics.median(each) for kind, each in measured.items()}
    after = middle["one after the other"]
    rows = [
        [kind, f"{middle[kind]:.1f}", f"{min(each):.1f}", f"{max(each):.1f}", f"{after / middle[kind]:.2f}"]
        for kind, each in measured.items()
    ]
    load = os.getloadavg()[0]
    write(
        "best_of",
        f"Best of {args.rollouts}: at the same time and one after the other",
        f"Seconds for one request, the sandbox open. A scripted model behind HTTP writes {args.pace:g} tokens a second "
        f"in each conversation, the first after {FIRST:g} s; {args.rollouts} repairs of 7 replies and {args.rollouts} "
        f"reproduction tests of 6, some 140 tokens each; containers and tests are real. {machine()} Load at the end: "
        f"{load:.1f}.",
        ["what", "median", "least", "most", "times faster than one after the other"],
        rows,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
