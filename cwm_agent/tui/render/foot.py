"""The line at the foot of the main screen: the keys that work now, and how often predictions came true."""

from __future__ import annotations

from textual.content import Content

from cwm_agent.tui.picture import Picture
from cwm_agent.tui.render.rows import join, ours

Keys = tuple[tuple[str, str], ...]
TRACE: Keys = (
    ("←→", "step"),
    ("d", "divergence"),
    ("/", "search"),
    ("e", "what if"),
    ("t", "pin as test"),
    ("Enter", "source"),
)


def keys(picture: Picture, first: Keys) -> Keys:
    """The keys with what they do, the most important first; `first` are those of the panel, while it has them."""
    found = list(first)
    if picture.question is not None:
        found += [("y", "yes"), ("n", "no")]
    if first and not picture.working:
        found.append(("Esc", "back"))
    if picture.working:
        found.append(("Esc", "stop"))
    if picture.waiting and not first:
        found.append(("↑", "take back"))
    if picture.proposal is not None:
        found.append(("^R", "review"))
    if picture.opened is not None:
        found.append(("^T", "mode"))
    return (*found, ("^O", "panel"), ("F1", "help"), ("^P", "palette"), ("^Q", "leave"))


def not_yet(picture: Picture) -> str:
    """Why nothing can be asked now; empty where it can."""
    if picture.box == "failed":
        return "It could not be opened: ^Q leaves."
    return "" if picture.box == "ready" else "The sandbox is still being opened: press enter again when it is."


def foresight(picture: Picture) -> Content:
    """`foresight 84 % of 51`; nothing while no prediction has met its fact."""
    made, true = picture.foresight
    if not made:
        return Content("")
    return join(
        ours("foresight ", "$quiet"), ours(f"{100 * true // made} %", "$imagined"), ours(f" of {made}", "$quiet")
    )
