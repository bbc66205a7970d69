"""What a container sees of the user's repository, on the real engine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from cwm_agent.containers import snapshot as snapshots
from cwm_agent.containers.container import Container, start_container
from cwm_agent.containers.engine import Engine
from cwm_agent.containers.image import Image, command_user
from cwm_agent.containers.labels import SESSION
from cwm_agent.containers.snapshot import Snapshot, take
from cwm_agent.settings import SandboxSettings
from cwm_agent.workspace.repository import Repository
from tests.shapes import git, new, put

Start = Callable[[Snapshot], Awaitable[Container]]
Take = Callable[[Path], Awaitable[Snapshot]]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CWM_AGENT_HOME", str(tmp_path / "agent"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "agent"


@pytest.fixture
async def start(engine: Engine, image: Image, settings: SandboxSettings) -> AsyncIterator[Start]:
    started: list[Container] = []

    async def work(taken: Snapshot) -> Container:
        container = await start_container(engine, image, session="snapshot", mounts=taken.mounts, settings=settings)
        started.append(container)
        return container

    yield work
    for container in started:
        await container.remove()


@pytest.fixture
async def taking(engine: Engine, image: Image, start: Start) -> AsyncIterator[Take]:
    """Depends on `start`, so that containers are gone before their volumes; `start` is finished first by hand."""
    taken: list[Snapshot] = []

    async def work(root: Path) -> Snapshot:
        one = await take(engine, Repository.open(root), session="snapshot", uid=command_user(), image=image)
        taken.append(one)
        return one

    yield work
    for one in taken:
        for found in engine.client.containers.list(all=True, filters={"volume": one.volume}):
            found.remove(force=True)
        await one.release()


def shell(container: Container, script: str) -> Awaitable[str]:
    return container.run_once(["bash", "-c", f"cd /workspace\n{script}"])


@pytest.fixture(params=["overlay", "upload"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "upload":
        monkeypatch.setattr(snapshots, "sees_our_files", lambda *_: False)
    return str(request.param)


async def test_a_true_copy_with_history_and_without_secrets(
    tmp_path: Path, way: str, taking: Take, start: Start
) -> None:
    root = new(tmp_path / "r", {"a.py": b"1\n", ".gitignore": b"*.log\n", "gone.py": b"1\n"})
    git(root, "remote", "add", "origin", "https://user:hunter2@example.org/r.git")
    put(root / "a.py", b"unstaged\r\n")
    put(root / "staged.py", b"staged\n")
    git(root, "add", "staged.py")
    put(root / "run.sh", b"#!/bin/sh\necho ran\n", 0o755)
    put(root / os.fsdecode(b"\xff\n-odd"), b"\x00\xff")
    (root / "link").symlink_to("a.py")
    (root / "gone.py").unlink()
    put(root / "x.log")
    put(root / ".env", b"PASSWORD=1\n")
    taken = await taking(root)
    container = await start(taken)
    put(root / "a.py", b"later\n")
    put(root / "later.py")

    assert await shell(container, "cat a.py; ./run.sh; readlink link; od -An -tx1 $'\\xff\\n-odd'") == (
        "unstaged\r\nran\na.py\n 00 ff\n"
    )
    assert await shell(container, "ls -Ab") == ".git\n.gitignore\na.py\nlink\nrun.sh\nstaged.py\n\\377\\n-odd\n"
    assert await shell(container, "git status --short | LC_ALL=C sort") == (
        ' D gone.py\n M a.py\n?? "\\377\\n-odd"\n?? link\n?? run.sh\nA  staged.py\n'
    )
    assert (
        await shell(container, "git log --format='%s %an'; git branch --show-current; git remote") == "first A\nmain\n"
    )
    assert await shell(container, "git stash -q && git stash pop -q && git diff --stat | tail -1") != ""
    assert "hunter2" not in await shell(container, "grep -rl hunter2 .git || true")
    assert await shell(container, "id -u; stat -c %u . a.py .git/HEAD | sort -u") == f"{command_user()}\n" * 2
    assert taken.whole_seconds is (way == "upload")
    assert "PASSWORD" not in "".join(taken.notes)
    assert ".env" in taken.notes[0]


async def test_the_user_s_tree_is_out_of_reach(tmp_path: Path, taking: Take, start: Start) -> None:
    root = new(tmp_path / "r", {"a.py": b"1\n", "d/b.py": b"2\n"})
    container = await start(await taking(root))
    await shell(container, "rm -rf a.py d; echo x > new; git commit -qam x; rm -rf .git")
    assert (root / "a.py").read_bytes() == b"1\n"
    assert (root / "d/b.py").read_bytes() == b"2\n"
    assert git(root, "status", "--short") == ""
    assert git(root, "log", "--format=%s") == "first\n"


async def test_several_sandboxes_share_one_base_and_do_not_see_each_other(
    tmp_path: Path, taking: Take, start: Start
) -> None:
    root = new(tmp_path / "r", {"a.py": b"1\n", "b.py": b"1\n", "d/c.py": b"1\n"})
    first, second = await asyncio.gather(taking(root), taking(root))
    assert first.base.trees == second.base.trees
    one, two = await start(first), await start(second)
    await shell(one, "echo one > a.py; rm b.py")
    put(root / "a.py", b"edited by the user\n")
    (root / "d/c.py").unlink()
    (root / "d").rmdir()
    third = await taking(root)
    assert third.base.trees[-1] == first.base.trees[-1]
    three = await start(third)
    look = "cat a.py; ls"
    assert await shell(one, look) == "one\na.py\nd\n"
    assert await shell(two, look) == "1\na.py\nb.py\nd\n"
    assert await shell(three, look) == "edited by the user\na.py\nb.py\n"


async def test_others_beside_a_sandbox_see_what_it_was_opened_on(
    tmp_path: Path, taking: Take, start: Start, home: Path
) -> None:
    root = new(tmp_path / "r", {"a.py": b"1\n"})
    first = await taking(root)
    one = await start(first)
    await shell(one, "echo one > a.py")
    put(root / "a.py", b"edited by the user\n")
    await taking(root)
    others = await asyncio.gather(*(first.again("snapshot", command_user()) for _ in range(6)))
    containers = await asyncio.gather(*(start(other) for other in others[:2]))
    assert await shell(containers[0], "cat a.py; echo two > a.py; cat a.py") == "1\ntwo\n"
    assert await shell(containers[1], "cat a.py; git status --short") == "1\n"
    assert await shell(one, "cat a.py") == "one\n"
    for container in containers:
        await container.remove()
    await asyncio.gather(*(other.release() for other in others))
    assert len(list((home / "cache/sandboxes").iterdir())) == 2
    assert await shell(one, "cat a.py") == "one\n"


async def test_a_state_stays_until_the_last_who_looks_at_it_is_gone(tmp_path: Path, taking: Take) -> None:
    root = new(tmp_path / "r", {"a.py": b"1\n"})
    first = await taking(root)
    other = await first.again("snapshot", command_user())
    trees = first.base.trees
    first.base.release()
    put(root / "a.py", b"2\n")
    later = await taking(root)
    assert all((tree / "a.py").is_file() for tree in trees[-1:])
    assert other.base.read(b"a.py").content == b"1\n"
    assert later.base.read(b"a.py").content == b"2\n"
    await other.release()


async def test_what_was_written_survives_the_container(tmp_path: Path, taking: Take, start: Start) -> None:
    taken = await taking(new(tmp_path / "r", {"a.py": b"1\n"}))
    first = await start(taken)
    await shell(first, "echo 2 > a.py; mkdir d; echo 3 > d/new")
    await first.remove()
    assert await shell(await start(taken), "cat a.py d/new") == "2\n3\n"


async def test_release_leaves_nothing(tmp_path: Path, home: Path, engine: Engine, image: Image, start: Start) -> None:
    root = new(tmp_path / "r", {"a.py": b"1\n"})
    taken = await take(engine, Repository.open(root), session="snapshot", uid=command_user(), image=image)
    container = await start(taken)
    await shell(container, "mkdir -p closed/inner; touch closed/inner/x; chmod 000 closed/inner closed")
    await container.remove()
    await taken.release()
    assert list((home / "cache/sandboxes").iterdir()) == []
    assert taken.volume not in {volume.name for volume in engine.client.volumes.list()}


async def test_what_a_killed_process_left_is_removed_by_the_next(
    tmp_path: Path, home: Path, engine: Engine, taking: Take
) -> None:
    root = new(tmp_path / "r", {"a.py": b"1\n"})
    first = await taking(root)
    assert first._upper is not None
    first._upper.lock.release()  # what the kernel does when a process dies
    first.base.release()
    second = await taking(root)
    assert [path.name for path in (home / "cache/sandboxes").iterdir()] == [second.volume]
    assert first.volume not in {volume.name for volume in engine.client.volumes.list()}
    labels = engine.client.volumes.get(second.volume).attrs["Labels"]
    assert labels[SESSION] == "snapshot"


async def test_files_of_other_users_are_removed_through_a_container(
    tmp_path: Path, engine: Engine, image: Image
) -> None:
    folder = tmp_path / "upper"
    put(folder / "a/b")
    (folder / "link").symlink_to("/etc")
    await engine.call("remove", lambda: snapshots.remove_as_root(engine, folder, image))
    assert list(folder.iterdir()) == []
    assert os.path.exists("/etc/passwd"), "links in it are removed, not followed"  # noqa: ASYNC240, PTH110 (a look)


async def test_unborn_and_shallow_and_without_git(
    tmp_path: Path, taking: Take, start: Start, engine: Engine, image: Image
) -> None:
    unborn = new(tmp_path / "unborn")
    put(unborn / "a.py")
    assert (
        await shell(await start(await taking(unborn)), "git status --short; git branch --show-current")
        == "?? a.py\nmain\n"
    )

    deep = new(tmp_path / "deep", {"a.py": b"1\n"})
    put(deep / "a.py", b"2\n")
    git(deep, "commit", "-qam", "second")
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{deep}", "shallow")
    assert (
        await shell(await start(await taking(tmp_path / "shallow")), "git log --format=%s; git status --short")
        == "second\n"
    )

    put(tmp_path / "plain/a.py", b"1\n")
    repository = Repository.open(tmp_path / "plain", create=True)
    taken = await take(engine, repository, session="snapshot", uid=command_user(), image=image)
    container = await start(taken)
    assert await shell(container, "cat a.py; git status --short") == "1\n?? a.py\n"
    await container.remove()
    await taken.release()
    assert not (tmp_path / "plain/.git").exists()
