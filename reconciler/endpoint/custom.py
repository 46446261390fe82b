"""A format of one's own, step by step: a template makes the request, the endpoint answers, a template makes the answer."""

from __future__ import annotations

import json
from typing import Any, Final

from reconciler.endpoint.asking import parsed, text_of
from reconciler.endpoint.connecting import Place
from reconciler.endpoint.dialects import DIALECTS, GREETING
from reconciler.endpoint.steps import Steps
from reconciler.endpoint.templates import rendered
from reconciler.endpoint.values import Adapter, FailedError, Subject
from reconciler.registry.http import Client, RawResponse

STANDARD: Final = DIALECTS["openai", "chat_completion"]  # the form on our side of the templates


def standard_input(subject: Subject, given: Any) -> dict[str, Any]:
    """Build the `input` of the template: a greeting, or what was given, with the manifest's parameters beside it."""
    text = given if isinstance(given, str) else GREETING
    own = given if isinstance(given, dict) else {}
    asked = STANDARD.ask(text) if not own else {}
    return {**asked, **subject.parameters, **own}


class Custom:
    """The steps of one model."""

    def __init__(self, client: Client, place: Place, subject: Subject, steps: Steps) -> None:
        self._client, self._place, self._subject, self._steps = client, place, subject, steps
        self._info = {"model_key": subject.endpoint.model or ""}

    async def run(self, given: Any) -> None:
        """All steps. Raises StoppedError at the first that fails."""
        steps, adapter = self._steps, self._subject.adapter
        sent = json.dumps(given, ensure_ascii=False)
        if adapter is not None:
            standard = standard_input(self._subject, given)
            sent = await steps.run("transform-input", lambda: self._before(adapter, standard))
        answer = await steps.run("inference", lambda: self._infer(sent))
        steps.figures["latency_ms"] = round(steps.seconds("inference") * 1000, 1)
        text = text_of(answer)
        if adapter is not None:
            text = await steps.run("transform-output", lambda: self._after(adapter, answer.status, text))
        steps.output = parsed(text)

    async def _before(self, adapter: Adapter, given: dict[str, Any]) -> tuple[str, str]:
        return await self._told("transform-input", adapter.before, {"input": given, "model_info": self._info})

    async def _after(self, adapter: Adapter, status: int, body: str) -> tuple[str, str]:
        variables = {"body": body, "status_code": status, "model_info": self._info}
        return await self._told("transform-output", adapter.after, variables)

    async def _told(self, name: str, source: str, variables: dict[str, Any]) -> tuple[str, str]:
        self._steps.keep(name, "", template=source)  # what fails is shown, too
        text = await rendered(source, variables)
        self._steps.keep(name, text, template=source)
        if not text.strip():
            raise FailedError("the template makes nothing")
        return text, text if _is_json(text) else f"no JSON: {text}"

    async def _infer(self, sent: str) -> tuple[RawResponse, str]:
        content = sent.encode("utf-8", "replace")
        answer = await self._client.exchange("POST", "", query=self._place.query, content=content, repeatable=True)
        text = text_of(answer)
        self._steps.keep("inference", text, status=answer.status)
        return answer, f"{answer.status}: {text}"


def _is_json(text: str) -> bool:
    return text.lstrip()[:1] == '"' or not isinstance(parsed(text), str)
