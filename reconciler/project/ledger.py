"""The ledger of applied plans: one file for each, made before the first write, so that no plan is applied twice.

It is for registries that keep no such record themselves, and reaches as far as the project's folder does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reconciler.core.errors import RefusedError
from reconciler.planner.plan import Issue
from reconciler.project.files import make_folder, replace_file, write_new
from reconciler.registry.capabilities import PlanRecord


@dataclass(frozen=True, slots=True)
class PlanLedger:
    """The records in one folder (`.reconciler/plans`)."""

    folder: Path

    def find(self, issued: Issue) -> PlanRecord | None:
        """The record of a plan that was begun before, or None. Raises RefusedError where the ledger cannot be read."""
        try:
            text = self._path(issued).read_text("utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise self._refused("read", error) from error
        return _record(text)

    def begin(self, issued: Issue, fingerprint: str, actor: str) -> PlanRecord | None:
        """Record that a plan begins, or give the record that is there already.

        Raises RefusedError where it cannot be written.
        """
        begun = {"begun": _now(), "ended": None, "actor": actor, "fingerprint": fingerprint}
        try:
            make_folder(self.folder)
            write_new(self._path(issued), json.dumps(begun))
        except FileExistsError:
            return self.find(issued)
        except OSError as error:
            raise self._refused("written", error) from error
        return None

    def end(self, issued: Issue) -> None:
        """Record that the plan came to its end. Raises RefusedError."""
        found = self.find(issued)
        if found is None:
            return
        try:
            replace_file(self._path(issued), json.dumps({**found._asdict(), "ended": _now()}))
        except OSError as error:
            raise self._refused("written", error) from error

    def _path(self, issued: Issue) -> Path:
        return self.folder / f"{issued.nonce}.json"

    def _refused(self, what: str, error: Exception) -> RefusedError:
        reason = getattr(error, "strerror", None) or type(error).__name__
        return RefusedError(
            f"the record of applied plans, {self.folder}, cannot be {what} ({reason}), so nothing was written",
            hint="make it readable and writable: without it a plan could be applied twice",
        )


def _record(text: str) -> PlanRecord:
    """A record as far as it was written: that it is there at all says that the plan was begun."""
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    known = data if isinstance(data, dict) else {}
    ended = known.get("ended")
    return PlanRecord(
        str(known.get("begun", "")), ended if isinstance(ended, str) else None, str(known.get("actor", ""))
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
