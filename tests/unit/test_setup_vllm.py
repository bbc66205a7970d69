from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "setup-vllm.sh"


def set_up(python: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"CWM_AGENT_VLLM_PYTHON": python}
    return subprocess.run(["sh", str(SCRIPT)], env=environment, capture_output=True, text=True, timeout=60)


def test_a_python_that_has_vllm_is_taken_as_it_is(tmp_path: Path) -> None:
    package = tmp_path / "lib" / "vllm"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={package.parent} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    done = set_up(str(python))
    assert (done.returncode, done.stdout) == (0, f"{python}\n")


def test_a_python_without_it_is_an_error_that_names_it(tmp_path: Path) -> None:
    done = set_up(sys.executable)
    assert (done.returncode, done.stdout) == (3, "")
    assert f"{sys.executable}, which CWM_AGENT_VLLM_PYTHON names, has no vLLM" in done.stderr
    assert set_up(str(tmp_path / "nothing")).returncode == 3
