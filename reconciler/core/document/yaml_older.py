"""Values of plain scalars in YAML 1.1, as PyYAML and most tools read them: `no` is false, `0777` is 511."""

from __future__ import annotations

import math
from typing import Any, Final

import yaml

from reconciler.core.document.yaml_scalars import BOOL, FLOAT, INT, NULL, NotJsonError, plain

_ELEVEN: Final = yaml.SafeLoader("")  # knows what plain scalars mean to PyYAML; reads nothing


def meaning(text: str) -> Any:
    """A plain scalar as PyYAML's safe loader reads it; dates, and what it refuses, as text."""
    tag = _ELEVEN.resolve(  # type: ignore[no-untyped-call]
        yaml.ScalarNode, text, (True, False)
    )
    if tag not in (BOOL, INT, FLOAT, NULL):
        return text
    try:
        value = _ELEVEN.yaml_constructors[tag](_ELEVEN, yaml.ScalarNode(tag, text))
    except ValueError:  # 0b_, or more digits than Python takes
        return text
    return text if isinstance(value, float) and not math.isfinite(value) else value


def is_alike(text: str, value: Any) -> bool:
    """True where a plain scalar means this to YAML 1.2 as well, and says so: null may be no text at all."""
    try:
        same = plain(text)
    except NotJsonError:
        return False
    return bool(text) and type(same) is type(value) and same == value
