"""Where AI GO! is and with which key: from reconciler.yaml, else from where AI GO!'s own client `lf` has it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cli.project import Project
from pydantic import ValidationError
from registry.aigo.server import Server, aigo

from reconciler.core.errors import ConfigError, SecretError
from reconciler.core.secret import Resolver
from reconciler.core.url import place_of as place_named
from reconciler.registry.latticeflow.settings import Settings, location, place_of

FILE = ".latticeflow.yaml"
THERE: Mapping[str, str] = {"LF_URL": "https://aigo.example.com", "LF_API_KEY": "k3y"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project two folders below a home."""
    folder = tmp_path / "home" / "work" / "project"
    folder.mkdir(parents=True)
    return folder


def resolver(root: Path, **environ: str) -> Resolver:
    return Resolver(root, {"HOME": str(root.parents[1]), **environ})


def place(root: Path, environ: Mapping[str, str] = THERE, **settings: Any) -> Any:
    return place_of(Settings(**settings), resolver(root, **environ))


# --- the environment ---------------------------------------------------------------------------------------------


def test_an_lf_user_configures_nothing(root: Path) -> None:
    """LF_URL, LF_API_KEY, LF_VERIFY_SSL and LF_API_TIMEOUT are enough."""
    found = place(root, {**THERE, "LF_VERIFY_SSL": "False", "LF_API_TIMEOUT": "12.5"})
    assert (found.url, found.api_key.reveal(), found.verify, found.timeout) == (THERE["LF_URL"], "k3y", False, 12.5)
    assert "k3y" not in repr(found)


def test_without_more_certificates_are_checked_and_patience_is_30_seconds(root: Path) -> None:
    """The defaults."""
    found = place(root)
    assert (found.verify, found.timeout) == (True, 30.0)


def test_reconciler_yaml_is_asked_first(root: Path) -> None:
    """What it says counts, each setting for itself."""
    environ = {**THERE, "LF_VERIFY_SSL": "true", "LF_API_TIMEOUT": "1", "MINE": "my-key"}
    found = place(root, environ, url="https://mine.example.com/", api_key="${env:MINE}", verify=False, timeout=7)
    assert (found.url, found.api_key.reveal()) == ("https://mine.example.com", "my-key")
    assert (found.verify, found.timeout) == (False, 7)
    assert place(root, environ, verify=False).url == THERE["LF_URL"]


@pytest.mark.parametrize("text", ["True", "true", "1", "yes", "ON", " true "])
def test_true_in_the_usual_words_is_true(root: Path, text: str) -> None:
    """`lf` takes all but `True` as false; nobody who writes `true` means that certificates are not checked."""
    assert place(root, {**THERE, "LF_VERIFY_SSL": text}).verify is True


@pytest.mark.parametrize("text", ["False", "false", "0", "no", "OFF"])
def test_false_in_the_usual_words_is_false(root: Path, text: str) -> None:
    """So is the other one."""
    assert place(root, {**THERE, "LF_VERIFY_SSL": text}).verify is False


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("LF_VERIFY_SSL", "perhaps", "LF_VERIFY_SSL must be true or false"),
        ("LF_API_TIMEOUT", "soon", "LF_API_TIMEOUT must be a number of seconds"),
        ("LF_API_TIMEOUT", "0", "above 0"),
        ("LF_API_TIMEOUT", "-1", "above 0"),
        ("LF_API_TIMEOUT", "nan", "above 0"),
        ("LF_API_TIMEOUT", "inf", "above 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(root: Path, name: str, text: str, words: str) -> None:
    """A word that means neither, a time that is none."""
    with pytest.raises(ConfigError, match=words):
        place(root, {**THERE, name: text})


@pytest.mark.parametrize("missing", ["LF_URL", "LF_API_KEY"])
@pytest.mark.parametrize("empty", [True, False])
def test_what_nobody_says_is_told(root: Path, missing: str, empty: bool) -> None:
    """No address or no key: where either is looked for is said. Empty counts as none."""
    environ = {name: value for name, value in THERE.items() if name != missing}
    if empty:
        environ[missing] = ""
    with pytest.raises(ConfigError) as caught:
        place(root, environ)
    assert "LF_URL and LF_API_KEY in the environment" in str(caught.value.hint)


def test_a_reference_without_a_value_is_a_missing_secret(root: Path) -> None:
    """Who names a variable in reconciler.yaml means that one, and no other."""
    with pytest.raises(SecretError, match="NOBODY is not set"):
        place(root, api_key="${env:NOBODY}")
    with pytest.raises(SecretError, match="NOBODY is not set"):
        place(root, url="${env:NOBODY}")


# --- .latticeflow.yaml -------------------------------------------------------------------------------------------


def test_the_nearest_file_is_read_then_those_above(root: Path) -> None:
    """The folders above that of reconciler.yaml, the home: each says what a nearer one does not."""
    (root.parent / FILE).write_text("LF_URL: https://near.example.com\nLF_API_TIMEOUT: 5\n")
    (root.parents[1] / FILE).write_text("LF_API_KEY: from-home\nLF_API_TIMEOUT: 6\nLF_VERIFY_SSL: false\n")
    found = place(root, {})
    assert (found.url, found.api_key.reveal()) == ("https://near.example.com", "from-home")
    assert (found.timeout, found.verify) == (5, False)


REPOSITORY_FILES = {
    "an address": ("LF_URL: https://file.example.com\n", {"LF_API_KEY": "k3y"}),
    "an address under its old name": ("LF_AIGO_URL: https://file.example.com\n", {"LF_API_KEY": "k3y"}),
    "whether certificates are checked": ("LF_VERIFY_SSL: false\n", THERE),
}


@pytest.mark.parametrize(("text", "environ"), REPOSITORY_FILES.values(), ids=REPOSITORY_FILES)
def test_a_file_of_the_repository_receives_no_key_from_elsewhere(
    root: Path, text: str, environ: Mapping[str, str]
) -> None:
    """A pull request may change it: neither a key of the environment nor one of the home goes where it says, nor less safely."""
    (root.parent / ".git").mkdir()
    for folder in (root, root.parent):  # the project's own, and that of the work tree around it
        (folder / FILE).write_text(text)
        with pytest.raises(ConfigError, match=r"\.latticeflow\.yaml is part of the repository") as caught:
            place(root, environ)
        assert "k3y" not in str(caught.value)
        assert caught.value.hint is not None
        assert "LF_URL" in caught.value.hint
        if "URL" in text:
            (root.parents[1] / FILE).write_text("LF_API_KEY: from-home\n")
            with pytest.raises(ConfigError, match="is part of the repository"):
                place(root, {})
            with pytest.raises(ConfigError, match="is part of the repository"):
                place(root, {"MINE": "k3y"}, api_key="${env:MINE}")
            (root.parents[1] / FILE).unlink()
        (folder / FILE).unlink()


def test_each_file_says_what_a_nearer_one_does_not(root: Path) -> None:
    """Where all of them are the user's own, and the key is beside the address."""
    (root / FILE).write_text("LF_URL: https://near.example.com\nLF_API_KEY: k\n")
    (root.parent / FILE).write_text("LF_URL: https://far.example.com\nLF_API_TIMEOUT: 5\n")
    (root.parents[1] / FILE).write_text("LF_API_KEY: from-home\nLF_API_TIMEOUT: 6\nLF_VERIFY_SSL: false\n")
    found = place(root, {})
    assert (found.url, found.api_key.reveal()) == ("https://near.example.com", "k")
    assert (found.timeout, found.verify) == (5, False)


def test_the_home_is_asked_from_anywhere(tmp_path: Path) -> None:
    """A project that is not below the home has it all the same; what is above the project or the home, where anybody may write, is not read."""
    home, project = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project.mkdir()
    (home / FILE).write_text("LF_URL: https://home.example.com\nLF_API_KEY: k\n")
    assert place_of(Settings(), Resolver(project, {"HOME": str(home)})).url == "https://home.example.com"
    (tmp_path / FILE).write_text("LF_URL: https://above.example.com\n")
    below = home / "project"
    below.mkdir()
    assert place_of(Settings(), Resolver(below, {"HOME": str(home)})).url == "https://home.example.com"
    assert place_of(Settings(), Resolver(project, {"HOME": str(home)})).url == "https://home.example.com"


def test_a_file_that_others_can_write_is_not_used(root: Path) -> None:
    """The key of our environment would go to the address in it."""
    (root / FILE).write_text("LF_URL: https://evil.example.com\n")
    (root / FILE).chmod(0o666)
    with pytest.raises(ConfigError, match="written by others"):
        place(root, {"LF_API_KEY": "k"})


def test_where_the_configuration_has_the_address_no_file_is_read(root: Path) -> None:
    """Neither a key nor `verify: false` may come from a file that means another place; the environment counts."""
    (root / FILE).write_text("LF_API_KEY: other\nLF_VERIFY_SSL: false\n: [")
    settings = Settings(url="https://mine.example.com", api_key="${env:MINE}")
    found = place_of(settings, Resolver(root, {"MINE": "m"}))
    assert (found.url, found.api_key.reveal(), found.verify) == ("https://mine.example.com", "m", True)
    assert place_of(settings, Resolver(root, {"MINE": "m", "LF_VERIFY_SSL": "False"})).verify is False
    with pytest.raises(ConfigError, match="no API key"):
        place_of(Settings(url="https://mine.example.com"), Resolver(root, {}))


def test_the_environment_comes_before_files(root: Path) -> None:
    """As for `lf`."""
    (root / FILE).write_text("LF_URL: https://file.example.com\nLF_API_KEY: file\n")
    assert place(root).url == THERE["LF_URL"]
    (root / FILE).unlink()
    (root.parents[1] / FILE).write_text("LF_URL: https://file.example.com\nLF_API_KEY: file\n")
    assert place(root, {"LF_API_KEY": "k"}).url == "https://file.example.com"


@pytest.mark.parametrize("text", ["LF_URL: [", "- a\n- b\n", "just text", "a: 1\na: 2\n", "\x00"], ids=repr)
def test_a_file_that_cannot_be_read_is_told_and_left_alone(root: Path, text: str) -> None:
    """`lf` deletes it; we name it, and it stays as it is, byte for byte."""
    (root / FILE).write_text(text)
    with pytest.raises(ConfigError, match="cannot be used") as caught:
        place(root, {})
    assert str(root / FILE) in caught.value.message
    assert caught.value.problems
    assert (root / FILE).read_text() == text
    assert location(Settings(), resolver(root)) == "${env:LF_URL}"


def test_a_file_is_not_read_where_nothing_is_missing(root: Path) -> None:
    """Whoever says everything elsewhere is not stopped by a broken file."""
    (root / FILE).write_text("[")
    assert place(root, {**THERE, "LF_VERIFY_SSL": "1", "LF_API_TIMEOUT": "1"}).url == THERE["LF_URL"]
    everything = {"url": "https://mine.example.com", "api_key": "${env:LF_API_KEY}", "verify": True, "timeout": 1}
    assert place(root, THERE, **everything).url == "https://mine.example.com"


def test_an_empty_file_says_nothing(root: Path) -> None:
    """Empty, or with nothing after a name."""
    (root / FILE).write_text("")
    (root.parent / FILE).write_text("LF_URL:\nLF_API_KEY: ''\n")
    assert place(root).url == THERE["LF_URL"]
    with pytest.raises(ConfigError):
        place(root, {})


# --- addresses ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hunter2@aigo.example.com",
        "https://hunter2@aigo.example.com/",
        "ftp://hunter2.example.com",
        "hunter2.example.com",
        "https://[hunter2",
        "https:///hunter2",
        "https://x:hunter2/",
    ],
)
def test_an_address_that_no_key_may_go_to_is_refused_and_not_repeated(root: Path, url: str) -> None:
    """User-info in an address is a secret in the wrong place: the message is without it."""
    with pytest.raises(ConfigError) as caught:
        place(root, {**THERE, "LF_URL": url})
    assert "http:// or https://, without user name or password" in caught.value.message
    assert "hunter2" not in caught.value.message + str(caught.value.hint)
    with pytest.raises(ConfigError):
        place(root, {**THERE, "MINE": url}, url="${env:MINE}")
    assert "hunter2@" not in location(Settings(), resolver(root, LF_URL=url))


def test_user_info_in_reconciler_yaml_is_refused(root: Path) -> None:
    """Already by the form of the configuration."""
    with pytest.raises(ValidationError):
        Settings(url="https://user:hunter2@aigo.example.com")


@pytest.mark.parametrize(
    "url",
    [
        "https://AIGO.example.com",
        "https://aigo.example.com/",
        "https://aigo.example.com:443",
        "HTTPS://aigo.example.com/api",
        "https://aigo.example.com/api/",
    ],
)
def test_one_place_has_one_address(root: Path, url: str) -> None:
    """However it is written, and wherever: two entries for it are told apart from two places."""
    assert place(root, {**THERE, "LF_URL": url}).url == "https://aigo.example.com"
    entries = [(Settings(url="${env:MINE}"), {"MINE": url}), (Settings(), {"LF_URL": url})]
    if url.startswith("https"):
        entries.append((Settings(url=url), {}))
    for settings, environ in entries:
        told = location(settings, resolver(root, **environ))
        assert place_named(told) == place_named("https://aigo.example.com")
        assert "example.com" not in told or settings.url == url  # what the environment says is nobody's business


def test_a_place_that_is_not_known_yet_keeps_its_reference(root: Path) -> None:
    """`validate` needs no environment."""
    assert location(Settings(), resolver(root)) == "${env:LF_URL}"
    assert location(Settings(url="${env:PROD_URL}"), resolver(root)) == "${env:PROD_URL}"


# --- through the command line ------------------------------------------------------------------------------------

CONFIG = """\
owner: us
registries:
  aigo: {{driver: latticeflow, default: true, {more}}}
"""


@pytest.fixture
def server() -> Any:
    with aigo() as server:
        yield server


def say(project: Project, monkeypatch: pytest.MonkeyPatch, server: Server, more: str = "") -> None:
    project.write("reconciler.yaml", CONFIG.format(more=more))
    monkeypatch.setenv("HOME", str(project.root))
    monkeypatch.setenv("LF_URL", server.url)
    monkeypatch.setenv("LF_API_KEY", server.key)


def test_the_driver_alone_is_configuration_enough(
    project: Project, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With lf's variables, and with lf's file instead."""
    say(project, monkeypatch, server)
    project.manifest("chat", display_name="Chat")
    project.apply()
    assert set(server.state.models) == {"chat"}
    monkeypatch.delenv("LF_URL")
    monkeypatch.delenv("LF_API_KEY")
    assert project.run("plan").code == 1
    project.write(FILE, f"LF_URL: {server.url}\nLF_API_KEY: {server.key}\n")
    assert project.plan() == {}


def test_two_entries_for_one_place_are_an_error(
    project: Project, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would fight over it: also where one says its address and the other leaves it to LF_URL."""
    say(project, monkeypatch, server)
    project.write(
        "reconciler.yaml",
        "registries:\n  a: {driver: latticeflow}\n  b: {driver: latticeflow, url: " + f'"{server.url}/api/"' + "}\n",
    )
    project.manifest("chat", display_name="Chat", registries={"a": {}})
    answer = project.run("validate")
    assert answer.code == 1
    assert "leads to the same place" in answer.both


def test_a_plan_for_another_address_is_refused(
    project: Project, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same name and the same variable, and yet another server: what was reviewed was not this."""
    say(project, monkeypatch, server, 'url: "${env:PLACE}"')
    project.manifest("chat", display_name="Chat")
    monkeypatch.setenv("PLACE", server.url)
    project.ok("plan", "--save", "plan.json")
    with aigo() as other:
        monkeypatch.setenv("PLACE", other.url)
        answer = project.run("apply", "--plan", "plan.json", "--yes")
        assert answer.code in (1, 4)
        assert "the plan was made for another registry" in answer.both
        assert other.writes == []
    monkeypatch.setenv("PLACE", server.url)
    project.ok("apply", "--plan", "plan.json", "--yes")
    assert set(server.state.models) == {"chat"}


def test_a_broken_file_of_lfs_is_told_by_every_command(
    project: Project, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is named, the exit code is that of bad input, and the file is still there."""
    say(project, monkeypatch, server)
    monkeypatch.delenv("LF_URL")
    project.write(FILE, "LF_URL: [\n")
    project.manifest("chat", display_name="Chat")
    for command in (("plan",), ("apply", "--yes"), ("list",)):
        answer = project.run(*command)
        assert answer.code == 1, answer.both
        assert FILE in answer.both
    assert (project.root / FILE).read_text() == "LF_URL: [\n"
