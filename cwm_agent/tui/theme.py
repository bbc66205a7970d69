"""The program's own themes: dark, light, and one for terminals with 16 colours or none.

Few colours, each with one meaning: `real` and `imagined` mark origins, `good`, `bad` and `warn` mark results, `lead`
marks what the user says or can press. `quiet` and `faint` are text that steps back.
"""

from __future__ import annotations

from textual.theme import Theme

from cwm_agent.views import palette

DARK = "cwm-dark"
LIGHT = "cwm-light"
ANSI = "cwm-ansi"

_DARK = {
    **palette.DARK,
    "line": "#2c313b",
    "bar": "#1c2027",
    "raised": "#20252d",
    "picked": "#28303c",
    "added": "#9bd8ab",
    "removed": "#f0a19c",
    "added-line": "#d8dce4",
    "removed-line": "#d8dce4",
    "added-bg": "#16291f",
    "removed-bg": "#2f1c1f",
    "added-strong": "#24523a",
    "removed-strong": "#5e2b2e",
}
_LIGHT = {
    **palette.LIGHT,
    "line": "#d9d9d3",
    "bar": "#efeee9",
    "raised": "#f3f2ed",
    "picked": "#e3e8f1",
    "added": "#175c2b",
    "removed": "#96251f",
    "added-line": "#23272f",
    "removed-line": "#23272f",
    "added-bg": "#e4f4e6",
    "removed-bg": "#fbe8e6",
    "added-strong": "#b5e2bd",
    "removed-strong": "#f5c2bd",
}
_ANSI = {
    "real": "ansi_cyan",
    "imagined": "ansi_magenta",
    "good": "ansi_green",
    "bad": "ansi_red",
    "warn": "ansi_yellow",
    "lead": "ansi_blue",
    "quiet": "ansi_default",
    "faint": "ansi_bright_black",
    "line": "ansi_bright_black",
    "bar": "ansi_default",
    "raised": "ansi_default",
    "picked": "ansi_default",
    "added": "ansi_green",
    "removed": "ansi_red",
    "added-line": "ansi_green",
    "removed-line": "ansi_red",
    "added-bg": "ansi_default",
    "removed-bg": "ansi_default",
    "added-strong": "ansi_default",
    "removed-strong": "ansi_default",
    "code-keyword": "ansi_magenta",
    "code-string": "ansi_default",
    "code-number": "ansi_default",
    "code-name": "ansi_default",
    "code-comment": "ansi_bright_black",
}


def _shared(colours: dict[str, str], background: str) -> dict[str, str]:
    """What Textual's own widgets take from a theme."""
    return {
        **colours,
        "input-cursor-background": colours["lead"],
        "input-cursor-foreground": background,
        "input-selection-background": colours["picked"],
        "screen-selection-background": colours["added-strong"],
        "border": colours["lead"],
        "border-blurred": colours["line"],
        "scrollbar": colours["line"],
        "scrollbar-hover": colours["faint"],
        "scrollbar-active": colours["quiet"],
        "scrollbar-background": background,
        "scrollbar-background-hover": background,
        "scrollbar-background-active": background,
        "scrollbar-corner-color": background,
        "footer-background": colours["bar"],
    }


def _theme(name: str, colours: dict[str, str], *, text: str, background: str, dark: bool) -> Theme:
    return Theme(
        name=name,
        primary=colours["lead"],
        secondary=colours["imagined"],
        accent=colours["imagined"],
        warning=colours["warn"],
        error=colours["bad"],
        success=colours["good"],
        foreground=text,
        background=background,
        surface=background,
        panel=colours["raised"],
        dark=dark,
        variables=_shared(colours, background),
    )


def themes() -> tuple[Theme, ...]:
    """All of them, the one for dark terminals first."""
    plain = Theme(
        name=ANSI,
        ansi=True,
        primary="ansi_blue",
        secondary="ansi_cyan",
        warning="ansi_yellow",
        error="ansi_red",
        success="ansi_green",
        accent="ansi_magenta",
        foreground="ansi_default",
        background="ansi_default",
        surface="ansi_default",
        panel="ansi_default",
        boost="ansi_default",
        variables={
            **_shared(_ANSI, "ansi_default"),
            "ansi-background": "ansi_black",
            "ansi-foreground": "ansi_white",
            "input-cursor-text-style": "reverse",
            "input-cursor-background": "ansi_default",
            "screen-selection-background": "ansi_bright_black",
        },
    )
    return (
        _theme(DARK, _DARK, text="#d8dce4", background="#14171c", dark=True),
        _theme(LIGHT, _LIGHT, text="#23272f", background="#fbfaf7", dark=False),
        plain,
    )


def fitting(wanted: str, colours: str | None, *, no_color: bool) -> str:
    """The theme to start with: the one that is `wanted`, unless the terminal has too few colours to show it.

    `colours` is Rich's name for what the terminal can do: truecolor, 256, standard, windows, or None for nothing.
    """
    if no_color or colours in (None, "standard", "windows"):
        return ANSI
    return wanted if wanted in (DARK, LIGHT, ANSI) else DARK
