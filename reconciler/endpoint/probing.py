"""Which parameters an endpoint takes: each sent on trial, one after another. What it does not take is told, and is no failure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from reconciler.core.errors import RegistryError
from reconciler.endpoint.connecting import Place
from reconciler.endpoint.dialects import LENGTHY, Dialect, Probe
from reconciler.registry.http import Client, RawResponse, parse

_REFUSALS: Final = (400, 422)
_BUSY: Final = (429, 503)


async def probed(client: Client, place: Place, dialect: Dialect, base: Mapping[str, Any]) -> dict[str, str]:
    """By parameter: `accepted`, `ignored`, `refused`, or `unknown` where no answer tells. `base` names the model."""
    found = dict.fromkeys((probe.parameter for probe in dialect.probes), "unknown")
    body = {**base, **dialect.ask(LENGTHY), **dialect.needed}
    for probe in dialect.probes:
        name = dialect.parameters[probe.parameter]
        content = json.dumps({**body, name: probe.value}).encode("ascii")
        try:
            answer = await client.exchange(
                "POST", dialect.path, query=place.query, content=content, expected=range(200, 600)
            )
        except RegistryError:
            break  # who does not answer once is not asked again
        if answer.status in _BUSY:
            break
        found[probe.parameter] = _verdict(answer, probe)
        if probe.parameter == "max_completion_tokens" and found[probe.parameter] == "accepted":
            body[name] = probe.value  # the further answers are paid for, too
    return found


def _verdict(answer: RawResponse, probe: Probe) -> str:
    if answer.status in _REFUSALS:
        return "refused"
    if not 200 <= answer.status < 300:
        return "unknown"
    try:
        data = parse(answer.body)
    except (ValueError, RecursionError):
        return "unknown"
    if not isinstance(data, dict):
        return "unknown"
    return "refused" if data.get("error") else probe.judge(data)
