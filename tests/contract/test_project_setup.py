from __future__ import annotations

import contextlib
import io
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from docker.types import Mount

from cwm_agent.containers.container import start_container
from cwm_agent.containers.engine import Engine
from cwm_agent.containers.host_pip import host_pip
from cwm_agent.containers.image import Image, command_user
from cwm_agent.containers.project_setup import SetUp, detect, environment_volume, install, installed, matters
from cwm_agent.errors import SandboxError
from cwm_agent.settings import SandboxSettings

PROJECT = {
    "pyproject.toml": b"""
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "probe-of-set-up"
version = "1.2.3"
[project.optional-dependencies]
test = ["iniconfig==2.0.0"]
[tool.setuptools]
package-dir = {"" = "src"}
""",
    "src/probed/__init__.py": b"VALUE = 1\n",
}


@dataclass
class Checkout:
    """A project in a volume, as a snapshot shows it."""

    mounts: list[Mount]


@contextlib.asynccontextmanager
async def checkout(engine: Engine, image: Image, files: dict[str, bytes]) -> AsyncIterator[Checkout]:
    volume = engine.client.volumes.create()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as packed:
        for name, content in files.items():
            for folder in reversed(Path(name).parents[:-1]):
                entry = tarfile.TarInfo(str(folder))
                entry.type, entry.mode, entry.uid = tarfile.DIRTYPE, 0o755, command_user()
                packed.addfile(entry)
            entry = tarfile.TarInfo(name)
            entry.size, entry.uid = len(content), command_user()
            packed.addfile(entry, io.BytesIO(content))
    mounts = [Mount("/workspace", volume.name, type="volume")]
    carrier = engine.client.containers.create(image.id, ["true"], mounts=mounts)
    try:
        carrier.put_archive("/workspace", archive.getvalue())
        yield Checkout(mounts)
    finally:
        carrier.remove(force=True)
        volume.remove(force=True)


async def test_a_project_is_installed_once_and_used_without_a_network(engine: Engine, image: Image) -> None:
    set_up = detect(PROJECT)
    assert set_up is not None
    name, output, settings = environment_volume(engine, image, set_up), list[str](), SandboxSettings()
    with contextlib.suppress(Exception):
        engine.client.volumes.get(name).remove()
    async with checkout(engine, image, PROJECT) as project:
        assert not await installed(engine, image, set_up, settings)
        assert await install(engine, image, project.mounts, set_up, settings, output.append) == name
        assert await installed(engine, image, set_up, settings)
        assert "Successfully installed" in "".join(output)
        output.clear()
        assert await install(engine, image, project.mounts, set_up, settings, output.append) == name
        assert output == []
        container = await start_container(
            engine, image, session="set-up", mounts=project.mounts, settings=settings, env_volume=name
        )
        try:
            script = (
                "import iniconfig, probed, sys, pytest; from importlib.metadata import version;"
                "print(sys.prefix, version('iniconfig'), probed.__file__, version('probe-of-set-up'))"
            )
            said = await container.run_once(["python3", "-c", script])
            assert said.split() == ["/opt/env", "2.0.0", "/workspace/src/probed/__init__.py", "1.2.3"]
            left = await container.run_once(["find", "/workspace", "-name", "*.egg-info", "-o", "-name", "build"])
            assert left == ""
            written = await container.run_once(["sh", "-c", "touch /opt/env/x 2>&1; ls -a /opt/env"])
            assert "Read-only file system" in written
            assert ".tmp" not in written
            assert await container.run_once(["sh", "-c", "env | grep -ic -e pip -e proxy || true"]) == "0\n"
        finally:
            await container.remove()
    engine.client.volumes.get(name).remove()


async def test_a_set_up_that_fails_says_why_and_is_tried_again(engine: Engine, image: Image) -> None:
    set_up = SetUp(("echo tried; sh -c 'echo no such package >&2; exit 4'",), (), "none")
    output: list[str] = []
    for _ in range(2):
        output.clear()
        with pytest.raises(SandboxError, match="ended with 4: no such package"):
            await install(engine, image, [], set_up, SandboxSettings(), output.append)
        assert "tried" in "".join(output)
        assert not await installed(engine, image, set_up, SandboxSettings())
    engine.client.volumes.get(environment_volume(engine, image, set_up)).remove()


def test_our_scripts_are_the_last_two_layers(engine: Engine, image: Image) -> None:
    """So that an environment outlives a change of them."""
    written = [step["CreatedBy"] for step in engine.client.images.get(image.id).history()]
    steps = [step for step in written if "nop" not in step or "COPY" in step]
    assert all("/opt/cwm/sandbox/" in step for step in steps[:2])
    assert "toolbox.sh" in steps[2]


def test_what_names_a_place_of_this_machine_stays_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("certificates")
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://index.example/simple\nextra-index-url = file:///opt/x https://more.example\n"
        f"find-links = /opt/wheels\ncert = {tmp_path / 'ca.pem'}\n[install]\ntimeout = 5\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_TIMEOUT", "7")
    monkeypatch.delenv("PIP_CERT", raising=False)
    found = host_pip()
    assert found.certificates == b"certificates"
    pip = {name: value for name, value in found.environment.items() if name.startswith("PIP_")}
    assert pip == {
        "PIP_INDEX_URL": "https://index.example/simple",
        "PIP_EXTRA_INDEX_URL": "https://more.example",
        "PIP_TIMEOUT": "7",
        "PIP_CERT": "/tmp/certificates.pem",
    }


@pytest.mark.parametrize(
    ("files", "arguments"),
    [
        ({}, None),
        ({"README.md": b"", "setup.cfg": b"[flake8]\n"}, None),
        ({"pyproject.toml": b"[tool.ruff]\n"}, None),
        ({"pyproject.toml": b"not = [toml"}, None),
        ({"requirements.txt": b"six\n", "notes.txt": b""}, "-r requirements.txt"),
        (
            {"requirements-dev.txt": b"", "requirements/test.txt": b"", "test.txt": b"", "requirements.txt": b""},
            "-r requirements-dev.txt -r requirements.txt -r requirements/test.txt",
        ),
        ({"setup.py": b"from setuptools import setup; setup()"}, "-e ."),
        ({"setup.cfg": b"[metadata]\nname = x\n[options.extras_require]\ntests = pytest\n"}, "-e '.[tests]'"),
        (
            {"pyproject.toml": b'[project]\nname="x"\n[project.optional-dependencies]\ndev=["a"]\ndocs=["b"]\n'},
            "-e '.[dev]'",
        ),
        (
            {
                "pyproject.toml": b'[dependency-groups]\ntest=["a>1", {include-group="dev"}]\n'
                b'dev=["b", {include-group="test"}, "--index-url=x"]\ndocs=["c"]\n'
            },
            "'a>1' b",
        ),
        (
            {"Pipfile": b'[packages]\nsix="*"\n', "Pipfile.lock": b'{"default":{"six":{"version":"==1.16"}}}'},
            "six==1.16",
        ),
        ({"Pipfile": b'[packages]\nsix="*"\n[dev-packages]\n"-r x"="*"\n'}, "six"),
        (
            {
                "pyproject.toml": b'[build-system]\nrequires=["poetry-core"]\n[tool.poetry]\nname="x"\n'
                b'[tool.poetry.group.dev.dependencies]\npytest="^7"\n',
                "poetry.lock": b"",
            },
            "-e . pytest",
        ),
    ],
)
def test_what_a_project_needs_is_read_from_its_files(files: dict[str, bytes], arguments: str | None) -> None:
    found = detect(files)
    if arguments is None:
        assert found is None
        return
    assert found is not None
    assert all(matters(name) for name in found.sources)
    assert found.commands == (f"python3 -m pip install {arguments}",)
    changed = {name: content + b"\n" for name, content in files.items()}
    again = detect(changed)
    assert again is not None
    assert again.digest != found.digest
