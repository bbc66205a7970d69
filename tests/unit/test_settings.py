"""Settings: layers, errors that name what is wrong, and a page that tells the truth."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cwm_agent.errors import UsageError
from cwm_agent.observations import Mode
from cwm_agent.settings import load

ROOT = Path(__file__).parents[2]


def test_the_later_layer_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "c.toml"
    file.write_text('mode = "real"\nmodel = "from-file"\n[sandbox]\nmemory = "1g"\ncpus = 1\n')
    monkeypatch.setenv("CWM_AGENT_SANDBOX__MEMORY", "3g")
    settings = load(file, mode="imagined", model=None)
    assert settings.mode is Mode.IMAGINED
    assert settings.model == "from-file"
    assert (settings.sandbox.memory, settings.sandbox.cpus) == ("3g", 1.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("modle = 'x'", "modle"),
        ("[sandbox]\nmemory = 'lots'", "sandbox.memory"),
        ("[limits]\nturns = 0", "limits.turns"),
        ("mode = ", "cannot be read"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "c.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        load(file)
    assert words in str(caught.value)
    assert caught.value.remedy


def test_a_missing_file_is_an_error_only_when_it_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CWM_AGENT_HOME", str(tmp_path))
    assert load().mode is Mode.VERIFY
    with pytest.raises(UsageError):
        load(tmp_path / "nowhere.toml")


def test_the_page_of_settings_is_up_to_date() -> None:
    script = ROOT / "scripts" / "settings_doc.py"
    done = subprocess.run([sys.executable, str(script), "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
