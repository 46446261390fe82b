"""Secret commands: the form of a reference, and a process that is bounded, silent and run once."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core import secret_process
from reconciler.core.destinations import Allowed
from reconciler.core.errors import SecretError
from reconciler.core.fingerprint import known_fingerprints
from reconciler.core.resource import Address, Desired, DesiredState, Resource
from reconciler.core.secret import Origin, Resolver, Secret
from reconciler.core.secret_commands import SecretCommands, wrong_command, wrong_form

VALUE = "hunter2"


def script(text: str) -> tuple[str, ...]:
    """A command that runs a program of Python, whose first argument is what a reference asks for."""
    return (sys.executable, "-c", text, "{name}")


ECHO = script("import sys; print(sys.argv[1])")


def resolver(root: Path, /, allowed: Allowed | None = None, **commands: tuple[str, ...]) -> Resolver:
    environ = dict(os.environ)
    return Resolver(root, environ, allowed, commands=SecretCommands(commands, root, environ))


def refused(resolver: Resolver, reference: str) -> str:
    with pytest.raises(SecretError) as caught:
        resolver.resolve(reference)
    return f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    "rest", ["a", "team/a", "a b", "a;b", "$(id)", "`id`", "a'b\"c", "*", "é", "a/-b", "..a", "secret?version=2"]
)
def test_what_a_reference_asks_for_is_one_argument(tmp_path: Path, rest: str) -> None:
    """No shell reads it: it arrives as it is written."""
    assert resolver(tmp_path, echo=ECHO).resolve(f"${{cmd:echo/{rest}}}").reveal() == rest


@pytest.mark.parametrize(
    "reference",
    [
        "${cmd:echo}", "${cmd:echo/}", "${cmd:/a}", "${cmd:}", "${cmd:-x/a}", "${cmd:a b/c}",
        "${cmd:echo/-rf}", "${cmd:echo/--config=x}", "${cmd:echo//etc/passwd}",
        "${cmd:echo/../a}", "${cmd:echo/a/../../b}", "${cmd:echo/..}", "${cmd:echo/a\\..\\b}",
        "${cmd:echo/a:-default}", "${cmd:echo/ a}", "${cmd:echo/a }", "${cmd:echo/a\nb}", "${cmd:echo/a\0}", "${cmd:echo/\u202ea}",
        "${cmd:echo/" + "a" * 501 + "}",
    ],
)  # fmt: skip
def test_what_could_be_more_than_a_name_is_refused(tmp_path: Path, reference: str) -> None:
    """An option, a way out of the folder, a default that is a secret: nothing is run, and nothing of it is repeated."""
    assert wrong_form(reference) is not None
    ran = tmp_path / "ran"
    message = refused(resolver(tmp_path, echo=script(f"open({str(ran)!r}, 'w')")), reference)
    assert not ran.exists()
    assert "default}" not in message


@given(st.text(min_size=1, max_size=20))
def test_no_rest_is_an_option_or_leads_out(rest: str) -> None:
    """Whatever passes is one line that can be seen, no option, and no way up."""
    if wrong_form("${cmd:a/" + rest + "}") is None:
        assert rest.isprintable()
        assert rest[0] not in "-/ "
        assert ".." not in rest.replace("\\", "/").split("/")


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ((), "begins with a program"),
        (("",), "begins with a program"),
        (("{name}", "x"), "begins with a program"),
        (("vault", "get"), "must hold {name}"),
        (("sh", "-c", "vault get {name}"), "script"),
        (("/bin/bash", "-ec", "echo '{name}'"), "script"),
        (("sh", "-c", 'vault get "$1"', "sh", "{name}"), None),
        (("vault", "get", "secret/{name}"), None),
    ],
)
def test_a_command_that_a_manifest_could_turn_into_code_is_refused(command: tuple[str, ...], wrong: str | None) -> None:
    """A program and its arguments; a shell gets the name as an argument, never as text of its script."""
    found = wrong_command(command)
    assert found is None if wrong is None else wrong in (found or "")


@pytest.mark.parametrize(
    ("printed", "value"),
    [("x\\n", "x"), ("x\\r\\n", "x"), ("x", "x"), ("x\\n\\n", "x\n"), ("a\\r\\nb\\n", "a\nb"), (" x ", " x ")],
)
def test_one_line_end_does_not_count(tmp_path: Path, printed: str, value: str) -> None:
    """Programs print one; all else is the secret's."""
    text = script(f"import sys; sys.stdout.buffer.write(b'{printed}')")
    assert resolver(tmp_path, c=text).resolve("${cmd:c/x}").reveal() == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import sys; print('hunter2'); print('hunter2', file=sys.stderr); sys.exit(7)", "ended with status 7"),
        (
            "import os, signal; print('hunter2', flush=True); os.kill(os.getpid(), signal.SIGTERM)",
            "was ended by SIGTERM",
        ),
        ("print('hunter2' * 100_000)", "printed more than 64 KiB"),
        ("print()", "printed nothing"),
        ("import sys; sys.stdout.buffer.write(b'hunter2\\xff')", "not UTF-8"),
        ("import sys; print(len(sys.stdin.read()) or '')", "printed nothing"),
    ],
)
def test_a_failure_says_which_command_and_how_and_nothing_that_it_printed(tmp_path: Path, text: str, said: str) -> None:
    """Neither stdout nor stderr, which may hold the secret; stdin is empty."""
    message = refused(resolver(tmp_path, c=script(text)), "${cmd:c/team/a}")
    assert message.startswith("${cmd:c/team/a}: the command c ")
    assert said in message
    assert VALUE not in message


def test_a_program_that_is_not_there_and_a_name_that_is_not_there(tmp_path: Path) -> None:
    """Each says where to look."""
    assert "cannot be started: No such file" in refused(
        resolver(tmp_path, c=("no-such-program", "{name}")), "${cmd:c/a}"
    )
    assert "there is no command 'd'" in refused(resolver(tmp_path, c=ECHO), "${cmd:d/a}")
    assert "no command is run here" in refused(Resolver(tmp_path), "${cmd:c/a}")


def out_of_time(text: str, folder: Path, begun: Path) -> None:
    """Run a program past its time limit, once it was given enough time to write the file `begun`."""
    seconds = 0.5
    while not begun.exists():  # a loaded machine may be slow to start it
        with pytest.raises(SecretError, match=r"did not end within"):
            secret_process.run([sys.executable, "-c", text], folder, os.environ, seconds=seconds)
        seconds *= 2


def test_a_command_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    """At the time limit, all that it started."""
    pids = tmp_path / "pids"
    text = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"with open({str(pids)!r} + '.new', 'w') as file: file.write(f'{{os.getpid()}} {{child.pid}}')\n"
        f"os.rename({str(pids)!r} + '.new', {str(pids)!r})\n"
        "time.sleep(600)\n"
    )
    out_of_time(text, tmp_path, pids)
    for pid in map(int, pids.read_text().split()):
        while _runs(pid):
            time.sleep(0.01)


def test_a_process_that_gets_away_with_the_pipe_holds_nobody_up(tmp_path: Path) -> None:
    """A daemon that keeps stdout open is no end of the output: the time limit counts, and the run goes on."""
    text = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
        "with open('pid.new', 'w') as file: file.write(str(child.pid))\n"
        "import os; os.rename('pid.new', 'pid')\n"
    )
    out_of_time(text, tmp_path, tmp_path / "pid")
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def _runs(pid: int) -> bool:
    """True for a process that is neither gone nor a zombie that waits for its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_command_is_run_once_for_each_reference(tmp_path: Path) -> None:
    """Also ahead of time, several at once, and where it fails."""
    log = tmp_path / "log"
    text = script(
        f"import sys; open({str(log)!r}, 'a').write(sys.argv[1] + '\\n'); sys.argv[1] == 'bad' and sys.exit(1); print(1)"
    )
    one = resolver(tmp_path, c=text)
    one.run_ahead(["${cmd:c/a}", "${cmd:c/b}", "${cmd:c/a}", "${cmd:c/bad}", "${env:HOME}", "${file:x}"])
    one.run_ahead(["${cmd:c/a}"])
    for reference in ("${cmd:c/a}", "${cmd:c/b}", "${cmd:c/a}"):
        one.for_configuration().resolve(reference)
    refused(one, "${cmd:c/bad}")
    assert sorted(log.read_text().split()) == ["a", "b", "bad"]


def test_a_new_value_has_another_fingerprint(tmp_path: Path) -> None:
    """So a plan finds the rotation; a secret that cannot be had has none."""
    address = Address("mem", "Model", "a")
    item = Desired(Resource(address, {}), "a", secrets={"/key": "${cmd:c/key}"})
    desired = DesiredState((item,), frozenset({address}), True, 1)
    prints = []
    for value in ("one", "one\n", "two", ""):
        (tmp_path / "key").write_text(value)
        found = known_fingerprints(desired, Secret("k" * 32), resolver(tmp_path, c=("cat", "{name}")))
        prints.append(found.get(address, {}).get("/key"))
    assert prints[0] == prints[1] != prints[2]
    assert prints[3] is None


def test_it_runs_in_the_project_with_our_environment(tmp_path: Path) -> None:
    """A relative path in it is one of the project."""
    (tmp_path / "key").write_text(VALUE)
    assert resolver(tmp_path, c=("cat", "{name}")).resolve("${cmd:c/key}").reveal() == VALUE


def test_what_a_command_prints_is_bound_to_hosts_like_a_variable(tmp_path: Path) -> None:
    """`secrets.allow` names it `cmd:NAME/REST`: a command is no way around it."""
    allowed = Allowed({"cmd:echo/team/*": ("a.example",), "LLM_*": ("b.example",)})
    bounded = resolver(tmp_path, allowed, echo=ECHO)
    mine, other = (bounded.resolve(f"${{cmd:echo/{rest}}}") for rest in ("team/x", "other"))
    assert mine.refused_at("https://a.example/v1") == ()
    assert mine.refused_at("https://b.example/v1") == ("cmd:echo/team/x",)
    assert other.refused_at("https://a.example/v1") == ("cmd:echo/other",)
    assert bounded.origin("cmd:echo/other") == Origin("cmd:echo/other", ())
