"""The sanitiser: nothing that it lets through can move a cursor, hide, or reorder."""

from __future__ import annotations

import random
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_agent.text import look_alike, printable, printable_line, printable_name

ATTACKS = [
    "\x1b]52;c;QUJD\x07",
    "\x1b]0;title\x1b\\",
    "\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\",
    "\x1b[2J\x1b[H",
    "\x1bc",
    "\x9b31m",
    "\x90q\x9c",
    "a\rb",
    "a\x08b",
    "\u202eevil\u202c",
    "\u2066a\u2069",
    "a\u200bb",
    "\ufeffa",
    "\U000e0041\U000e0042",
    "\ud800",
    "\udcff",
    "a\u2028b",
    "\x7f",
    "\x85",
    "\u3164",
    "\u2800",
    "\ufe0f",
    "\U000e0100",
    "\U0001d173",
    "\u0600",
    "\ufff9",
]


VISIBLE = {0x6DD, 0x70F, 0x8E2, 0x110BD, 0x110CD, *range(0x600, 0x606), 0x890, 0x891}
"""Format characters that are signs of their own: marks around Arabic, Syriac and Kaithi numbers."""


def active(text: str) -> list[str]:
    """Characters that a terminal obeys, does not show, or that change the order of others."""
    return [
        c
        for c in text
        if c not in "\n\t" and ord(c) not in VISIBLE and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    ]


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_shown(attack: str) -> None:
    shown = printable(attack)
    assert active(shown) == []
    assert shown != attack or not active(attack)


def test_every_character_of_unicode_is_safe_or_shown() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        shown = printable(character)
        assert active(shown) == [], hex(code)
        assert shown, "shown, not swallowed"
        assert bool(active(character)) <= (shown != character)


@given(st.text(st.characters()))
def test_no_text_comes_through_active(text: str) -> None:
    shown = printable(text)
    assert active(shown) == []
    assert printable(shown) == shown, "what is safe stays as it is"
    shown.encode("utf-8")
    line = printable_line(text)
    assert not active(line)
    assert "\n" not in line
    assert "\t" not in line
    assert len(line.splitlines()) <= 1


@given(st.binary())
def test_any_name_can_be_shown(name: bytes) -> None:
    shown = printable_name(name)
    assert not active(shown)
    shown.encode("utf-8")


def test_a_million_random_characters() -> None:
    chosen = random.Random(5)
    pool = [*map(chr, range(0x20)), *"[]()m;0123 ab", *map(chr, range(0x7F, 0xA0)), *"\u202e\u200b\ufeff\U000e0020"]
    text = "".join(chosen.choices(pool, k=1_000_000))
    assert active(printable(text)) == []


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_plain_text_stays(text: str) -> None:
    assert printable(text) == printable_line(text) == text
    assert printable(f"{text}\r\n\t{text}\n") == f"{text}\n\t{text}\n"


def test_no_text_hides_in_variation_selectors() -> None:
    hidden = "".join(chr(0xFE00 + n) if n < 16 else chr(0xE0100 + n - 16) for n in b"rm -rf ~")
    assert not any(c in printable(f"\u263a{hidden}") for c in hidden)
    assert printable("\u26a0\ufe0f\ufe0f") == "\u26a0\ufe0f<U+FE0F>"
    assert printable("a\ufe0f") == "a<U+FE0F>"


def test_letters_of_the_world_stay() -> None:
    text = "Grüße, Привет, 你好, こんにちは, مرحبا, שלום, नमस्ते, 한국어, e\u0301, 😀, \u26a0\ufe0f"
    assert printable(text) == text


def test_different_names_are_shown_differently() -> None:
    names = [b"a\nb", b"a\\nb", b"a\xffb", b"a\\xffb", "a\u240ab".encode(), b"a\tb"]
    shown = [printable_name(name) for name in names]
    assert shown[0] != shown[1]
    assert shown[4] == "a\u240ab"


@pytest.mark.parametrize(("text", "expected"), [("pаypal", True), ("paypal", False), ("мир", False), ("αβγ x", False)])
def test_mixed_scripts_are_noticed(text: str, expected: bool) -> None:
    assert look_alike(text) is expected
