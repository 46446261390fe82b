"""Regular expressions that are compiled when they are first asked: starting a short command is most of what it costs."""

from __future__ import annotations

import re
from typing import Any, Final, cast

_METHODS: Final = ("search", "match", "fullmatch", "findall", "finditer", "sub", "subn", "split")


class _Late:
    """Stands for a pattern until one of its members is asked for; from then on has the compiled pattern's own methods."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._source = (pattern, flags)

    def __getattr__(self, name: str) -> Any:
        compiled = re.compile(*self._source)
        self.__dict__.update({method: getattr(compiled, method) for method in _METHODS})
        return getattr(compiled, name)


def late_pattern(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """A regular expression for what few commands meet. Its methods are those of a compiled pattern, which it is in all but its type."""
    return cast("re.Pattern[str]", _Late(pattern, flags))
