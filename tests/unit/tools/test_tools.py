"""What each tool answers, and what it does to the files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_agent.observations import Completed, Finished, Limits, Outcome, OutputWritten, RunCommand
from cwm_agent.protocols import Tool
from cwm_agent.testing import MemoryFiles, ScriptedWorld, tree
from cwm_agent.tools import Bash, Create, Edit, Submit, all_tools
from cwm_agent.tools.call import text_file
from cwm_agent.workspace.changes import EXECUTABLE, SYMLINK, Entry

SOURCE = "def f(x):\n    y = x\n    return y\n\n\ndef g(x):\n    y = x\n    return y + 1\n"


def edit(path: str, search: str, replace: str) -> str:
    middle = replace + "\n" if replace else ""
    return f"{path}\n<<<<<<< SEARCH\n{search}\n=======\n{middle}>>>>>>> REPLACE\n"


async def use(tool: Tool, content: str, files: MemoryFiles, world: ScriptedWorld | None = None) -> tuple[str, Outcome]:
    events = [event async for event in tool.run(content, world or ScriptedWorld(), files, Limits())]
    assert [isinstance(event, Finished) for event in events] == [False] * (len(events) - 1) + [True]
    last = events[-1]
    assert isinstance(last, Finished)
    return "".join(event.text for event in events if isinstance(event, OutputWritten)), last.outcome


@pytest.fixture
def files() -> MemoryFiles:
    return MemoryFiles(tree({"a.py": SOURCE, "lib/b.py": "one\n"}))


def test_the_names_are_those_between_the_tool_tags() -> None:
    tools: tuple[Tool, ...] = all_tools()
    assert [tool.name for tool in tools] == ["bash", "edit", "create", "submit"]
    assert [tool.executes for tool in tools] == [True, False, False, False]


async def test_bash_passes_the_command_on_as_it_is(files: MemoryFiles) -> None:
    world = ScriptedWorld({"echo a\necho b": "a\nb\n"})
    assert await use(Bash(), "echo a\necho b", files, world) == ("a\nb\n", Completed(0))
    assert world.requests == [RunCommand("echo a\necho b")]


@pytest.mark.parametrize("content", ["", " \n", "echo \0"])
async def test_bash_refuses_what_is_no_command(files: MemoryFiles, content: str) -> None:
    world = ScriptedWorld()
    _, outcome = await use(Bash(), content, files, world)
    assert outcome == Completed(2)
    assert world.requests == []


async def test_edit_replaces_lines_that_stand_there_once(files: MemoryFiles) -> None:
    text, outcome = await use(Edit(), edit("a.py", "    return y\n", "    return -y\n    # minus"), files)
    assert outcome == Completed(0)
    assert files.now[b"a.py"].content.decode() == SOURCE.replace("    return y\n\n", "    return -y\n    # minus\n", 1)
    assert "2\t    y = x\n3\t    return -y\n4\t    # minus\n" in text


@pytest.mark.parametrize("path", ["a.py", "/workspace/a.py", "./a.py", "lib/../a.py", "/workspace/../workspace/a.py"])
async def test_a_path_is_relative_to_the_workspace(files: MemoryFiles, path: str) -> None:
    _, outcome = await use(Edit(), edit(path, "def g(x):", "def h(x):"), files)
    assert outcome == Completed(0)
    assert b"def h(x)" in files.now[b"a.py"].content


async def test_a_path_outside_is_absolute(files: MemoryFiles) -> None:
    await use(Create(), "../tmp/x.txt\nhello\n", files)
    assert files.now[b"/tmp/x.txt"].content == b"hello\n"
    assert not await files.changes()


async def test_edit_names_the_lines_of_several_matches(files: MemoryFiles) -> None:
    text, outcome = await use(Edit(), edit("a.py", "    y = x", "    y = 2"), files)
    assert outcome == Completed(2)
    assert "2 times, at lines 2, 7" in text
    assert files.now[b"a.py"].content.decode() == SOURCE


async def test_edit_matches_whole_lines_only(files: MemoryFiles) -> None:
    text, outcome = await use(Edit(), edit("a.py", "return y + 1", "return y"), files)
    assert outcome == Completed(2)
    assert "Line 8 is like them" in text
    assert "8\t    return y + 1" in text


async def test_edit_shows_the_nearest_lines_and_where_they_differ(files: MemoryFiles) -> None:
    text, _ = await use(Edit(), edit("a.py", "def g(x):\n    y = x\n    return y + 2", "pass"), files)
    assert "Line 6 is like them; line 8 is the first that differs" in text


async def test_edit_says_so_when_nothing_is_like_it(files: MemoryFiles) -> None:
    text, _ = await use(Edit(), edit("a.py", "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq", "pass"), files)
    assert "nothing like them" in text


async def test_three_failures_at_one_place_say_to_look_first(files: MemoryFiles) -> None:
    tool = Edit()
    wrong = edit("a.py", "    return z", "pass")
    answers = [(await use(tool, wrong, files))[0] for _ in range(3)]
    assert ["Do not guess again" in answer for answer in answers] == [False, False, True]
    await use(tool, edit("a.py", "def g(x):", "def h(x):"), files)
    assert "Do not guess again" not in (await use(tool, wrong, files))[0]


async def test_edit_can_delete_lines_and_empty_a_file(files: MemoryFiles) -> None:
    _, outcome = await use(Edit(), edit("lib/b.py", "one", ""), files)
    assert outcome == Completed(0)
    assert files.now[b"lib/b.py"].content == b""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a\r\nb\r\nc\r\n", b"a\r\nB\r\nB2\r\nc\r\n"),
        (b"a\nb\r\nc\n", b"a\nB\r\nB2\r\nc\n"),
        (b"a\nb", b"a\nB\nB2"),
        (b"a\r\nb", b"a\r\nB\r\nB2"),
        (b"b\n", b"B\nB2\n"),
        (b"b", b"B\nB2"),
        (b"\xef\xbb\xbfa\nb\n", b"\xef\xbb\xbfa\nB\nB2\n"),
        (b"x\x0cy\xe2\x80\xa8z\nb\n", b"x\x0cy\xe2\x80\xa8z\nB\nB2\n"),
    ],
)
async def test_line_ends_stay_as_they_are(before: bytes, after: bytes) -> None:
    files = MemoryFiles({b"f": Entry(EXECUTABLE, before)})
    _, outcome = await use(Edit(), edit("f", "b", "B\nB2"), files)
    assert outcome == Completed(0)
    assert files.now[b"f"] == Entry(EXECUTABLE, after)


@given(st.text(st.sampled_from("ab\r\n\x0c\u2028"), max_size=40))
def test_a_text_file_read_and_written_is_the_same(text: str) -> None:
    entry = Entry(EXECUTABLE, text.encode())
    assert text_file(entry, "f").entry() == entry


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"caf\xe9\n", "not UTF-8"),
        (b"\0\1", "binary"),
    ],
)
async def test_edit_refuses_what_is_not_text(content: bytes, said: str) -> None:
    files = MemoryFiles({b"f": Entry(EXECUTABLE, content)})
    text, outcome = await use(Edit(), edit("f", "b", "c"), files)
    assert outcome == Completed(2)
    assert said in text


async def test_edit_refuses_a_link_and_a_folder_and_nothing(files: MemoryFiles) -> None:
    files.now[b"link"] = Entry(SYMLINK, b"/etc/passwd")
    for path, said in (("link", "symbolic link to /etc/passwd"), ("lib", "directory"), ("no.py", "does not exist")):
        text, outcome = await use(Edit(), edit(path, "b", "c"), files)
        assert outcome == Completed(2)
        assert said in text
    assert files.now[b"link"] == Entry(SYMLINK, b"/etc/passwd")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "a.py",
        "a.py\nnothing",
        "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE",
        "a.py\n<<<<<<< SEARCH\na\n>>>>>>> REPLACE",
        "a.py\n<<<<<<< SEARCH\n=======\nb\n>>>>>>> REPLACE",
        "a.py\n<<<<<<< SEARCH\na\n=======\nb",
        "a.py\n<<<<<<< SEARCH\na\n=======\nb\n=======\nc\n>>>>>>> REPLACE",
        "a.py\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE",
        "a.py\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\nand more",
        "\0\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE",
        "\ud800\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE",
    ],
)
async def test_a_call_of_another_format_is_answered_and_changes_nothing(files: MemoryFiles, content: str) -> None:
    text, outcome = await use(Edit(), content, files)
    assert outcome == Completed(2)
    assert text.strip()
    assert not await files.changes()


async def test_create_writes_a_file_whose_folder_is_there(files: MemoryFiles) -> None:
    text, outcome = await use(Create(), "lib/new.py\nx = 1\n\ny = 2", files)
    assert outcome == Completed(0)
    assert "3 lines" in text
    assert files.now[b"lib/new.py"].content == b"x = 1\n\ny = 2\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [("a.py\nx", "exists already"), ("lib\nx", "exists already"), ("no/such.py\nx", "mkdir -p no"), ("", "path")],
)
async def test_create_refuses(files: MemoryFiles, content: str, said: str) -> None:
    text, outcome = await use(Create(), content, files)
    assert outcome == Completed(2)
    assert said in text
    assert not await files.changes()


async def test_submit_echoes_the_patch_and_asks_for_a_review(files: MemoryFiles) -> None:
    files.now[b"/tmp/p.diff"] = Entry(EXECUTABLE, b"diff --git a/a.py b/a.py\n+x")
    text, outcome = await use(Submit(), "/tmp/p.diff\n", files)
    assert outcome == Completed(0)
    assert text.startswith("diff --git a/a.py b/a.py\n+x\n")
    assert "Review it" in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "path of a patch"),
        ("/tmp/no.diff", "does not exist"),
        ("/tmp/empty", "is empty"),
        ("a.py", "must begin with `diff`"),
        ("/tmp", "cannot be read"),
        ("a\nb", "on one line"),
    ],
)
async def test_submit_refuses(files: MemoryFiles, content: str, said: str) -> None:
    files.now[b"/tmp/empty"] = Entry(EXECUTABLE, b" \n")
    text, outcome = await use(Submit(), content, files)
    assert outcome == Completed(2)
    assert said in text


@given(content=st.text(max_size=200))
async def test_no_call_breaks_a_tool(content: str) -> None:
    for tool in (Edit(), Create(), Submit()):
        await use(tool, content, MemoryFiles(tree({"a.py": SOURCE})))
