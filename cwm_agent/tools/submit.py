"""The tool `submit`: names a patch file, shows it once more, and asks for a last look.

Where the commands are imagined no patch file was written, whatever they said: the patch is then the snapshot's own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from cwm_agent.observations import Limits, Origin, WorldEvent
from cwm_agent.protocols import Files, World
from cwm_agent.tools.call import BadCall, done, path_of, refused, sound
from cwm_agent.workspace.diff import pair_renames, unified

_HOW = "Make it with bash, for example: git diff > /tmp/patch.diff"


class Submit:
    """The patch must be a file that begins with `diff`; what is proposed to the user is the snapshot itself."""

    name = "submit"
    executes = False

    async def run(self, content: str, world: World, files: Files, limits: Limits) -> AsyncIterator[WorldEvent]:
        """Echo the patch and ask for a review."""
        try:
            name = _name(sound(content))
            imagined = world.origin is Origin.IMAGINED
            answer = await (_snapshot(files) if imagined else _patch_file(name, files))
        except BadCall as error:
            for event in refused(error):
                yield event
            return
        for event in done(_asking(answer, limits)):
            yield event


def _name(content: str) -> str:
    name = content.strip()
    if "\n" in name or not name:
        raise BadCall(f"submit takes the path of a patch file, on one line. {_HOW}")
    return name


async def _patch_file(name: str, files: Files) -> bytes:
    try:
        entry = await files.read(path_of(name))
    except FileNotFoundError:
        raise BadCall(f"{name} does not exist. {_HOW}") from None
    except OSError as error:
        raise BadCall(f"{name} cannot be read: {error.strerror or error}.") from error
    if not entry.content.strip():
        raise BadCall(f"{name} is empty: there is no change in it. {_HOW}")
    if not entry.content.startswith(b"diff"):
        raise BadCall(f"{name} is not a patch: it must begin with `diff`. {_HOW}")
    return entry.content


async def _snapshot(files: Files) -> bytes:
    """What the files have that the user's tree has not."""
    found = unified(pair_renames(await files.changes()))
    if not found:
        raise BadCall("There is no change in the files.")
    return found


def _asking(patch: bytes, limits: Limits) -> str:
    text = _cut(patch.decode("utf-8", "replace"), limits.output_bytes)
    return (
        f"{text if text.endswith(chr(10)) else text + chr(10)}\n"
        "This is the patch as it was submitted. Review it: if something is wrong, correct it and submit again; "
        "if it is right, answer without a tool call.\n"
    )


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half} characters left out …]\n{text[-half:]}"
