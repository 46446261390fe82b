"""Recognise files with credentials, by name or by content, which no field may read with `${file:path}`.

Outside secret fields `${file:path}` copies a file's text into the manifest. A pull request could so have a pipeline
print `.env` or a private key, which is why such files are refused. Too much is better than too little: text can be
moved.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Final

from reconciler.core.late_pattern import late_pattern

# Names, in small letters, of files that hold credentials; what is hidden is refused whatever it is called.
_NAMES: Final = (
    "*.key", "*.pem.key", "*.ppk", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.keytab", "*.gpg", "*.pgp",
    "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "ssh_host_*", "env", "*.env", "*.env.*", "_netrc", "netrc", "npmrc",
    "pypirc", "pgpass", "htpasswd", "my.cnf", "kubeconfig*", "*.kubeconfig", "credentials", "credentials.json",
    "credentials.y*ml", "credentials.csv", "*.tfstate", "*.tfstate.*", "*.tfvars", "secrets", "secret*.y*ml", "secret*.json",
    "secret*.toml", "*.secret", "*.secrets", "vault-password*", "vault_pass*",
)  # fmt: skip
_NAME: Final = late_pattern("|".join(map(fnmatch.translate, _NAMES)))
_PUBLIC: Final = ".pub"  # the ending of what stands beside a private key
# What gives a file away under any name. Every quantifier is bounded: the text is a stranger's.
_CONTENT: Final = (
    ("a private key", late_pattern(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY( BLOCK)?-----|^PuTTY-User-Key-File", re.MULTILINE)),
    ("a kubeconfig", late_pattern(r"^[ \t-]{0,80}[\"']?client-key(-data)?[\"']?[ \t]{0,80}:", re.MULTILINE)),
    ("a cloud credential", late_pattern(r"^[ \t]{0,80}aws_secret_access_key[ \t]{0,80}=", re.MULTILINE | re.IGNORECASE)),
    ("a token of a package registry", late_pattern(r"^\S{0,300}_(authToken|auth|password)[ \t]{0,80}=", re.MULTILINE)),
    ("a password", late_pattern(r"^[ \t]{0,80}machine\s{1,80}\S{1,300}\s{1,80}(login\s{1,80}\S{1,300}\s{1,80})?password\s", re.MULTILINE)),
    ("a credential of a git remote", late_pattern(r"^\s?extraheader\s?=\s?authorization|^\s?url\s?=\s?\w{1,20}://[^/\s@]{1,300}@", re.MULTILINE | re.IGNORECASE)),
)  # fmt: skip
_ASSIGNMENT: Final = late_pattern(r"(?:export\s+)?(\w+)\s*=.*")
_TELLING: Final = late_pattern(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)


def private_name(path: Path, root: Path) -> str | None:
    """The reason, a phrase, why a path below `root` must not be read as text, by its name; or None."""
    inside = path.relative_to(root)
    for part in inside.parts:
        if part.startswith("."):
            return f"{part!r} is hidden"
    return f"{inside.name!r} is the name of a file for credentials" if _is_private(inside) else None


def private_content(text: str) -> str | None:
    """The reason, a phrase, why a text must not be read into a field, by its content; or None.

    Never repeats any of it.
    """
    for what, form in _CONTENT:
        if form.search(text):
            return f"it holds {what}"
    return "it holds variables like those of a .env file" if _is_dotenv(text.splitlines()) else None


def _is_private(path: PurePath) -> bool:
    name = path.name.lower()
    return _NAME.match(name) is not None and not name.endswith(_PUBLIC)


def _is_dotenv(lines: Iterable[str]) -> bool:
    """True where every line is an assignment, and one of the names is a credential's."""
    telling = False
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        found = _ASSIGNMENT.fullmatch(text)
        if found is None:
            return False
        telling = telling or _TELLING.search(found[1]) is not None
    return telling
