"""A long-lived engine: for each line that it reads it loads the project, plans and applies, and answers with a line of JSON.

Its registries stay open from its first line to its last, as those of a controller do.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from reconciler.core.errors import ReconcilerError
from reconciler.planner.plan import Consents
from reconciler.project import api

CONSENTS = Consents(prune=True, allow_deletes=99, allow_replaces=99)


async def main(root: Path) -> None:
    async with api.connect(api.load(cwd=root)) as opened:
        print(json.dumps({"ready": True}), flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await applied(root, opened)), flush=True)


async def applied(root: Path, opened: api.OpenRegistries) -> dict[str, int]:
    """What one run came to: how many changes ended in which way, or why there were none."""
    try:
        registries = api.OpenRegistries(api.load(cwd=root), opened.opened)
        plan = await api.plan_project(registries, CONSENTS)
        report = await api.apply(plan, registries)
    except ReconcilerError as error:
        return {f"refused: {error.code}": 1}
    statuses = [outcome.status for outcome in report.outcomes]
    return {status: statuses.count(status) for status in sorted(set(statuses))}


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
