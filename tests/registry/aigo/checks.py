"""The operations that try a model out. They write nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping

from registry.aigo.calls import Call, RefusedError, Reply
from registry.aigo.rules import Inference, Input
from registry.aigo.state import NO_ADAPTER, Row, now
from registry.aigo.templates import render


def check_connection(call: Call) -> Reply:
    _model(call)
    return Reply(200, _found(call))


def check_status(call: Call) -> Reply:
    _model(call)
    if call.behaviour.pending > 0:
        call.behaviour.pending -= 1
        return Reply(202, {"status": "PENDING", "message": "The check is under way."})
    return Reply(200, _found(call) | {"checked_at": now()})


def transform_input(call: Call) -> Reply:
    model, text = _model(call), call.checked(Input)["input"]
    source = _adapter(call, model)["process_input"]["source_code"]
    try:
        given = json.loads(text)
        return Reply(200, {"input": render(source, input=given, model_info=_info(model))})
    except ValueError as error:
        raise RefusedError(422, str(error)) from error


def run_inference(call: Call) -> Reply:
    model, text = _model(call), call.checked(Input)["input"]
    if not call.behaviour.connects:
        raise RefusedError(400, "The endpoint cannot be reached.")
    answer = {
        "output": _answer(model, text) if call.behaviour.inference_output is None else call.behaviour.inference_output,
        "status_code": call.behaviour.inference_status,
        "response_headers": {"content-type": "application/json"},
        "request_headers": {"content-type": "application/json"},
    }
    return Reply(200, call.behaviour.dress(answer))


def transform_output(call: Call) -> Reply:
    model, answer = _model(call), call.checked(Inference)
    source = _adapter(call, model)["process_output"]["source_code"]
    variables = {"body": answer["output"], "status_code": answer["status_code"], "model_info": _info(model)}
    try:
        return Reply(200, {"output": render(source, **variables)})
    except ValueError as error:
        raise RefusedError(422, str(error)) from error


def _model(call: Call) -> Row:
    row = call.state.model(call.item)
    if row is None:
        raise RefusedError(404, f"There is no model {call.item}.")
    return row


def _adapter(call: Call, model: Row) -> Row:
    if model["adapter_id"] == NO_ADAPTER:
        return call.state.built_in[0]
    row = call.state.adapter(model["adapter_id"])
    if row is None:
        raise RefusedError(404, f"There is no model adapter {model['adapter_id']}.")
    return row


def _info(model: Row) -> Mapping[str, str]:
    return {"model_key": model["config"].get("model_key", "")}


def _found(call: Call) -> Row:
    works = call.behaviour.connects
    return {"success": works, "message": "The endpoint answers." if works else "The endpoint cannot be reached."}


def _answer(model: Row, text: str) -> str:
    """A chat completion that says how long its question was, so that a test can tell two answers apart."""
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": now(),
            "model": model["config"].get("model_key", model["key"]),
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": f"I was sent {len(text)} characters."},
                }
            ],
            "usage": {"prompt_tokens": 1, "completion_tokens": 5, "total_tokens": 6},
        }
    )
