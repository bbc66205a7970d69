"""The encoding of a source file, found without the library's `tokenize` and as that finds it."""

from __future__ import annotations

import importlib.util
import io
import tokenize
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

CODING = Path(__file__).parents[2] / "sandbox" / "tracer" / "coding.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tracer_coding", CODING)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ours = load()

WORDS = ["coding", "coding:", "coding=", "latin-1", "utf-8", "cp1252", "x = 1", "-*-", "en"]
PIECES = st.sampled_from([*"# \t\f\n'", *WORDS])


def expected(data: bytes) -> str | None:
    try:
        name, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError:
        return None
    return name.replace("iso-8859-1", "iso8859-1")


def found(data: bytes) -> str | None:
    try:
        return str(ours.encoding(data))
    except (SyntaxError, LookupError):
        return None


@given(st.booleans(), st.lists(PIECES, max_size=12).map("".join))
def test_the_encoding_is_the_one_that_tokenize_finds(marked: bool, text: str) -> None:
    data = (b"\xef\xbb\xbf" if marked else b"") + text.encode()
    assert found(data) == expected(data)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"# -*- coding: latin-1 -*-\ns = '\xe9'\n", "# -*- coding: latin-1 -*-\ns = 'é'\n"),
        (b"\xef\xbb\xbfs = 1\n", "s = 1\n"),
        (b"s = '\xff'\n", "s = '�'\n"),
        (b"x = 1\n# coding: latin-1\n'\xc3\xa9'", "x = 1\n# coding: latin-1\n'é'"),
    ],
)
def test_a_source_is_decoded_by_its_cookie_or_mark(data: bytes, text: str) -> None:
    assert ours.decode(data) == text
