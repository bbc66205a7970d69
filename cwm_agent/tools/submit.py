"""The tool `submit`: names a patch file, shows it once more, and asks for a last look."""

from __future__ import annotations

from collections.abc import AsyncIterator

from cwm_agent.observations import Limits, WorldEvent
from cwm_agent.protocols import Files, World
from cwm_agent.tools.call import BadCall, done, path_of, refused, sound

_HOW = "Make it with bash, for example: git diff > /tmp/patch.diff"


class Submit:
    """The patch must be a file that begins with `diff`; what is proposed to the user is the snapshot itself."""

    name = "submit"
    executes = False

    async def run(self, content: str, world: World, files: Files, limits: Limits) -> AsyncIterator[WorldEvent]:
        """Echo the patch and ask for a review."""
        del world
        try:
            answer = await _submit(sound(content), files, limits)
        except BadCall as error:
            for event in refused(error):
                yield event
            return
        for event in done(answer):
            yield event


async def _submit(content: str, files: Files, limits: Limits) -> str:
    name = content.strip()
    if "\n" in name or not name:
        raise BadCall(f"submit takes the path of a patch file, on one line. {_HOW}")
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
    text = entry.content.decode("utf-8", "replace")
    text = _cut(text, limits.output_bytes)
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
