"""What holds for every candidate, over modules of the standard library."""

from __future__ import annotations

import ast
import bisect
import colorsys
import fnmatch
import json.scanner
import queue
import random
import shlex
import textwrap
import time
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_agent.policies.forager.kinds import Proposal
from cwm_agent.policies.forager.localise import Suspect
from cwm_agent.policies.forager.propose.generate import proposals
from cwm_agent.policies.forager.source import Source

MODULES = [Path(module.__file__ or "") for module in (bisect, colorsys, fnmatch, json.scanner, queue, shlex, textwrap)]
TEXTS = [path.read_text(encoding="utf-8") for path in MODULES]


def some(text: str, seed: int, statements: int) -> list[Proposal]:
    source = Source("m.py", text)
    inside = [site.first_line for site in source.sites if site.function is not None]
    chosen = random.Random(seed).sample(inside, min(statements, len(inside)))
    return list(proposals({"m.py": source}, [Suspect("m.py", line, 1.0, "", "", "") for line in chosen]))


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(TEXTS), st.integers(0, 10_000))
def test_candidates_compile_and_change_only_their_span(text: str, seed: int) -> None:
    made = some(text, seed, 3)
    for one in random.Random(seed).sample(made, min(60, len(made))):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(one.after, "m.py", "exec", dont_inherit=True)
        tail = len(text) - one.edit.end
        assert one.after[: one.edit.start] == text[: one.edit.start]
        assert one.after[len(one.after) - tail :] == text[one.edit.end :]


@pytest.mark.parametrize("text", TEXTS[:2], ids=["bisect", "colorsys"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_no_two_candidates_have_the_same_tree(text: str, line_end: str) -> None:
    text = text.replace("\n", line_end)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seen = [ast.dump(ast.parse(one.after)) for one in some(text, 7, 6)]
        seen.append(ast.dump(ast.parse(text)))
    assert len(set(seen)) == len(seen)
    assert len(seen) > 300


def test_thousands_a_second() -> None:
    """5,000 a second is the aim on an idle core; half of it must hold on a busy one."""
    began = time.process_time()
    made = some(TEXTS[-1], 1, 40)
    assert len(made) / (time.process_time() - began) > 2500
