"""A page that stands alone: a slider over the frames, the source with the line that runs, and the state beside it.

The page has no address in it and may load nothing: its policy allows the one script and the one style that it carries,
by their hashes. What was traced is data, read by the script and shown as text.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from html import escape
from importlib.resources import files
from string import Template

from cwm_agent.observations import Origin
from cwm_agent.text import printable_line
from cwm_agent.traces.compare import compare
from cwm_agent.views.lay_out import lines
from cwm_agent.views.page_data import data
from cwm_agent.views.palette import DARK, GROUND, LIGHT
from cwm_agent.views.spans import plain
from cwm_agent.views.view import TraceView

_WIDTH = 100


def page(shown: TraceView) -> str:
    """The whole file."""
    if shown.comparison is None and shown.imagined is not None and shown.real is not None:
        shown = TraceView(
            subject=shown.subject,
            path=shown.path,
            source=shown.source,
            imagined=shown.imagined,
            real=shown.real,
            outcomes=shown.outcomes,
            comparison=compare(shown.imagined, shown.real),
        )
    style, script = _style(), _asset("page.js")
    return Template(_asset("page.html")).substitute(
        policy=f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; base-uri 'none'; "
        "form-action 'none'",
        title=escape(printable_line(shown.subject)),
        style=style,
        script=script,
        data=_safe_json(data(shown)),
        plain=escape("\n".join(plain(line) for line in lines(shown, _WIDTH))),
        world=" and ".join("ran" if origin is Origin.REAL else "imagined" for origin in shown.traces),
    )


def _safe_json(value: object) -> str:
    """JSON that no HTML parser can mistake for a tag, whatever is in it."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _asset(name: str) -> str:
    return (files("cwm_agent.views") / name).read_text(encoding="utf-8")


@cache
def _style() -> str:
    """The style sheet with the colours of both schemes."""
    return (
        _variables(DARK, "dark")
        + _asset("page.css")
        + f"@media (prefers-color-scheme: light) {{ {_variables(LIGHT, 'light')} }}\n"
    )


def _variables(palette: dict[str, str], scheme: str) -> str:
    text, ground = GROUND[scheme]
    colours = {"text": text, "ground": ground, **palette}
    return ":root { " + " ".join(f"--{name}: {colour};" for name, colour in colours.items()) + " }\n"


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
