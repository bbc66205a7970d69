"""The small model of the package, without any configuration: in the demo, in traces, in the doctor's look, and off."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Run

DEFAULT = {"CWM_AGENT_WORLD__EMBEDDED": "true"}
NOWHERE = DEFAULT | {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
NAME = "cwm-nano"
CODE = "def f(a):\n    b = [a]\n    if a:\n        b.append(1)\n    return b\n"
TOO_LONG = "def f(a):\n" + "    a = a + 1\n" * 2000 + "    return a\n"
WITHOUT = """
import importlib.util, sys

found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in {"numpy", "tokenizers"} else found(name, package)
from cwm_agent.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "f.py"
    made.write_text(CODE)
    return made


def test_the_demo_imagines_and_still_finds_the_repair(run: Run, tmp_path: Path) -> None:
    home = DEFAULT | {"CWM_AGENT_HOME": str(tmp_path / "home")}
    done = run("demo", "--headless", "--folder", str(tmp_path / "sample"), env=home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "+    reached = [tier for tier in tiers if quantity >= tier.minimum]" in done.stdout
    assert "◇ imagined trace" in done.stdout
    listed = json.loads(run("sessions", "list", "--format", "json", env=home).stdout)
    shown = run("sessions", "show", listed[0]["identity"], env=home).stdout
    assert "◇ imagined" in shown
    for each in json.loads(run("ledger", "--format", "json", env=home).stdout):
        assert each["model"] == NAME


@pytest.mark.parametrize("mode", ["verify", "imagined"])
def test_a_trace_is_imagined_without_a_server(run: Run, file: Path, mode: str) -> None:
    env = NOWHERE if mode == "imagined" else DEFAULT
    done = run("trace", str(file), "--call", "f(1)", "--mode", mode, env=env)
    assert done.returncode == 0 if mode == "verify" else done.returncode in (0, 1), done.stderr  # 1: a bad dream
    assert "◇ IMAGINED" in done.stdout
    assert ("◆ RAN" in done.stdout) is (mode == "verify")
    lines = run("trace", str(file), "--call", "f(1)", "--mode", mode, "--format", "jsonl", env=env)
    frames = [json.loads(line) for line in lines.stdout.splitlines()]
    first = next(each for each in frames if each.get("origin") == "imagined")
    assert first["locals"] == {"a": "1"}


def test_what_it_cannot_be_shown_whole_it_does_not_imagine(run: Run, tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text(TOO_LONG)
    done = run("trace", str(tmp_path / "long.py"), "--call", "f(1)", "--mode", "verify", env=DEFAULT)
    assert done.returncode == 0, done.stderr
    assert "◆ RAN" in done.stdout
    assert "IMAGINED" not in done.stdout
    assert "Nothing was imagined: the code" in done.stderr


def test_a_setting_turns_it_off(run: Run, file: Path) -> None:
    env = {"CWM_AGENT_WORLD__EMBEDDED": "false"}
    done = run("trace", str(file), "--call", "f(1)", env=env)
    assert done.returncode == 0
    assert "IMAGINED" not in done.stdout
    assert "world.embedded is off" in done.stderr
    alone = run("trace", str(file), "--call", "f(1)", "--mode", "imagined", env=env | NOWHERE | env)
    assert alone.returncode == 3
    assert "world.embedded is off" in alone.stderr


def test_the_doctor_knows_it(run: Run) -> None:
    done = run("doctor", "--format", "json", env=DEFAULT)
    found = {each["name"]: each for each in json.loads(done.stdout)["findings"]}["world"]
    assert found["state"] == "ok", found
    assert found["detail"].startswith(f"{NAME}, ")


def test_where_its_packages_are_missing_one_line_says_how_to_get_them(environment: dict[str, str], file: Path) -> None:
    command = [sys.executable, "-c", WITHOUT, "trace", str(file), "--call", "f(1)"]
    done = subprocess.run(command, env=environment | DEFAULT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "◆ RAN" in done.stdout
    (line,) = [line for line in done.stderr.splitlines() if "pip install" in line]
    assert "numpy, tokenizers" in line
    assert "cwm-agent[small]" in line


def test_a_start_imports_nothing_of_it() -> None:
    code = "import sys; import cwm_agent.cli, cwm_agent.compose, cwm_agent.compose_world, cwm_agent.models.shipped\n"
    code += "print([each for each in ('numpy', 'tokenizers', 'safetensors', 'torch') if each in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
