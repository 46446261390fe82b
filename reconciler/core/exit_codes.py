"""The exit codes of the command line, the same for every command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

EXIT_CODES: Final[Mapping[int, str]] = {
    0: "done, or nothing to do",
    1: "bad input, or a registry could not be read; nothing was written",
    2: "changes are pending (plan --detailed-exitcode, drift)",
    3: "a bug in reconciler",
    4: "refused, or only conflicts and blocked changes are left",
    5: "applied in part",
    64: "wrong usage",
    130: "interrupted",
}
PRECEDENCE: Final = (130, 3, 64, 1, 5, 4, 2, 0)  # the first that applies is the one
