"""Templates of custom formats, rendered in a process that is bounded in time, memory and what it makes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

from reconciler.core import bounded_process
from reconciler.endpoint.values import FailedError

PATIENCE: Final = 20.0  # seconds, the start of the process on a busy machine among them
_TOO_MUCH: Final = "the template needs too much time or memory"
LARGEST_SOURCE: Final = 256 * 1024  # characters
_PROGRAM: Final = "reconciler.endpoint.sandbox"


async def rendered(source: str, variables: Mapping[str, Any]) -> str:
    """The text that a template makes of plain data. Raises FailedError where it makes none within its bounds."""
    if len(source) > LARGEST_SOURCE:
        raise FailedError(f"the template has more than {LARGEST_SOURCE // 1024} KiB")
    request = json.dumps({"source": source, "variables": variables}).encode("ascii")
    process = await asyncio.create_subprocess_exec(
        *bounded_process.command(_PROGRAM),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=bounded_process.environment(),
    )
    try:
        async with asyncio.timeout(PATIENCE):
            said, _ = await process.communicate(request)
    except TimeoutError as error:
        raise FailedError(_TOO_MUCH) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return _text(said)


def _text(said: bytes) -> str:
    try:
        result = json.loads(said)
    except ValueError as error:  # it was killed
        raise FailedError(_TOO_MUCH) from error
    if "error" in result:
        raise FailedError(f"the template fails: {result['error']}")
    return str(result["text"])
