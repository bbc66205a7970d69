from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from cwm_agent.models.serving.troubles import TROUBLES, diagnose

LOGS = Path(__file__).parent / "logs"
KNOWN = {
    "gated": "gated",
    "refused": "refuses the download",
    "offline": "hub cannot be reached",
    "unknown_model": "no such model",
    "not_a_repo_id": "no such model",
    "no_weights": "has no weights",
    "context_too_long": "needs 24.0 GiB of cache, and 3.18 GiB are left",
    "no_cache": "no room for a context",
    "memory_taken": "only 7.34 of its 139.72 GiB are free",
    "memory_taken_newer": "only 19.77 of its 22.05 GiB are free",
    "main_memory_taken": "main memory is free: 13.98 of 23.49 GiB",
    "cuda_out_of_memory": "card has not enough memory",
    "out_of_main_memory": "not enough main memory",
    "disk_full": "disk is full",
    "port_taken": "took the port",
    "too_few_cards": "more cards than vLLM finds",
    "too_few_cards_older": "more cards than vLLM finds",
    "heads": "52 attention heads cannot be shared by 3 cards",
    "no_ray": "No Ray cluster",
    "ray_too_small": "Ray cluster has too few cards",
    "between_cards": "cannot talk to each other",
    "no_driver": "no card that it can use",
    "card_too_old": "too old",
    "model_too_new": "does not know the model's architecture",
    "context_too_large": "takes 2048 tokens of context, not 131072",
    "wrong_option": "does not take the command line (unrecognized arguments: --speculative-config)",
    "no_server": "no server under the name",
    "broken_installation": "not installed completely",
}


@pytest.mark.parametrize(("log", "words"), KNOWN.items())
def test_each_trouble_is_recognised_in_the_words_of_a_real_log(log: str, words: str) -> None:
    found = diagnose((LOGS / f"{log}.txt").read_text(), 1)
    assert found is not None
    assert words in found.message
    assert found.message.endswith(".")
    assert found.remedy


def test_every_excerpt_and_every_trouble_is_tested() -> None:
    assert {path.stem for path in LOGS.glob("*.txt")} - {"start"} == set(KNOWN)
    texts = [(LOGS / f"{log}.txt").read_text() for log in KNOWN]
    for trouble in TROUBLES:
        assert any(re.search(trouble.pattern, text, re.MULTILINE) for text in texts), trouble.name


def test_a_message_asks_only_for_groups_that_always_match() -> None:
    for trouble in TROUBLES:
        asked = {int(field) for _, field, _, _ in string.Formatter().parse(trouble.message) if field}
        assert len(asked) <= re.compile(trouble.pattern).groups
        assert not asked or "|" not in re.sub(r"\([^)]*\)", "", trouble.pattern), trouble.name


def test_a_start_without_trouble_has_no_cause() -> None:
    assert diagnose((LOGS / "start.txt").read_text(), 1) is None


def test_a_server_that_was_killed_from_outside_lacked_memory() -> None:
    found = diagnose("", -9)
    assert found is not None
    assert "main memory" in found.message
    assert diagnose("", None) is None
    assert diagnose("", -15) is None


def test_what_a_log_says_is_made_safe_to_print() -> None:
    found = diagnose("x: error: unrecognized arguments: --a\x1b[31m", 2)
    assert found is not None
    assert "\x1b" not in found.message
