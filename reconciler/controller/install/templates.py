"""Objects whose values are expressions, to the text of a Helm template.

Every expression is written as JSON, so that no value can become YAML of another shape.
"""

from __future__ import annotations

import re
from typing import Any, Final

from reconciler.core.document.dump import dump_yaml

# Marks within strings, which `dump_yaml` writes plain.
_ONE: Final = re.compile(r"ONE<(.*?)>ENO(\S*)")
_EACH: Final = re.compile(r"^( *)- EACH<(.*?)>AS<(.*?)>HCAE$", re.MULTILINE)
_ANY: Final = re.compile(r"^( *)(\S+): ANY<(.*?)>YNA$", re.MULTILINE)


def one(expression: str) -> str:
    """The value of an expression. In a string, text without spaces may follow it."""
    return f"ONE<{expression}>ENO"


def each(expression: str, item: str = ".") -> str:
    """In a list: an item for each of those of an expression; `item` is an expression in which `.` is that one."""
    return f"EACH<{expression}>AS<{item}>HCAE"


def any_of(expression: str) -> str:
    """In a map: the value of an expression, or no such member where it is empty."""
    return f"ANY<{expression}>YNA"


def only_if(condition: str, text: str) -> str:
    """A template that makes nothing unless a condition holds."""
    return f"{{{{- if {condition} }}}}\n{text}{{{{- end }}}}\n"


def template(*objects: Any) -> str:
    """The text of a template that makes these objects."""
    text = "---\n".join(dump_yaml(made) for made in objects)
    text = _EACH.sub(r"\1{{- range \2 }}\n\1- {{ toJson (\3) }}\n\1{{- end }}", text)
    text = _ANY.sub(r"\1{{- with \3 }}\n\1\2: {{ toJson . }}\n\1{{- end }}", text)
    return _ONE.sub(lambda found: _one(found[1], found[2]), text)


def _one(expression: str, behind: str) -> str:
    if behind:
        expression = f'printf "%s%s" ({expression}) "{behind}"'
    return f"{{{{ toJson ({expression}) }}}}"
