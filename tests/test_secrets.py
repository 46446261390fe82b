"""Secrets in memory: how they are found and how they print."""

from __future__ import annotations

import copy
import os
import pickle
from pathlib import Path

import pytest

import reconciler
from reconciler.core.errors import SecretError
from reconciler.core.secret import MAX_SECRET_BYTES, Origin, Resolver, Secret

VALUE = "hunter2"


def test_a_secret_prints_as_stars_however_it_is_printed() -> None:
    """Only `reveal()` hands it out."""
    secret = Secret(VALUE)
    assert {str(secret), repr(secret), f"{secret}", f"{secret:>20}", f"{secret}", f"{[secret]}"[1:-1]} == {"***"}
    assert secret.reveal() == VALUE
    assert not hasattr(secret, "__dict__")


def test_a_secret_is_not_pickled() -> None:
    """It cannot slip into a cache or another process."""
    for way in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            way(Secret(VALUE))


@pytest.mark.parametrize(
    ("content", "value"),
    [("hunter2", "hunter2"), ("hunter2\n", "hunter2"), ("hunter2\r\n", "hunter2"), ("a\n\n", "a\n"), (" a ", " a ")],
)
def test_one_last_newline_of_a_file_is_not_part_of_it(tmp_path: Path, content: str, value: str) -> None:
    """Editors add one; everything else is the secret's own."""
    (tmp_path / "key").write_bytes(content.encode())
    assert Resolver(tmp_path).resolve("${file:key}").reveal() == value


def test_what_leads_to_no_value_is_told_by_its_reference(tmp_path: Path) -> None:
    """Missing, empty, outside, no file, too large, no text; the value is never part of it."""
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside").write_text(VALUE)
    (root / "link").symlink_to("../outside")
    (root / "empty").write_text("\n")
    (root / "bytes").write_bytes(VALUE.encode() + b"\xff")
    (root / "large").write_bytes(b"x" * (MAX_SECRET_BYTES + 1))
    os.mkfifo(root / "pipe")
    resolver = Resolver(root, {"EMPTY": "", "SET": VALUE})
    assert resolver.resolve("${env:SET}").reveal() == VALUE
    references = [
        "env:NOTHING",
        "env:EMPTY",
        "file:nothing",
        "file:.",
        "file:pipe",
        "file:link",
        "file:../outside",
        "file:empty",
        "file:bytes",
        "file:large",
        "var:SET",
    ]
    for name in references:
        with pytest.raises(SecretError) as caught:
            resolver.resolve(f"${{{name}}}")
        assert f"${{{name}}}" in caught.value.message
        assert VALUE not in caught.value.message + str(caught.value.hint) + str(caught.value.__cause__)


def test_the_environment_is_read_when_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when the resolver is made."""
    resolver = Resolver(tmp_path)
    monkeypatch.setenv("LATER", VALUE)
    assert resolver.resolve("${env:LATER}").reveal() == VALUE


def test_a_default_in_a_reference_is_refused_and_not_repeated(tmp_path: Path) -> None:
    """The shell's habit of a default would write the secret down, and the message would print it."""
    with pytest.raises(SecretError) as refused:
        Resolver(tmp_path, {"A": "x"}).resolve("${env:A:-sk-LEAK}")
    assert "sk-LEAK" not in f"{refused.value.message} {refused.value.hint}"


REVEALING = {
    "controller/lightkube_cluster.py": "sent to the proxy that the environment names",
    "core/fingerprint.py": "hashed",
    "core/redaction.py": "looked for, to be masked",
    "core/unmanaged.py": "sent back to where it was read",
    "manifest/importing/journal.py": "compared",
    "project/workspace.py": "measured",
    "registry/http/address.py": "sent, after it was checked where it may go",
    "registry/http/payload.py": "sent, after it was checked where it may go",
    "registry/http/pool.py": "sent to the proxy that the environment names",
    "registry/http/translate.py": "masked",
    "registry/local/rows.py": "written back to where it was read",
    "registry/settings.py": "resolved into an address",
    "registry/watsonx/wire.py": "parsed, each part bound as the whole is",
}


def test_values_are_revealed_in_few_places() -> None:
    """Whoever reveals a value and makes another secret of it forgets where it may be sent: `derived` is for that."""
    root = Path(reconciler.__file__).parent
    found = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if ".reveal()" in path.read_text() and path.name != "secret.py"
    }
    assert found <= REVEALING.keys()


def test_what_is_made_of_a_secret_is_bound_as_it_is() -> None:
    """A bearer token, a part of a JSON object."""
    secret = Secret("x", (Origin("A", ("a.example",)),))
    for made in (secret, secret.derived("Bearer {}".format), secret.derived(str.upper).derived(str.lower)):
        assert made.refused_at("https://b.example") == ("A",)
        assert made.refused_at("https://a.example") == ()
        assert repr(made) == "***"
