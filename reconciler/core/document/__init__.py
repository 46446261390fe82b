"""Read and write YAML and JSON: text to plain data with line and column. The only package that knows YAML.

`read_text` and `decode` turn a file or bytes into text, `load` turns text into `Document`s and `Problem`s, `places`
finds line and column of the value at a JSON pointer, `dump_yaml` writes. Bad input never raises: it is a `Problem`.

YAML is 1.2 with its core schema, as editors read it: `no`, `on`, `1:30` and `2026-11-20` are strings, `0777` is 777.
Everything a hostile file can do (a FIFO, a gigabyte, a billion laughs, a million brackets) ends in a `Problem` soon.
"""

from __future__ import annotations

from reconciler.core.document.files import decode, read_bytes, read_text
from reconciler.core.document.json_text import load_json, scan_json
from reconciler.core.document.merges import MARK, with_merges
from reconciler.core.document.places import Places
from reconciler.core.document.values import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_VALUES,
    Document,
    LoadedDocuments,
    Span,
    lf_only,
    lines_of,
)
from reconciler.core.document.yaml_text import PARSER, load_yaml, scan_yaml

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_VALUES",
    "PARSER",
    "Document",
    "LoadedDocuments",
    "Places",
    "Span",
    "decode",
    "lf_only",
    "lines_of",
    "load",
    "places",
    "read_bytes",
    "read_text",
]


def load(text: str, shown: str) -> LoadedDocuments:
    """The documents of one file: JSON where `shown` ends in `.json`, else YAML. Never raises on bad input.

    A document with problems is left out of `documents`, and keeps its index. What follows a
    syntax error is read from the next document on, up to a number of errors; JSON has no next one.
    """
    loaded = load_json(text, shown) if _is_json(shown) else load_yaml(text, shown)
    return with_merges(loaded, text, shown) if MARK in text else loaded


def places(text: str, shown: str) -> Places:
    """The places of all values in `text`. Parses it a second time: only for files that have problems."""
    return Places(scan_json(text) if _is_json(shown) else scan_yaml(text))


def _is_json(shown: str) -> bool:
    return shown[-5:].lower() == ".json"
