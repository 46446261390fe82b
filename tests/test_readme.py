"""The README says what is true: its example runs, its manifests are valid, and it names every command and exit code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.cli.main import COMMANDS, run

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the README's own configuration and first manifest."""
    manifest, *_, config = (
        block for block in blocks("yaml") if "kind: Model" in block or block.startswith("# yaml-language-server")
    )
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "support-chat.yaml").write_text(manifest, encoding="utf-8")
    (tmp_path / "reconciler.yaml").write_text(config, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_python_example_runs(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copied as it stands it applies the README's manifest, and finds nothing to do the second time."""
    monkeypatch.setenv("RECONCILER_FINGERPRINT_KEY", "a key for fingerprints")
    monkeypatch.setenv("SUPPORT_LLM_KEY", "s")
    (example,) = blocks("python")
    first, second = (
        subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, cwd=project) for _ in range(2)
    )
    assert (first.returncode, first.stderr) == (0, "")
    assert "'create': 1" in first.stdout
    assert "'created': 1" in first.stdout
    assert "'unchanged': 1" in second.stdout
    assert "'create': 0" in second.stdout


def test_the_first_manifest_and_the_configuration_are_valid(project: Path) -> None:
    """What a newcomer copies first has no mistake in it, in any of its environments."""
    assert run(["validate", "--strict"]) == 0
    assert run(["validate", "--strict", "--env", "prod"]) == 0


def test_the_mistake_looks_as_shown(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The transcript of a mistake is what the program prints."""
    transcript = next(block for block in blocks("console") if "dispaly_name" in block)
    file = project / "manifests" / "support-chat.yaml"
    file.write_text("# a model\nkind: Model\nkey: support-chat\ndispaly_name: Support chat\n", encoding="utf-8")
    assert run(["validate"]) == 1
    assert capsys.readouterr().out == transcript.partition("\n")[2]


def test_every_command_is_there() -> None:
    """A command that the README does not name is a command that nobody finds."""
    table = README.partition("## Commands")[2].partition("## Configuration")[0]
    assert {name for name in COMMANDS if not re.search(rf"`{name}\b", table)} == set()


def test_every_exit_code_is_there() -> None:
    """The README and --help give the same exit codes."""
    codes = set(re.findall(r"^\| (\d+) \|", README, re.MULTILINE))
    assert codes == {"0", "1", "2", "3", "4", "5", "64", "130"}


def test_relative_links_lead_somewhere() -> None:
    """No link of the README or of ARCHITECTURE points at a file that is not there."""
    texts = README + (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    links = {link for link in re.findall(r"\]\(([^)#]+)\)", texts) if "://" not in link}
    assert {link for link in links if not (ROOT / link).exists()} == set()
