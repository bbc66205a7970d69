"""The tool `edit`: replaces whole lines that stand in a file exactly once."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

from msgspec import Struct

from cwm_agent.observations import Limits, WorldEvent
from cwm_agent.protocols import Files, World
from cwm_agent.tools.call import BadCall, TextFile, done, numbered, path_of, read_text, refused, sound, write
from cwm_agent.tools.match import nearest, places

SEARCH = "<<<<<<< SEARCH"
MIDDLE = "======="
REPLACE = ">>>>>>> REPLACE"
AROUND = 4
PATIENCE = 3
_FORMAT = f"""\
An edit is written like this:
path/of/the/file
{SEARCH}
the lines that stand there now
{MIDDLE}
the lines that shall stand there
{REPLACE}"""


class Call(Struct, frozen=True):
    """An edit as it was asked for."""

    path: str
    search: tuple[str, ...]
    replace: tuple[str, ...]


class Edit:
    """Remembers how often a place could not be found, and says so when trying again is no use."""

    name = "edit"
    executes = False

    def __init__(self) -> None:
        self._failures: Counter[tuple[bytes, str]] = Counter()

    async def run(self, content: str, world: World, files: Files, limits: Limits) -> AsyncIterator[WorldEvent]:
        """Edit one place of one file, and show the lines around it."""
        del world, limits
        try:
            answer = await self._edit(parse(sound(content)), files)
        except BadCall as error:
            for event in refused(error):
                yield event
            return
        for event in done(answer):
            yield event

    async def _edit(self, call: Call, files: Files) -> str:
        path = path_of(call.path)
        file = await read_text(files, path, call.path)
        key = (path, call.search[0].strip())
        try:
            at = place(file, call)
        except BadCall as error:
            self._failures[key] += 1
            raise self._patient(error, self._failures[key], call) from None
        after = replaced(file, call, at)
        await write(files, path, after.entry(), call.path)
        for each in [key for key in self._failures if key[0] == path]:
            del self._failures[each]
        last = at + len(call.replace) - 1
        shown = numbered(after.lines, at - AROUND, last + AROUND)
        return f"{call.path} was edited. Around the edit it now reads:\n{shown or '(the file is empty)' + chr(10)}"

    def _patient(self, error: BadCall, failures: int, call: Call) -> BadCall:
        if failures < PATIENCE:
            return error
        return BadCall(
            f"{error}\nThis place could not be edited {failures} times. Do not guess again: print the lines first, "
            f"for example with: sed -n '1,80p' {call.path}"
        )


def parse(content: str) -> Call:
    """Read a call; BadCall shows the format."""
    lines = [line.removesuffix("\r") for line in content.strip("\n").split("\n")]
    starts = [at for at, line in enumerate(lines) if line.rstrip() == SEARCH]
    ends = [at for at, line in enumerate(lines) if line.rstrip() == REPLACE]
    if len(starts) > 1 and len(ends) > 1:
        raise BadCall("One edit changes one place: make one call for each.")
    if starts[:1] != [1] or not ends or any(line.strip() for line in lines[ends[-1] + 1 :]):
        raise BadCall(_FORMAT)
    body = lines[2 : ends[-1]]
    middles = [at for at, line in enumerate(body) if line.rstrip() == MIDDLE]
    if not middles:
        raise BadCall(f"The line {MIDDLE} is missing.\n{_FORMAT}")
    if len(middles) > 1:
        raise BadCall(
            f"The line {MIDDLE} stands in it {len(middles)} times, so where the old lines end is not clear. "
            "Choose lines without it, or use bash."
        )
    search, replace = body[: middles[0]], body[middles[0] + 1 :]
    if not search:
        raise BadCall("There are no lines to search for. To write a new file, use create.")
    return Call(lines[0].strip(), tuple(search), tuple(replace))


def place(file: TextFile, call: Call) -> int:
    """The line, from 1, at which the sought lines stand; BadCall where that is not exactly one place."""
    found = places(file.lines, call.search)
    if len(found) == 1:
        return found[0]
    if found:
        many = ", ".join(str(line) for line in found[:10]) + (", …" if len(found) > 10 else "")
        raise BadCall(
            f"The lines stand in {call.path} {len(found)} times, at lines {many}. "
            "Add lines before or after them until they are the only ones."
        )
    if not file.lines:
        raise BadCall(f"{call.path} is empty.")
    near = nearest(file.lines, call.search)
    if not near:
        raise BadCall(f"The lines do not stand in {call.path}, and nothing like them ({len(file.lines)} lines).")
    shown = "".join(
        f"Line {one.line} is like them; line {one.differs} is the first that differs:\n"
        + numbered(file.lines, one.line, one.line + len(call.search) - 1)
        for one in near
    )
    raise BadCall(
        f"The lines do not stand in {call.path} exactly: whole lines, with their spaces.\n{shown}".rstrip("\n")
    )


def replaced(file: TextFile, call: Call, at: int) -> TextFile:
    """The file with the new lines in the place of the old ones; line ends stay as they were there, and the mode."""
    start, stop = at - 1, at - 1 + len(call.search)
    usual = file.ends[start] or (file.ends[start - 1] if start else "\n")
    ends = [usual] * len(call.replace)
    if ends and stop == len(file.lines):
        ends[-1] = file.ends[-1]
    return TextFile(
        file.mode,
        (*file.lines[:start], *call.replace, *file.lines[stop:]),
        (*file.ends[:start], *ends, *file.ends[stop:]),
    )
