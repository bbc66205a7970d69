"""The one choke point for text that came from a file, a tool, a model or a user: what it returns is safe to print.

Terminals obey bytes. Whatever could move the cursor, set the clipboard, open a link, hide or reorder text is replaced
by a visible stand-in, so that it is shown and never interpreted.
"""

from __future__ import annotations

import re
import unicodedata

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_INVISIBLE = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2028\u2029\u2060-\u2065\u206a-\u206f"
    "\u3164\ufeff\uffa0\ufff9-\ufffb"
)
_LAYOUT = "\U00013430-\U00013455\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
_HIDDEN = "\ufe00-\ufe0d\U000e0000-\U000e0fff"  # tags and variation selectors can carry a text that nobody sees
_ACTIVE = re.compile(
    f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_BIDI}{_INVISIBLE}{_LAYOUT}{_HIDDEN}\ud800-\udfff]"
    "|(?<![^\x00-\x7f\ufe00-\ufe0f])[\ufe0e\ufe0f]"  # one after a sign such as U+26A0 chooses its picture
)


def _stand_in(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"<U+{code:04X}>"


def printable(text: str) -> str:
    """The text with every active character made visible; newlines and tabs stay, CR LF becomes a newline."""
    return _ACTIVE.sub(_stand_in, text.replace("\r\n", "\n"))


def printable_line(text: str) -> str:
    """The same for a place that has one line: newlines and tabs are made visible too."""
    return printable(text).replace("\n", "\u240a").replace("\t", "\u2409")


def printable_name(path: bytes) -> str:
    """A path for people: bytes that are not UTF-8 as `\\xNN`, active characters made visible."""
    return printable_line(path.decode("utf-8", "surrogateescape"))


def public_address(url: str) -> str:
    """An address as it may be shown: without a name, a password or a query, any of which may be a key."""
    return re.sub(r"(?<=://)[^/?#]*@", "", url).partition("?")[0]


def look_alike(text: str) -> bool:
    """Whether letters of several scripts are mixed in one word, as in a homoglyph attack."""
    for word in re.findall(r"\w+", text):
        scripts = {unicodedata.name(c, "?").split(" ")[0] for c in word if c.isalpha()}
        if len(scripts & {"LATIN", "CYRILLIC", "GREEK"}) > 1:
            return True
    return False
