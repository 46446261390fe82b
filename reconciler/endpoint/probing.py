"""Capabilities of an endpoint: each parameter tried out, one after another. What it does not take is told, and is no failure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from reconciler.core.errors import RegistryError
from reconciler.endpoint.asking import ask, data_of
from reconciler.endpoint.connecting import Place
from reconciler.endpoint.dialects import BUDGET, GREETING, LENGTHY, SOME_TOKENS, Dialect, Probe
from reconciler.endpoint.values import FailedError, RefusedError
from reconciler.registry.http import Client

ABOUT_THE_REQUEST: Final = (400, 422)  # the statuses with which a request is refused for what it says
_OK: Final = 200
_BUSY: Final = (429, 503)


class _BusyError(Exception):
    """The endpoint does not answer any more, or asks to wait: it is left alone."""


async def probe_parameters(client: Client, place: Place, dialect: Dialect, base: Mapping[str, Any]) -> dict[str, str]:
    """By parameter: `accepted`, `ignored`, `refused`, or `unknown` where no answer tells. `base` names the model."""
    probing = _Probing(client, place, dialect, base)
    found = dict.fromkeys((probe.parameter for probe in dialect.probes), "unknown")
    try:
        for probe in dialect.probes:
            found[probe.parameter] = await probing.verdict(probe)
    except _BusyError:
        pass  # the rest stays unknown
    return found


class _Probing:
    """The question that parameters are sent with, and what is known of it."""

    def __init__(self, client: Client, place: Place, dialect: Dialect, base: Mapping[str, Any]) -> None:
        self._client, self._place, self._dialect = client, place, dialect
        self._base = {**base, **dialect.needed}
        self._body = {**self._base, **dialect.ask(LENGTHY)}
        self._plain: bool | None = None  # whether the question is answered without any parameter; None: not asked yet

    async def verdict(self, probe: Probe) -> str:
        """A refusal counts only where it is for this parameter: its reason names it, or the same question passes without it."""
        name = self._dialect.parameters[probe.parameter]
        status, told = await self._ask({**self._body, name: probe.value})
        if status in ABOUT_THE_REQUEST and not _names(told, name, probe.parameter) and not await self._is_answered():
            self._body = {**self._base, **self._dialect.ask(GREETING)}  # a filter may not like the other one
            self._plain = None
            status, told = await self._ask({**self._body, name: probe.value})
            if status in ABOUT_THE_REQUEST and not await self._is_answered():
                return "unknown"
        value = probe.value
        if status in ABOUT_THE_REQUEST and probe.parameter == BUDGET:
            value = SOME_TOKENS  # it may be too small for this model, and heeded all the same
            status, told = await self._ask({**self._body, name: value})
        if status in ABOUT_THE_REQUEST:
            return "refused"
        if status != _OK:
            return "unknown"
        heeded = probe.heeded(told, value)
        if heeded and probe.parameter == BUDGET:
            self._body[name] = value  # the further answers are paid for, too
        return "accepted" if heeded else "ignored"

    async def _is_answered(self) -> bool:
        if self._plain is None:
            status, _ = await self._ask(self._body)
            self._plain = status == _OK
        return self._plain

    async def _ask(self, body: Mapping[str, Any]) -> tuple[int, Any]:
        """A status, and with it the data of an answer, or the reason of a refusal. Raises _BusyError."""
        try:
            data = data_of(await ask(self._client, self._place, self._dialect.path, body))
        except RefusedError as error:
            if error.status in _BUSY:
                raise _BusyError from error
            return error.status, error.reason
        except FailedError as error:  # an error in an answer of 200 is a refusal as good as any
            return ABOUT_THE_REQUEST[0], str(error)
        except RegistryError as error:
            raise _BusyError from error
        return _OK, data


def _names(reason: object, *names: str) -> bool:
    """Tell whether a reason names a parameter, as a word of its own."""
    words = "|".join(map(re.escape, names))
    return re.search(rf"(?<![A-Za-z0-9_])({words})(?![A-Za-z0-9_])", str(reason)) is not None
