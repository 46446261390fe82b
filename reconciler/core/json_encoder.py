"""JSON encoders in C that are made once: `json.dumps` with options makes one for each value, which costs more than writing it."""

from __future__ import annotations

import json
import json.encoder
from collections.abc import Callable
from typing import Any


def json_encoder(*, sort_keys: bool, ensure_ascii: bool, allow_nan: bool) -> Callable[[Any], str]:
    """A function that writes plain JSON data without spaces, as `json.dumps` does. Where Python has no such encoder in C, that.

    It raises TypeError for what is no JSON, ValueError for NaN where that is not allowed, RecursionError for a circle.
    """
    plain = json.JSONEncoder(sort_keys=sort_keys, ensure_ascii=ensure_ascii, allow_nan=allow_nan, separators=(",", ":"))
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return plain.encode
    quote = json.encoder.encode_basestring_ascii if ensure_ascii else json.encoder.encode_basestring
    pieces = make(
        markers=None,
        default=plain.default,
        encoder=quote,
        indent=None,
        key_separator=":",
        item_separator=",",
        sort_keys=sort_keys,
        skipkeys=False,
        allow_nan=allow_nan,
    )
    return lambda value: "".join(pieces(value, 0))
