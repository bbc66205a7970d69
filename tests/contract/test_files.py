"""The file service in a real container: what it reads, writes, finds changed and puts back."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cwm_agent.containers.channel import Channel
from cwm_agent.containers.container import Container, start_container
from cwm_agent.containers.engine import Engine
from cwm_agent.containers.files import ContainerFiles
from cwm_agent.containers.image import Image, command_user
from cwm_agent.containers.snapshot import Snapshot, take
from cwm_agent.errors import SandboxError
from cwm_agent.protocols import Files
from cwm_agent.settings import SandboxSettings
from cwm_agent.workspace.changes import EXECUTABLE, REGULAR, SYMLINK, Change, ChangeSet, Entry
from cwm_agent.workspace.repository import Repository
from tests.shapes import new, put

FILES = {
    "a.py": b"1\n",
    "crlf.txt": b"a\r\nb\r\n",
    "utf16.txt": "\ufeffhéllo\n".encode("utf-16-le"),
    "d/b.py": b"2\n",
    "d/e/c.py": b"3",
    "bin/tool": b"#!/bin/sh\n",
    ".gitignore": b"*.log\nbuild/\n",
}


class Sandbox:
    """A container over a snapshot, and its files."""

    def __init__(self, engine: Engine, image: Image, snapshot: Snapshot, container: Container, root: Path) -> None:
        self.engine = engine
        self.image = image
        self.snapshot = snapshot
        self.container = container
        self.root = root
        self.files = ContainerFiles.of(container, snapshot)

    async def shell(self, script: str) -> str:
        return await self.container.run_once(["bash", "-c", f"cd /workspace\n{script}"])

    async def changed(self) -> dict[bytes, tuple[Entry | None, Entry | None]]:
        return {change.path: (change.old, change.new) for change in (await self.files.changes()).changes}

    async def replace_container(self) -> None:
        await self.files.aclose()
        await self.container.remove()
        self.container = await start_container(
            self.engine, self.image, session="files", mounts=self.snapshot.mounts, settings=SandboxSettings()
        )
        self.files = ContainerFiles.of(self.container, self.snapshot)


@pytest.fixture
async def sandbox(
    tmp_path: Path, engine: Engine, image: Image, settings: SandboxSettings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Sandbox]:
    monkeypatch.setenv("CWM_AGENT_HOME", str(tmp_path / "agent"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    root = new(tmp_path / "r", FILES)
    (root / "bin/tool").chmod(0o755)
    (root / "link").symlink_to("a.py")
    snapshot = await take(engine, Repository.open(root), session="files", uid=command_user(), image=image)
    container = await start_container(engine, image, session="files", mounts=snapshot.mounts, settings=settings)
    box = Sandbox(engine, image, snapshot, container, root)
    yield box
    await box.files.aclose()
    await box.container.remove()
    await snapshot.release()


def regular(content: bytes) -> Entry:
    return Entry(REGULAR, content)


async def test_it_satisfies_the_protocol(sandbox: Sandbox) -> None:
    files: Files = sandbox.files
    assert await files.read(b"a.py") == regular(b"1\n")
    assert await files.read(b"/workspace/crlf.txt") == regular(b"a\r\nb\r\n")
    assert await files.read(b"bin/tool") == Entry(EXECUTABLE, b"#!/bin/sh\n")
    assert await files.read(b"link") == Entry(SYMLINK, b"a.py")
    assert await files.is_directory(b"d")
    assert not await files.is_directory(b"a.py")
    assert not await files.is_directory(b"nothing")
    assert (await files.changes()).changes == ()


async def test_errors_carry_the_container_s_errno(sandbox: Sandbox) -> None:
    with pytest.raises(FileNotFoundError):
        await sandbox.files.read(b"nothing")
    with pytest.raises(IsADirectoryError):
        await sandbox.files.read(b"d")
    with pytest.raises(NotADirectoryError):
        await sandbox.files.read(b"a.py/x")
    with pytest.raises(FileNotFoundError):
        await sandbox.files.write(b"no/folder/x", regular(b""))
    with pytest.raises(PermissionError):
        await sandbox.files.read(b"/etc/shadow")
    with pytest.raises(OSError, match="Read-only") as caught:
        await sandbox.files.write(b"/usr/x", regular(b""))
    assert caught.value.errno == errno.EROFS
    await sandbox.shell("head -c 3000000 /dev/zero > big; mkfifo pipe")
    with pytest.raises(OSError, match="large") as caught:
        await sandbox.files.read(b"big", limit=2_999_999)
    assert caught.value.errno == errno.EFBIG
    assert len((await sandbox.files.read(b"big", limit=3_000_000)).content) == 3_000_000
    with pytest.raises(OSError, match="Invalid"):
        await sandbox.files.read(b"pipe")


async def test_writing(sandbox: Sandbox) -> None:
    big = os.urandom(9_000_000)
    await sandbox.files.write(b"a.py", regular(b"new\r\n"))
    await sandbox.files.write(b"bin/tool", Entry(EXECUTABLE, b"x"))
    await sandbox.files.write(b"d/big", regular(big))
    await sandbox.files.write(b"link", Entry(SYMLINK, b"d"))
    await sandbox.files.write(b"crlf.txt", Entry(EXECUTABLE, b""))
    await sandbox.files.write(b"/tmp/x", regular(b"elsewhere"))
    assert await sandbox.shell("cat a.py; stat -c %a a.py bin/tool crlf.txt; readlink link; cat /tmp/x; ls -A d") == (
        "new\r\n644\n755\n755\nd\nelsewhereb.py\nbig\ne\n"
    )
    assert (await sandbox.files.read(b"d/big")).content == big
    with pytest.raises(IsADirectoryError):
        await sandbox.files.write(b"d", regular(b""))


async def test_every_kind_of_change(sandbox: Sandbox) -> None:
    await sandbox.shell(
        r"""
        echo changed > a.py; rm d/b.py; chmod +x crlf.txt; chmod -x bin/tool; ln -sfn d link
        printf '\0\xff' > new.bin; mkdir -p deep/er; echo 1 > deep/er/x; echo odd > $'\xfe\n-x'; ln -s /etc/passwd out
        touch utf16.txt; cp -p d/e/c.py c2; cat c2 > d/e/c.py
        echo x > x.log; mkdir -p build/o __pycache__; echo x > build/o/x; echo x > __pycache__/m.pyc
        git add -A; git commit -qm 'by the agent'; mkdir -p sub/.GIT; echo 1 > sub/.GIT/config
        """
    )
    assert await sandbox.changed() == {
        b"a.py": (regular(b"1\n"), regular(b"changed\n")),
        b"d/b.py": (regular(b"2\n"), None),
        b"crlf.txt": (regular(b"a\r\nb\r\n"), Entry(EXECUTABLE, b"a\r\nb\r\n")),
        b"bin/tool": (Entry(EXECUTABLE, b"#!/bin/sh\n"), regular(b"#!/bin/sh\n")),
        b"link": (Entry(SYMLINK, b"a.py"), Entry(SYMLINK, b"d")),
        b"new.bin": (None, regular(b"\0\xff")),
        b"deep/er/x": (None, regular(b"1\n")),
        b"\xfe\n-x": (None, regular(b"odd\n")),
        b"out": (None, Entry(SYMLINK, b"/etc/passwd")),
        b"c2": (None, regular(b"3")),
    }
    paths = [change.path for change in (await sandbox.files.changes()).changes]
    assert paths == sorted(paths)


async def test_a_change_that_keeps_size_and_time_is_found(sandbox: Sandbox) -> None:
    await sandbox.shell("touch -r a.py /tmp/time; echo 9 > a.py; touch -r /tmp/time a.py")
    assert await sandbox.changed() == {b"a.py": (regular(b"1\n"), regular(b"9\n"))}
    await sandbox.shell("echo 1 > a.py")
    assert await sandbox.changed() == {}


async def test_files_that_became_folders_and_closed_ones(sandbox: Sandbox) -> None:
    await sandbox.shell("rm a.py; mkdir a.py; echo in > a.py/in; rm -r d; echo d > d")
    await sandbox.shell("mkdir closed; echo c > closed/c; chmod 000 closed/c closed; chmod 000 crlf.txt")
    assert await sandbox.changed() == {
        b"a.py": (regular(b"1\n"), None),
        b"a.py/in": (None, regular(b"in\n")),
        b"d": (None, regular(b"d\n")),
        b"d/b.py": (regular(b"2\n"), None),
        b"d/e/c.py": (regular(b"3"), None),
        b"closed/c": (None, regular(b"c\n")),
    }


async def test_restore_goes_to_any_state_and_leaves_ignored_files(sandbox: Sandbox) -> None:
    await sandbox.shell("echo 2 > a.py; rm -r d; echo d > d; echo x > x.log; mkdir n; echo n > n/n; chmod +x crlf.txt")
    first = await sandbox.files.changes()
    await sandbox.files.restore(ChangeSet())
    assert await sandbox.changed() == {}
    assert await sandbox.shell("cat x.log d/b.py; ls -d n 2>/dev/null || true") == "x\n2\n"
    await sandbox.shell("rm -r bin; mkdir -p bin/tool/deep; echo 1 > bin/tool/deep/x; ln -sfn nowhere link")
    second = await sandbox.files.changes()
    await sandbox.files.restore(first)
    assert await sandbox.files.changes() == first
    await sandbox.files.restore(second)
    assert await sandbox.files.changes() == second
    renamed = ChangeSet((Change(b"moved.py", regular(b"1\n"), regular(b"1\n"), renamed_from=b"a.py"),))
    await sandbox.files.restore(renamed)
    assert await sandbox.changed() == {b"a.py": (regular(b"1\n"), None), b"moved.py": (None, regular(b"1\n"))}


async def test_paths_that_lead_out_are_not_restored(sandbox: Sandbox) -> None:
    for path in (b"../x", b"/tmp/x", b".git/config", b"a/../../x", b"", b"x/.GIT/y"):
        with pytest.raises(SandboxError):
            await sandbox.files.restore(ChangeSet((Change(path, None, regular(b"x")),)))


async def test_a_killed_service_and_a_new_container(sandbox: Sandbox) -> None:
    await sandbox.shell("echo 2 > a.py")
    before = await sandbox.files.changes()
    assert len(before.changes) == 1
    await sandbox.container.kill_commands()
    assert await sandbox.files.changes() == before
    await sandbox.container.kill_commands()
    assert await sandbox.files.read(b"a.py") == regular(b"2\n")
    await sandbox.replace_container()
    assert await sandbox.files.changes() == before


async def test_the_user_s_rules_decide_and_not_the_sandbox_s(sandbox: Sandbox) -> None:
    await sandbox.shell("echo '*' > .gitignore; echo hidden > hidden.py; echo x > x.log")
    found = await sandbox.changed()
    assert set(found) == {b".gitignore", b"hidden.py"}


async def test_too_much_is_said_and_not_fetched(sandbox: Sandbox) -> None:
    await sandbox.shell("truncate -s 3G core")
    with pytest.raises(SandboxError, match="too large to be proposed; the largest is core") as caught:
        await sandbox.files.changes()
    assert "ignore" in caught.value.remedy
    await sandbox.shell("rm core")
    assert await sandbox.changed() == {}


async def test_many_requests_at_once_take_turns(sandbox: Sandbox) -> None:
    await asyncio.gather(*(sandbox.files.write(b"f%d" % n, regular(b"%d" % n)) for n in range(30)))
    entries = await asyncio.gather(*(sandbox.files.read(b"f%d" % n) for n in range(30)))
    assert [entry.content for entry in entries] == [b"%d" % n for n in range(30)]


async def test_a_cancelled_request_does_not_confuse_the_next(sandbox: Sandbox) -> None:
    await sandbox.files.write(b"big", regular(os.urandom(6_000_000)))
    for _ in range(3):
        task = asyncio.create_task(sandbox.files.read(b"big"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await sandbox.files.read(b"a.py") == regular(b"1\n")


def record(path: bytes, kind: int = 1, size: int = 1) -> str:
    return f"RECORD.pack({len(path)}, {kind}, {size}, 0, bytes(32)) + {path!r}"


HOSTILE = {
    "climbs": record(b"../../etc/passwd"),
    "absolute": record(b"/etc/passwd"),
    "git": record(b"x/.Git/config"),
    "empty": record(b""),
    "dot": record(b"a/./b"),
    "zero": record(b"a\0b"),
    "kind": record(b"x", kind=9),
    "cut": f"({record(b'x')})[:-1]",
    "short": "b'xx'",
    "twice": f"{record(b'x')} + {record(b'x')}",
    "never there": record(b"x", kind=0),
    "huge": record(b"x", size=2**63),
}


@pytest.mark.parametrize("scan", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_hostile_service_is_an_error(sandbox: Sandbox, tmp_path: Path, scan: str) -> None:
    runner = Path(__file__).parents[2] / "sandbox/runner"
    script = put(
        tmp_path / "hostile.py",
        f"import sys; sys.path.insert(0, {str(runner)!r})\n"
        "from filed import RECORD; from framing import *\n"
        "while (frame := read_frame(0)):\n"
        f"    write_frame(1, {{'last': True}}, {scan} if frame[0]['op'] == 'scan' else b'')\n".encode(),
    )
    files = ContainerFiles(sandbox.snapshot, lambda: Channel.over_subprocess([sys.executable, str(script)]))
    with pytest.raises(SandboxError):
        await files.changes()
    await files.aclose()


async def test_a_service_that_only_dies_is_an_error(sandbox: Sandbox) -> None:
    argv = [sys.executable, "-c", "import sys; print('why', file=sys.stderr)"]
    files = ContainerFiles(sandbox.snapshot, lambda: Channel.over_subprocess(argv))
    with pytest.raises(SandboxError, match="does not answer"):
        await files.read(b"a.py")
