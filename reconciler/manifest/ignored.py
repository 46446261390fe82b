"""Files that look like manifests and are not read: a slip in the ending, an editor's copy, a hidden file.

Each may be the manifest of an object that `--prune` would then delete, so that none of them is passed over in silence.
"""

from __future__ import annotations

import re
from typing import Final

from reconciler.core import document
from reconciler.core.errors import Problem
from reconciler.core.late_pattern import late_pattern
from reconciler.manifest.glob import SUFFIXES, is_manifest

IGNORED: Final = "ignored-file"  # the rule of what looks like a manifest and is not read
NO_DOCUMENT: Final = "no-document"  # the rule of a configured path, or a file, that holds no document
SILENT: Final = frozenset({IGNORED, NO_DOCUMENT})  # the rules of sources that may have lost what they held

KEEP: Final = ".keep"  # a file of this name says that a folder is meant to be empty

# Hidden folders of tools. Ours holds backups, which are manifests and not meant to be read; the others are large.
MACHINERY: Final = frozenset(
    (".reconciler", ".git", ".hg", ".svn", ".jj", ".venv", ".tox", ".nox", ".cache", ".terraform", ".idea", ".vscode",
     ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".ipynb_checkpoints", ".direnv")
)  # fmt: skip
_INSIDE: Final = late_pattern(
    r"(.+)\.(?:ya?ml|json)(?![a-z0-9])", re.IGNORECASE
)  # `a.yaml~`, `a.yaml.j2`, `a.yaml copy`
_NO_DOT: Final = late_pattern(r"([^.]+?)[^a-z0-9.]?(?:ya?ml|json)", re.IGNORECASE)  # `ayaml`, `a_yaml`
_OTHERS: Final = frozenset({"jsonl", "bson", "yarn"})  # formats of their own, one letter away from ours
_KIND: Final = late_pattern(  # bounded: hidden files are a stranger's, too
    r"""(?:^|[{,])[ \t-]{0,80}["']?kind["']?[ \t]{0,80}:\s{0,80}["']?(?:Model\b|Template\b|[\w-]{1,80}/\w)""",
    re.MULTILINE,
)

_KEY: Final = late_pattern(
    r"""(?:^|[{,\s])["']?key["']?[ \t]{0,80}:\s{0,80}(?:"([^"\n]{0,1000})"|'([^'\n]{0,1000})'|([^\s"'][^\n]{0,1000}))"""
)


def meant(name: str) -> tuple[str, ...]:
    """The names of manifests that a file of another name was probably meant to have.

    None where it is something else.
    """
    if is_manifest(name):
        return ()
    if name.startswith(".#"):  # the lock of an editor, a link that leads nowhere
        return ()
    stem = _hidden_stem(name) or _stem(name.lstrip("."))
    return tuple(stem + suffix for suffix in SUFFIXES) if stem else ()


def _hidden_stem(name: str) -> str:
    if not name.startswith(".") or not name.lower().endswith(SUFFIXES):
        return ""
    return name.lstrip(".").rpartition(".")[0] or "manifest"  # of `.yaml`, any


def _stem(name: str) -> str:
    inside, no_dot = _INSIDE.match(name), _NO_DOT.fullmatch(name)
    if inside is not None:
        return inside[1]
    if no_dot is not None:
        return no_dot[1]
    stem, _, ending = name.rpartition(".")
    return stem if _is_slip(ending.lower()) else ""


def is_unlike_manifest(path: str, label: str) -> bool:
    """True for a hidden file that evidently is another tool's: it can be read, holds something, and names no kind of ours."""
    text = document.read_text(path, label)
    return not isinstance(text, Problem) and bool(text.strip()) and _KIND.search(text) is None


def keys_in(text: str) -> frozenset[str]:
    """Every key that a text names, if it plainly holds manifests of ours; whether it can be read as YAML or not.

    Rather too many than too few: where a plain key ends depends on what it stands in.
    """
    if not _KIND.search(text):
        return frozenset()
    found = [(quoted or single, plain) for quoted, single, plain in _KEY.findall(text)]
    ends = (re.split(end, plain)[0] for _, plain in found for end in (r"\s+#", r"[,}\s]"))
    return frozenset({*(quoted for quoted, _ in found), *(key.strip() for key in ends)} - {""})


HIDDEN: Final = "this file is not read: its name begins with a dot"
ENDING: Final = f"this file is not read: its name does not end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"


def ignored(label: str, what: str, way_out: str = "") -> Problem:
    """The warning of something that may hold manifests and is not read."""
    suggestion = way_out or "rename it so that it is read, or move it out of the folders of manifests"
    return Problem(label, 1, 1, IGNORED, what, severity="warning", suggestion=suggestion)


def empty(label: str, what: str, way_out: str) -> Problem:
    """The warning of a source that holds no document."""
    return Problem(label, 1, 1, NO_DOCUMENT, what, severity="warning", suggestion=way_out)


def empty_folder(label: str) -> Problem:
    """The warning of a folder that no manifest was found in."""
    way_out = f"bring its files back; if it is meant to be empty, add a file {KEEP} to it"
    return empty(label, "there is no manifest in this folder", way_out)


def excluded_source(label: str) -> Problem:
    """The warning of a configured path of which `exclude` leaves nothing."""
    way_out = "take the path out of `manifests`, or make the glob narrower"
    return empty(label, "`exclude` leaves no manifest here", way_out)


def _is_slip(ending: str) -> bool:
    """True for an ending that is one slip of the fingers away from ours."""
    if ending in _OTHERS:
        return False
    # of `yml` no letter may be another: `xml`, `uml` and `eml` are formats of their own
    return any(_one_slip(ending, known, other_letters=known != "yml") for known in ("yaml", "yml", "json"))


def _one_slip(text: str, known: str, *, other_letters: bool) -> bool:
    """One letter too many, too few, or another, or two of them swapped."""
    if text == known or abs(len(text) - len(known)) > 1:
        return False
    if len(text) == len(known):
        differ = [index for index, (one, two) in enumerate(zip(text, known, strict=True)) if one != two]
        swapped = len(differ) == 2 and differ[1] == differ[0] + 1 and sorted(text) == sorted(known)
        return swapped or (other_letters and len(differ) == 1)
    longer, shorter = sorted((text, known), key=len, reverse=True)
    return any(longer[:index] + longer[index + 1 :] == shorter for index in range(len(longer)))
