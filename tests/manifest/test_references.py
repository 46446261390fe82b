"""References in manifests: what is replaced, what is kept, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.model import Model
from reconciler.core.rule_tree import rules_of
from reconciler.core.schema.types import Resolved
from reconciler.core.secret import Resolver
from reconciler.manifest.references import Scope, escape, resolve

NODE = rules_of(Model)


def scope(root: Path, **variables: str) -> Scope:
    return Scope(root, root, variables)


def resolved(data: Any, root: Path = Path("/nowhere"), **variables: str) -> tuple[Any, list[str]]:
    value, found = resolve(data, NODE, scope(root, **variables))
    return value, [f"{finding.pointer} {finding.rule}" for finding in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${var:a}", "A"),
        ("x${var:a}y${var:a}", "xAyA"),
        ("$${var:a}", "${var:a}"),
        ("$$${var:a}", "$${var:a}"),
        ("$${", "${"),
        ("$5 $x $ {y} $$ $", "$5 $x $ {y} $$ $"),
        ("{var:a}", "{var:a}"),
        ("${var:a}}", "A}"),
    ],
)
def test_only_dollar_brace_opens_a_reference(text: str, expected: str) -> None:
    """And a second dollar escapes it."""
    assert resolved({"description": text}, a="A") == ({"description": expected}, [])


@given(st.text())
def test_escaped_text_is_itself_again(text: str) -> None:
    """Whatever a stored value holds, an exported manifest says exactly that."""
    assert resolved({"description": escape(text), "metadata": {"a": [escape(text)]}}) == (
        {"description": text, "metadata": {"a": [text]}},
        [],
    )


def test_a_value_is_not_read_again(tmp_path: Path) -> None:
    """What a variable or a file holds is text, not another reference."""
    (tmp_path / "f").write_text("${var:a} ${env:HOME}")
    assert resolved({"description": "${file:f} ${var:b}"}, tmp_path, b="${var:a}")[0] == {
        "description": "${var:a} ${env:HOME} ${var:a}"
    }


def test_kind_key_and_map_keys_are_left_alone() -> None:
    """Identity never depends on the environment."""
    data = {"kind": "${var:a}", "key": "${var:a}", "metadata": {"${var:a}": 1}}
    assert resolved(data, a="A") == (data, [])


def test_a_whole_reference_may_be_converted_and_a_part_may_not() -> None:
    """`${var:n}` can become a number; `x${var:n}` is text."""
    value, _ = resolved({"metadata": {"whole": "${var:n}", "part": "${var:n} "}}, n="3")
    assert type(value["metadata"]["whole"]) is Resolved
    assert type(value["metadata"]["part"]) is str


def test_secret_fields_keep_their_reference(tmp_path: Path) -> None:
    """The value stays where it is; a path becomes relative to the project."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "key").write_text("hunter2")
    data = {"endpoint": {"api_key": "${file:../key}", "headers": {"X": "${env:K}", "Y": "${var:a}"}}}
    value, found = resolve(data, NODE, Scope(tmp_path, tmp_path / "sub", {"a": "A"}))
    assert value == {"endpoint": {"api_key": "${file:key}", "headers": {"X": "${env:K}", "Y": "A"}}}
    assert found == []


@pytest.mark.parametrize("name", ["", "A B", "1A", "A-B", "A=B", "Ä"])
def test_only_the_name_of_a_variable_may_stand_in_env(name: str) -> None:
    """A typo is found before anybody applies."""
    assert resolved({"endpoint": {"api_key": f"${{env:{name}}}"}})[1] != []


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "link", "a\0b"])
def test_a_file_never_leaves_the_project(tmp_path: Path, path: str) -> None:
    """By `..`, an absolute path or a link."""
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "x").write_text("outside")
    (root / "link").symlink_to("../x")
    for data in ({"description": f"${{file:{path}}}"}, {"endpoint": {"api_key": f"${{file:{path}}}"}}):
        _, found = resolved(data, root)
        assert len(found) == 1, found


def test_every_problem_is_found() -> None:
    """All of a string, and of all strings."""
    data = {"description": "${env:A} ${var:x} ${nope}", "tags": ["${var:y}"]}
    assert resolved(data)[1] == [
        "/description env-outside-secret",
        "/description unset-variable",
        "/description bad-reference",
        "/tags/0 unset-variable",
    ]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "\n", "\n\n"])
def test_a_file_reads_the_same_with_every_line_end(tmp_path: Path, ending: str, last: str) -> None:
    """A checkout on Windows changes nothing; the end of the text stays as it is."""
    (tmp_path / "about.md").write_bytes(f"One.\n\nTwo.{last}".replace("\n", ending).encode())
    assert resolved({"description": "${file:about.md}"}, tmp_path) == ({"description": f"One.\n\nTwo.{last}"}, [])
    (tmp_path / "key").write_bytes(f"a\nb{last[:1]}".replace("\n", ending).encode())
    assert Resolver(tmp_path, {}).resolve("${file:key}").reveal() == "a\nb"


PEM = "-----BEGIN {}-----\nAAAA\n-----END {}-----\n"
PRIVATE_NAMES = (
    ".env", ".env.local", "prod.env", ".git/config", ".npmrc", ".netrc", "_netrc", ".aws/credentials", ".kube/config",
    "kubeconfig", "kubeconfig.yaml", "dev.kubeconfig", "server.key", "SERVER.KEY", "id_rsa", "keys/id_ed25519", "a.p12",
    "a.pfx", "a.jks", "a.ppk", "credentials", "credentials.json", "secrets.yaml", "x.tfstate", "prod.tfvars", ".htpasswd",
    ".ssh/known_hosts", ".docker/config.json", ".hidden/prompt.md", "a/.b/c.md", ".pgpass", ".git-credentials",
)  # fmt: skip
PRIVATE_TEXTS = {
    "PKCS 8": PEM.format("PRIVATE KEY", "PRIVATE KEY"),
    "PKCS 1": "x\n" + PEM.format("RSA PRIVATE KEY", "RSA PRIVATE KEY"),
    "encrypted": PEM.format("ENCRYPTED PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
    "OpenSSH": PEM.format("OPENSSH PRIVATE KEY", "OPENSSH PRIVATE KEY"),
    "PGP": PEM.format("PGP PRIVATE KEY BLOCK", "PGP PRIVATE KEY BLOCK"),
    "with its certificate": PEM.format("CERTIFICATE", "CERTIFICATE") + PEM.format("EC PRIVATE KEY", "EC PRIVATE KEY"),
    "a service account": '{"private_key": "-----BEGIN PRIVATE KEY-----\\nAAAA"}',
    "PuTTY": "PuTTY-User-Key-File-3: ssh-ed25519\n",
    "kubeconfig": "users:\n- user:\n    client-key-data: AAAA\n",
    "AWS": "[default]\naws_secret_access_key = AAAA\n",
    "npm": "//registry.example.com/:_authToken=AAAA\n",
    "netrc": "machine example.com login me password AAAA\n",
    "git": "[remote]\n\turl = https://me:AAAA@example.com/\n",
    "dotenv": "# mine\nHOST=x\nexport OPENAI_API_KEY=sk-AAAA\n",
}


@pytest.mark.parametrize("name", PRIVATE_NAMES)
def test_a_file_with_a_private_name_is_not_read_into_what_is_shown(tmp_path: Path, name: str) -> None:
    """By its own name, in a text around it, through a link to it, and through a link in its place; in a secret field it is read."""
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("AAAA")
    (tmp_path / "plain.md").symlink_to(name)
    for written in (name, f"./x/../{name}", "plain.md"):
        value, found = resolved(
            {"description": f"see ${{file:{written}}}", "metadata": {"a": [f"${{file:{written}}}"]}}, tmp_path
        )
        assert found == ["/description private-file", "/metadata/a/0 private-file"]
        assert "AAAA" not in str(value)
    assert resolved({"endpoint": {"api_key": f"${{file:{name}}}"}}, tmp_path)[1] == []


def test_a_link_in_a_hidden_folder_is_hidden_too(tmp_path: Path) -> None:
    """Who hides the link hides what it leads to."""
    (tmp_path / "prompt.md").write_text("text")
    (tmp_path / ".x").mkdir()
    (tmp_path / ".x/prompt.md").symlink_to("../prompt.md")
    assert resolved({"description": "${file:.x/prompt.md}"}, tmp_path)[1] == ["/description private-file"]


@pytest.mark.parametrize("what", PRIVATE_TEXTS)
def test_a_file_that_holds_a_credential_is_not_read_into_what_is_shown(tmp_path: Path, what: str) -> None:
    """Under any name, by a hard link too; and no message repeats any of it."""
    (tmp_path / "prompt.md").write_text(PRIVATE_TEXTS[what])
    value, found = resolve({"description": "${file:prompt.md}"}, NODE, scope(tmp_path))
    assert [finding.rule for finding in found] == ["private-file"]
    assert "AAAA" not in f"{value}{found}"


@pytest.mark.parametrize(
    "text",
    [
        PEM.format("CERTIFICATE", "CERTIFICATE"),
        PEM.format("PUBLIC KEY", "PUBLIC KEY"),
        "Set OPENAI_API_KEY=... before you begin.\nA machine learns; the password is secret.\n",
        "HOST=x\nPORT=1\n",
        "url = https://example.com/@me\n",
        "",
    ],
)
def test_plain_text_is_read(tmp_path: Path, text: str) -> None:
    """Certificates, public keys, prompts that speak of keys."""
    for name in ("about.pem", "id_rsa.pub", "keynote.md", "environment.md"):
        (tmp_path / name).write_text(text)
        assert resolved({"description": f"${{file:{name}}}"}, tmp_path) == ({"description": text}, [])


def test_a_project_below_a_hidden_folder_is_not_hidden(tmp_path: Path) -> None:
    """Only what lies inside the project is judged."""
    root = tmp_path / ".work/project"
    root.mkdir(parents=True)
    (root / "about.md").write_text("text")
    assert resolved({"description": "${file:about.md}"}, root) == ({"description": "text"}, [])
