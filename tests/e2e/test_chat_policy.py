"""A whole repair by a model behind a server of chat completions: real sockets, the real sandbox, tests really run."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Run, git
from tests.e2e.model_server import NAME, at_work, model_server
from tests.e2e.test_imagined import BUGGY, LETTERS, NOWHERE, TESTS, session_model
from tests.unit.models.chat_pieces import COMPLETIONS, Piece, answering, call, refusing, text, thought, whole
from tests.unit.models.scripted_server import Answer, ScriptedServer
from tests.unit.models.tiny import write

MODEL = "other-model"
KEY = "sk-sekret-0123456789"
PYTEST = "python3 -m pytest -q"


def bash(command: str, *before: Sequence[Piece]) -> list[Piece]:
    return whole(*before, call("bash", {"command": command}), reason="tool_calls")


REPAIR = [
    bash(PYTEST, thought("First I look at what fails."), text("I run the tests.")),
    whole(call("edit", {"path": "letters.py", "search": "each != letter", "replace": "x"}), reason="tool_calls"),
    whole(call("edit", '{"path": "letters.py"'), reason="tool_calls"),
    whole(
        call(
            "edit",
            {
                "path": "letters.py",
                "search": "        if each != letter:\n",
                "replace": "        if each == letter:\n",
            },
        ),
        call("bash", {"command": PYTEST}, index=1),
        call("bash", {"command": "git diff > /tmp/fix.patch"}, index=2),
        reason="tool_calls",
    ),
    whole(call("submit", {"path": "/tmp/fix.patch"}), reason="tool_calls"),
    whole(text("count counted the other letters; now it counts these, and the test passes.")),
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "test_letters.py").write_text(TESTS)
    (folder / "letters.py").write_text(BUGGY)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    return folder


@contextmanager
def other_server(replies: Sequence[list[Piece]], more: dict[str, Answer] | None = None) -> Iterator[ScriptedServer]:
    """A server with one model, which gives its replies one after the other to whoever has the key."""
    found: list[ScriptedServer] = []
    said = [answering(each) for each in replies]

    def with_key(answer: Answer) -> Answer:
        async def guarded(exchange: Any) -> None:
            known = exchange.headers.get("authorization") == f"Bearer {KEY}"
            given = exchange.headers.get("authorization")
            await (answer if known else refusing(401, f"Incorrect API key provided: {given}"))(exchange)

        return guarded

    async def prepare(server: ScriptedServer) -> None:
        listed = {"object": "list", "data": [{"id": MODEL, "max_model_len": 40_000}]}
        script: dict[str, list[Answer]] = {"/v1/models": [lambda each: each.json(listed)], COMPLETIONS: said}
        script |= {path: [answer] for path, answer in (more or {}).items()}
        server.script = {path: [with_key(each) for each in answers] for path, answers in script.items()}
        found.append(server)

    with at_work(prepare):
        yield found[0]


def chat(server: ScriptedServer, **more: str) -> dict[str, str]:
    return {"CWM_AGENT_CHAT__URL": server.url, "CWM_AGENT_CHAT__KEY_ENV": "OTHER_KEY", "OTHER_KEY": KEY, **more}


def work(run: Run, project: Path, *options: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    home = {"CWM_AGENT_HOME": str(project.parent / "home")}
    command = ("run", "test_count fails, please fix it", "--repo", str(project), *options)
    return run(*command, env=home | env)


def shown_or_kept(done: subprocess.CompletedProcess[str], project: Path) -> bytes:
    """All that a run printed, and all that it left on the disk."""
    files = [each.read_bytes() for each in project.parent.rglob("*") if each.is_file() and not each.is_symlink()]
    return b"\n".join([done.stdout.encode(), done.stderr.encode(), *files])


@pytest.mark.parametrize("world", ["at model_url", "elsewhere"])
def test_any_model_repairs_with_a_world_model_beside_it(run: Run, project: Path, world: str) -> None:
    with model_server(session_model) as url, other_server(REPAIR) as server:
        options: tuple[str, ...] = ("--mode", "verify", "--apply", "--format", "stream-json")
        env = chat(server)
        if world == "elsewhere":
            env |= {"CWM_AGENT_WORLD__URL": url, "CWM_AGENT_WORLD__MODEL": NAME}
        else:
            options += ("--model-url", url, "--model", NAME)
        done = work(run, project, *options, env=env)
        asked = [each.content for each in server.asked(COMPLETIONS)]
    events = [json.loads(line) for line in done.stdout.splitlines()]
    result = events[-1]
    assert (result["status"], result["exit_code"], result["policy"]) == ("fixed", 0, "chat"), done.stderr
    assert result["applied"]
    assert (project / "letters.py").read_text() == LETTERS
    assert (result["tests"]["ran"], result["tests"]["passed"]) == (1, 1)
    assert "now it counts these" in result["message"]
    opened = next(each for each in events if each.get("type") == "session_opened")
    assert (opened["policy"], opened["world_model"]) == ("chat", NAME)
    scored = [each for each in events if each.get("type") == "prediction_scored"]
    assert any(each["kind"] == "test" and each["came_true"] for each in scored)
    assert result["predictions"]["came_true"] >= 1
    assert len(asked) == len(REPAIR)
    assert {each["model"] for each in asked} == {MODEL}
    assert [each["role"] for each in asked[-1]["messages"]] == ["system", "user", *["assistant", "tool"] * 6]
    assert KEY.encode() not in shown_or_kept(done, project)


def test_a_call_in_a_reply_that_was_cut_off_is_not_carried_out(run: Run, project: Path) -> None:
    edit = {"path": "letters.py", "search": BUGGY, "replace": LETTERS}
    cut = whole(call("edit", edit), reason="length")
    with other_server([cut, whole(text("All tests pass."))]) as server:
        done = work(run, project, "--mode", "real", "--apply", "--format", "json", env=chat(server))
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["status"], result["turns"], result["patch"]) == ("answered", 0, ""), result
    assert (project / "letters.py").read_text() == BUGGY


def test_the_world_may_be_a_small_model_in_this_process(run: Run, project: Path, tmp_path: Path) -> None:
    write(tmp_path / "small", max_position_embeddings=4096)
    with other_server(REPAIR) as server:
        env = chat(server, CWM_AGENT_WORLD__FOLDER=str(tmp_path / "small"), CWM_AGENT_WORLD__SECONDS="2")
        done = work(run, project, "--mode", "verify", "--apply", "--format", "stream-json", env=env)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    opened = next(each for each in events if each.get("type") == "session_opened")
    assert (opened["policy"], opened["world_model"]) == ("chat", "small")
    assert (events[-1]["status"], events[-1]["applied"]) == ("fixed", True), done.stderr
    dreamt = [each for each in events if each.get("type") == "trace_began" and each["origin"] == "imagined"]
    assert dreamt, "it is asked, whatever it is worth"
    assert (project / "letters.py").read_text() == LETTERS


@pytest.mark.parametrize("format_", ["text", "json"])
def test_a_wrong_key_is_said_and_not_shown(run: Run, project: Path, format_: str) -> None:
    with other_server(REPAIR) as server:
        env = chat(server, OTHER_KEY="sk-wrong-sekret-1")
        done = work(run, project, "--format", format_, env=env)
    assert done.returncode == 3, done.stdout + done.stderr
    told = done.stderr if format_ == "text" else json.loads(done.stdout.splitlines()[-1])["message"]
    assert server.url in told
    assert "key" in told
    assert "chat.key_env" in told
    assert b"sekret" not in shown_or_kept(done, project)
    assert "Traceback" not in done.stderr


def test_a_wrong_model_is_named_with_those_that_are_there(run: Run, project: Path) -> None:
    with other_server(REPAIR) as server:
        done = work(run, project, "--chat-model", "no-such-model", env=chat(server))
    assert done.returncode == 3
    assert f"has {MODEL}, not no-such-model" in done.stderr
    assert "chat.model" in done.stderr


def test_a_model_that_is_gone_when_it_is_asked(run: Run, project: Path) -> None:
    gone = {COMPLETIONS: refusing(404, f"The model `{MODEL}` does not exist")}
    with other_server([], gone) as server:
        done = work(run, project, "--mode", "real", "--format", "json", env=chat(server))
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["status"], result["exit_code"], done.returncode) == ("error", 3, 3)
    assert f"knows no {MODEL}" in result["message"]


def test_a_server_without_tools_is_said_so(run: Run, project: Path) -> None:
    said = {COMPLETIONS: refusing(400, '"auto" tool choice requires --enable-auto-tool-choice')}
    with other_server([], said) as server:
        done = work(run, project, "--mode", "real", env=chat(server))
    assert done.returncode == 3
    assert f"has no tools for {MODEL}" in done.stdout


@pytest.mark.parametrize(
    ("options", "env", "words"),
    [
        (("--policy", "chat"), {}, "--chat-url"),
        (("--policy", "cwm"), {}, "--model-url"),
        (("--policy", "cwm"), {"CWM_AGENT_WORLD__URL": "http://127.0.0.1:1"}, "--model-url"),
        (("--chat-url", "http://127.0.0.1:1"), {"CWM_AGENT_CHAT__KEY_ENV": "NOT_THERE"}, "key_env"),
        (("--chat-url", "http://name:sekret@127.0.0.1:1"), {}, "chat.url"),
        (("--chat-url", "127.0.0.1"), {}, "chat.url"),
        ((), {"CWM_AGENT_CHAT__KEY_ENV": "sk-sekret-1"}, "chat.key_env"),
    ],
)
def test_wrong_settings_are_exit_2_before_anything_is_built(
    run: Run, project: Path, options: tuple[str, ...], env: dict[str, str], words: str
) -> None:
    done = work(run, project, *options, env=env | NOWHERE)
    assert done.returncode == 2, done.stdout + done.stderr
    assert words in done.stderr
    assert "sekret" not in done.stderr + done.stdout


def test_the_doctor_tells_policy_and_world(run: Run) -> None:
    with model_server(session_model) as url, other_server(REPAIR) as server:
        options = ("doctor", "--format", "json", "--model-url", url, "--model", NAME)
        done = run(*options, env=chat(server))
        wrong = run(*options, env=chat(server, OTHER_KEY="sk-wrong-sekret-1"))
        forager = run(*options, "--policy", "forager", env=chat(server))
    found = {each["name"]: each for each in json.loads(done.stdout)["findings"]}
    assert found["policy"]["detail"] == f"chat: {MODEL}, 40,000 tokens, at {server.url}"
    assert found["world"]["detail"] == f"{NAME}, 32,000 tokens, at {url}"
    assert {found["policy"]["state"], found["world"]["state"]} == {"ok"}
    found = {each["name"]: each for each in json.loads(wrong.stdout)["findings"]}
    assert (wrong.returncode, found["policy"]["state"], found["world"]["state"]) == (3, "missing", "ok")
    assert "chat.key_env" in found["policy"]["remedy"]
    assert "forager" in {each["name"]: each for each in json.loads(forager.stdout)["findings"]}["policy"]["detail"]
    assert "sekret" not in done.stdout + done.stderr + wrong.stdout + wrong.stderr
