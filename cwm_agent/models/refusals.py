"""What it means that a model server answers with another status than 200. Pure."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import Struct

START = "Start one with `cwm-agent serve`, or set `model_url` to where yours listens."
LOOK = "Its log says why; the answers until then are kept."
QUOTED = 300
"""Characters of an answer that are shown."""

_BUSY = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_REMEDIES: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "It wants a key; start it without one, or set one up.",
    HTTPStatus.FORBIDDEN: "It wants a key; start it without one, or set one up.",
    HTTPStatus.NOT_FOUND: "It is no vLLM server, or an old one. " + START,
    HTTPStatus.TOO_MANY_REQUESTS: "It has more to do than it takes on; ask again later.",
    HTTPStatus.SERVICE_UNAVAILABLE: "It may still be loading its model; ask again when it stands.",
}


class Refusal(Struct, frozen=True):
    """A status in words, with what to do about it.

    `passing`: the same request may be taken later, after `seconds` where the server says so. `faulty`: it never will.
    `said` is the server's own word.
    """

    what: str
    said: str
    remedy: str
    passing: bool
    faulty: bool
    seconds: float | None = None


def refusal(path: str, code: int, headers: Mapping[str, str], body: bytes) -> Refusal:
    """The meaning of a status, of the headers and the beginning of the body that came with it."""
    said = _said(body)
    what = f"{path} gives status {code}{f': {said}' if said else ''}"
    passing = code >= HTTPStatus.INTERNAL_SERVER_ERROR or code in _BUSY
    seconds = _seconds(headers.get("retry-after", "")) if passing else None
    remedy = _REMEDIES.get(code, LOOK)
    if HTTPStatus.MULTIPLE_CHOICES <= code < HTTPStatus.BAD_REQUEST:
        remedy = f"It points to {headers.get('location', 'nowhere')}; name the address of the server itself."
    elif seconds:
        remedy = f"It wants to be asked again in {seconds:g} s."
    faulty = not passing and code >= HTTPStatus.BAD_REQUEST
    return Refusal(what, said, remedy, passing, faulty, seconds)


def message(content: Any) -> str:
    """What an error object says, in one line."""
    found = content.get("error", content) if isinstance(content, dict) else content
    if isinstance(found, dict):
        found = found.get("message") or found.get("detail") or found
    return short(str(found))


def short(text: str) -> str:
    """Its beginning, in one line."""
    return " ".join(text[: 4 * QUOTED].split())[:QUOTED]


def _said(body: bytes) -> str:
    try:
        return message(msgspec.json.decode(body))
    except (msgspec.DecodeError, RecursionError):
        return short(body.decode("utf-8", "replace"))


def _seconds(text: str) -> float | None:
    """How long to wait, from a number of seconds or a date."""
    try:
        return max(0.0, float(int(text)))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
