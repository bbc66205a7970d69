"""Repositories that name programs: plain git runs them, our reading of the repository does not.

Every case has its control: the same planted program, run by git as a user would call it. One that does not run proves
nothing, and fails.
"""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import Struct

from cwm_agent.containers.mirror import sync
from cwm_agent.workspace.ignored import IgnoreRules
from cwm_agent.workspace.listing import list_files
from cwm_agent.workspace.private_git import prepare
from cwm_agent.workspace.repository import Repository
from tests.shapes import ENVIRONMENT, git, new, put

Variables = dict[str, str]


class Case(Struct, frozen=True):
    """`plant` puts the program where git looks for it, and gives variables for the environment; `control` is git."""

    name: str
    plant: Callable[[Path, str], Variables]
    control: tuple[str, ...]
    terminal: bool = False


def configured(key: str, value: str = "{script}") -> Callable[[Path, str], Variables]:
    def plant(root: Path, script: str) -> Variables:
        git(root, "config", key, value.format(script=script))
        return {}

    return plant


def variable(name: str, value: str = "{script}") -> Callable[[Path, str], Variables]:
    return lambda root, script: {name: value.format(script=script, root=root)}


def attributed(line: bytes, *settings: tuple[str, str]) -> Callable[[Path, str], Variables]:
    def plant(root: Path, script: str) -> Variables:
        for key, value in settings:
            git(root, "config", key, value.format(script=script))
        put(root / ".gitattributes", line + b"\n")
        put(root / "a.py", b"changed\n")
        return {}

    return plant


def hook(name: str) -> Callable[[Path, str], Variables]:
    def plant(root: Path, script: str) -> Variables:
        put(root / ".git/hooks" / name, Path(script).read_bytes(), 0o755)
        return {}

    return plant


def hooks_path(root: Path, script: str) -> Variables:
    put(root / "my-hooks/post-checkout", Path(script).read_bytes(), 0o755)
    git(root, "config", "core.hooksPath", "my-hooks")
    return {}


def included(root: Path, script: str) -> Variables:
    put(root / "evil.cfg", f"[core]\n\tfsmonitor = {script}\n".encode())
    git(root, "config", "includeIf.gitdir:/**.path", str(root / "evil.cfg"))
    return {}


def worktree_settings(root: Path, script: str) -> Variables:
    git(root, "config", "extensions.worktreeConfig", "true")
    git(root, "config", "--worktree", "core.fsmonitor", script)
    return {}


def pointed_to(root: Path, script: str) -> Variables:
    """`.git` is a file that names a folder of the tree."""
    (root / ".git").rename(root / "evil")
    put(root / ".git", b"gitdir: evil\n")
    git(root, "config", "core.fsmonitor", script)
    return {}


def shared_settings(root: Path, script: str) -> Variables:
    """A git directory in the tree whose common directory is another one."""
    put(root / "inner/HEAD", b"ref: refs/heads/main\n")
    put(root / "inner/commondir", f"{root}/common\n".encode())
    (root / ".git").rename(root / "common")
    put(root / ".git", b"gitdir: inner\n")
    put(root / "common/config", f"[core]\n\trepositoryformatversion = 0\n\tfsmonitor = {script}\n".encode())
    return {}


def nested(root: Path, script: str) -> Variables:
    inner = new(root / "nested", {"i.py": b"1\n"})
    git(root, "-c", "advice.addEmbeddedRepo=false", "add", "nested")
    git(inner, "config", "core.fsmonitor", script)
    return {}


def submodule(root: Path, script: str) -> Variables:
    inner = new(root.parent / "inner", {"i.py": b"1\n"})
    git(root, "submodule", "--quiet", "add", str(inner), "sub")
    put(inner / "i.py", b"2\n")
    git(inner, "commit", "-qam", "two")
    git(root / "sub", "fetch", "-q")
    git(root, "update-index", "--cacheinfo", f"160000,{git(inner, 'rev-parse', 'HEAD').strip()},sub")
    git(root, "config", "submodule.sub.update", f"!{script}")
    return {}


def exec_path(root: Path, script: str) -> Variables:
    put(root / "bin/git-planted", Path(script).read_bytes(), 0o755)
    return {"GIT_EXEC_PATH": str(root / "bin")}


def home_settings(section: str, key: str) -> Callable[[Path, str], Variables]:
    def plant(root: Path, script: str) -> Variables:
        file = put(root / "evil-home/.gitconfig", f"[{section}]\n\t{key} = {script}\n".encode())
        return {"GIT_CONFIG_GLOBAL": str(file)}

    return plant


def counted(key: str) -> Callable[[Path, str], Variables]:
    return lambda root, script: {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": key, "GIT_CONFIG_VALUE_0": script}


def ssh(root: Path, script: str) -> Variables:
    git(root, "remote", "add", "far", "ssh://nowhere.invalid/x")
    git(root, "config", "core.sshCommand", script)
    return {}


def ssh_variable(root: Path, script: str) -> Variables:
    git(root, "remote", "add", "far", "ssh://nowhere.invalid/x")
    return {"GIT_SSH_COMMAND": script}


def outside_protocol(root: Path, script: str) -> Variables:
    git(root, "remote", "add", "far", f"ext::{script}")
    git(root, "config", "protocol.ext.allow", "always")
    return {}


def alternates(root: Path, script: str) -> Variables:
    other = new(root.parent / "other", {"o": b"1\n"})
    put(root / ".git/objects/info/alternates", f"{other}/.git/objects\n".encode())
    git(root, "config", "core.alternateRefsCommand", script)
    return {}


def merging(root: Path, script: str) -> Variables:
    git(root, "config", "merge.planted.driver", script)
    put(root / ".gitattributes", b"* merge=planted\n")
    for branch, content in (("side", b"2\n"), ("main", b"3\n")):
        git(root, "checkout", "-q", *(["-b"] if branch == "side" else []), branch)
        put(root / "a.py", content)
        git(root, "commit", "-qam", branch)
    return {}


STATUS = ("status", "--short")
CASES = [
    Case("fsmonitor", configured("core.fsmonitor"), STATUS),
    Case("hook", hook("post-index-change"), ("update-index", "--force-write-index", "--refresh")),
    Case("hooksPath", hooks_path, ("checkout", "-q", "-b", "x")),
    Case("clean", attributed(b"* filter=p", ("filter.p.clean", "{script}")), ("diff",)),
    Case("smudge", attributed(b"* filter=p", ("filter.p.smudge", "{script}")), ("checkout", "a.py")),
    Case("process", attributed(b"* filter=p", ("filter.p.process", "{script}")), ("diff",)),
    Case("diff driver", attributed(b"* diff=p", ("diff.p.command", "{script}")), ("diff",)),
    Case("textconv", attributed(b"* diff=p", ("diff.p.textconv", "{script}")), ("diff",)),
    Case("external diff", attributed(b"", ("diff.external", "{script}")), ("diff",)),
    Case("merge driver", merging, ("merge", "-m", "m", "side")),
    Case("alias", configured("alias.planted", "!{script}"), ("planted",)),
    Case("editor", configured("core.editor"), ("commit", "--amend")),
    Case("pager", configured("core.pager"), ("log",), terminal=True),
    Case("ssh", ssh, ("ls-remote", "far")),
    Case("ext transport", outside_protocol, ("ls-remote", "far")),
    Case("gpg", configured("gpg.program"), ("commit", "-S", "--allow-empty", "-m", "x")),
    Case("credentials", configured("credential.helper", "!{script}"), ("-c", "x.y=z", "credential", "fill")),
    Case("alternate refs", alternates, ("rev-list", "--alternate-refs")),
    Case("include", included, STATUS),
    Case("worktree settings", worktree_settings, STATUS),
    Case(".git file", pointed_to, STATUS),
    Case("commondir", shared_settings, STATUS),
    Case("nested repository", nested, STATUS),
    Case("submodule update", submodule, ("submodule", "update")),
    Case("$GIT_CONFIG_COUNT", counted("core.fsmonitor"), STATUS),
    Case("packObjectsHook", home_settings("uploadpack", "packObjectsHook"), ("clone", "-q", "file://{root}", "c")),
    Case("$GIT_CONFIG_PARAMETERS", variable("GIT_CONFIG_PARAMETERS", "'core.fsmonitor={script}'"), STATUS),
    Case("$GIT_CONFIG_GLOBAL", home_settings("core", "fsmonitor"), STATUS),
    Case(
        "$GIT_EXTERNAL_DIFF",
        lambda root, script: attributed(b"")(root, script) | {"GIT_EXTERNAL_DIFF": script},
        ("diff",),
    ),
    Case("$GIT_SSH_COMMAND", ssh_variable, ("ls-remote", "far")),
    Case("$GIT_EDITOR", variable("GIT_EDITOR"), ("commit", "--amend")),
    Case("$GIT_SEQUENCE_EDITOR", variable("GIT_SEQUENCE_EDITOR"), ("rebase", "-i", "--root")),
    Case("$GIT_PAGER", variable("GIT_PAGER"), ("log",), terminal=True),
    Case("$GIT_EXEC_PATH", exec_path, ("planted",)),
    Case("$GIT_ASKPASS", variable("GIT_ASKPASS"), ("credential", "fill")),
]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CWM_AGENT_HOME", str(tmp_path / "agent"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def plain_git(case: Case, root: Path, variables: Variables) -> None:
    """Git as a user runs it; it may well fail once the planted program ran."""
    arguments = [part.format(root=root) for part in case.control]
    environment = {**ENVIRONMENT, "HOME": str(root), "TERM": "xterm", **variables}
    given = b"protocol=https\nhost=example.org\n\n" if "credential" in case.control else b""
    if not case.terminal:
        command = ["git", *arguments]
        subprocess.run(command, cwd=root, env=environment, input=given, capture_output=True, timeout=30)
        return
    leader, follower = pty.openpty()
    with subprocess.Popen(["git", *arguments], cwd=root, env=environment, stdout=follower, stdin=follower) as process:
        os.close(follower)
        while process.poll() is None:
            try:
                os.read(leader, 4096)
            except OSError:
                break
    os.close(leader)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_planted_program_runs_under_plain_git_and_not_under_ours(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = new(tmp_path / "r", {"a.py": b"1\n", "b.py": b"2\r\n"})
    marker = tmp_path / "ran"
    script = str(put(tmp_path / "planted", f"#!/bin/sh\necho ran >> {marker}\nexit 1\n".encode(), 0o755))
    variables = case.plant(root, script)
    marker.unlink(missing_ok=True)
    put(root / "fresh.py")

    with monkeypatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        patch.chdir(root)
        read_in_every_way(root)
        assert not marker.exists(), "a program of the repository ran on the host"

    plain_git(case, root, variables)
    assert marker.exists(), "the control did not fire: this case proves nothing"


def read_in_every_way(root: Path) -> None:
    """Each call of git that this program makes on a user's repository."""
    repository = Repository.open(root)
    found = list_files(repository)
    assert {b"a.py", b"fresh.py"} <= found.files.keys()
    rules = IgnoreRules(repository, found.nested)
    assert rules.ignored([b"new.py", b"x.pyc"]) == {b"x.pyc"}
    generation = sync(repository, 1000)
    assert generation.read(b"b.py").content == b"2\r\n"
    generation.release()
    put(root / "later.py")
    sync(repository, 1000).release()


def test_bytes_are_exact_whatever_the_attributes_say(tmp_path: Path) -> None:
    lines = b"* text eol=crlf ident\n*.u working-tree-encoding=UTF-16\n*.c crlf=input\n"
    contents = {
        "crlf": b"a\r\nb\r\n",
        "lf": b"a\nb\n",
        "cr": b"a\rb",
        "mixed.c": b"a\r\nb\n",
        "id": b"$Id$ $Id: x $\n",
        "utf16.u": "\ufeffhéllo\n".encode("utf-16-le"),
        "bom": b"\xef\xbb\xbfx",
        "latin": b"\xe9\xff",
        "empty": b"",
    }
    root = new(tmp_path / "r", {"a.py": b"1\n"})
    put(root / ".gitattributes", lines)
    for name, content in contents.items():
        put(root / name, content)
    generation = sync(Repository.open(root), 1000)
    assert {name: generation.read(name.encode()).content for name in contents} == contents


def test_our_git_directory_has_the_last_word_on_attributes(tmp_path: Path) -> None:
    root = new(tmp_path / "r", {"a.py": b"1\n"})
    put(root / ".gitattributes", b"* filter=x text eol=crlf diff=x merge=x ident working-tree-encoding=UTF-16 crlf\n")
    output = prepare(Repository.open(root)).run("check-attr", "-z", "--all", "a.py").split(b"\0")
    found = {name.decode(): value.decode() for name, value in zip(output[1::3], output[2::3], strict=False)}
    assert found == {"text": "unset", "crlf": "unset", "eol": "unset", "ident": "unset", "filter": "unset"}
