"""A server that speaks OpenAI's and Anthropic's forms, as a process of its own: `python server.py` prints its port, and serves until stdin ends.

What a model does beyond answering is in its name, words joined by '+': `refuses-n`, `ignores-n`, `ignores-max_tokens`, `slow`, `busy`, `unstreamed`,
`unended`, `error-inside`, `error-in-stream`. `GET /seen` tells what arrived, `/picky/…` answers a GET with 401.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

KEY: Final = "sk-9f2c71e04b8a4d6aa3d55f0b7c1e"
ANSWER: Final = ("Hello", " there", ".")
SEEN: Final[web.AppKey[list[dict[str, Any]]]] = web.AppKey("seen", list)
WORKING: Final[web.AppKey[dict[str, int]]] = web.AppKey("working", dict)


def said(body: Mapping[str, Any]) -> tuple[str, int, str]:
    """The text, the number of its tokens, and why it ends there."""
    most = body.get("max_completion_tokens") or body.get("max_tokens")
    counted = "Count" in json.dumps(body)
    tokens = 100 if counted else len(ANSWER)
    if most is not None and "ignores-max_tokens" not in words(body):
        return ("1 2 3" if counted else "".join(ANSWER)), min(tokens, most), "length" if tokens > most else "stop"
    return ("1 2 3" if counted else "".join(ANSWER)), tokens, "stop"


def words(body: Mapping[str, Any]) -> list[str]:
    return str(body.get("model", "")).split("+")


def error(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message, "type": "invalid_request_error"}}, status=status)


@web.middleware
async def gate(request: web.Request, handler: Any) -> web.StreamResponse:
    """Notes what arrived, and lets nobody in without the key."""
    if request.path == "/seen":
        return web.json_response({"seen": request.app[SEEN], **request.app[WORKING]})
    raw = await request.text()
    body = json.loads(raw) if raw else None
    request["body"] = body
    request.app[SEEN].append(
        {
            "method": request.method,
            "path": request.path_qs,
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "body": body,
        }
    )
    if KEY not in (request.headers.get("Authorization", "").removeprefix("Bearer "), request.headers.get("x-api-key")):
        return error(401, f"no such key: {request.headers.get('Authorization')} {request.headers.get('x-api-key')}")
    working = request.app[WORKING]
    working["now"] += 1
    working["most"] = max(working["most"], working["now"])
    try:
        return await handler(request)
    finally:
        working["now"] -= 1


def refused(body: Mapping[str, Any]) -> web.Response | None:
    for word in words(body):
        name = word.removeprefix("refuses-")
        if word != name and name in body:
            return error(400, f"unsupported parameter: {name}")
    if "busy" in words(body) and "Count" in json.dumps(body):
        return web.json_response({"error": {"message": "too many"}}, status=429, headers={"Retry-After": "30"})
    if "error-inside" in words(body):
        return error(200, "the model is out of order")
    return None


async def openai(request: web.Request, name: str) -> web.StreamResponse:
    body = request["body"]
    if (response := refused(body)) is not None:
        return response
    if "slow" in words(body):
        await asyncio.sleep(30 if "very" in words(body) else 0.3)
    if body.get("stream") and "unstreamed" not in words(body):
        return await streamed(request, body, name)
    text, tokens, reason = said(body)
    count = 1 if "ignores-n" in words(body) else body.get("n", 1)
    answer = {"message": {"role": "assistant", "content": text}} if name == "chat" else {"text": text}
    choices = [{"index": place, **answer, "finish_reason": reason} for place in range(count)]
    usage = {"prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": 9 + tokens}
    return web.json_response({"object": "chat.completion", "choices": choices, "usage": usage})


async def streamed(request: web.Request, body: Mapping[str, Any], name: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
    await response.prepare(request)
    await response.write(b": this keeps the connection open\n\n")
    if "error-in-stream" in words(body):
        await response.write(b'data: {"error": {"message": "overloaded"}}\n\n')
        return response
    for piece in ("", *ANSWER):
        answer = {"delta": {"content": piece}} if name == "chat" else {"text": piece}
        await response.write(f"data: {json.dumps({'choices': [{'index': 0, **answer}]})}\r\n\r\n".encode())
    if "unended" not in words(body):
        await response.write(b"data: [DONE]\n\n")
    return response


async def chat(request: web.Request) -> web.StreamResponse:
    return await openai(request, "chat")


async def completion(request: web.Request) -> web.StreamResponse:
    return await openai(request, "completion")


async def embeddings(request: web.Request) -> web.Response:
    given = request["body"]["input"]
    texts = given if isinstance(given, list) else [given]
    return web.json_response(
        {"data": [{"index": place, "embedding": [0.5, -1, 0.25]} for place, _ in enumerate(texts)]}
    )


async def rerank(request: web.Request) -> web.Response:
    documents = request["body"]["documents"]
    return web.json_response(
        {"results": [{"index": place, "relevance_score": 0.5} for place, _ in enumerate(documents)]}
    )


async def messages(request: web.Request) -> web.StreamResponse:
    body = request["body"]
    if "max_tokens" not in body or "anthropic-version" not in request.headers:
        return web.json_response({"type": "error", "error": {"message": "max_tokens: field required"}}, status=400)
    if (response := refused(body)) is not None:
        return response
    if body.get("stream"):
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        events: list[dict[str, Any]] = [{"type": "message_start"}]
        events += [{"type": "content_block_delta", "delta": {"type": "text_delta", "text": piece}} for piece in ANSWER]
        for event in (*events, {"type": "message_stop"}):
            await stream.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        return stream
    text, tokens, reason = said(body)
    usage = {"input_tokens": 9, "output_tokens": tokens}
    return web.json_response(
        {"type": "message", "content": [{"type": "text", "text": text}], "stop_reason": reason, "usage": usage}
    )


async def own(request: web.Request) -> web.Response:
    """A form of its own: `{"ask": …}` is answered with `answer=…` as text."""
    body = request["body"]
    if "ask" not in body:
        return web.Response(status=422, text="ask what?")
    return web.Response(text=f"answer={body['ask'].upper()}&model={body.get('m', '')}")


async def models(request: web.Request) -> web.Response:
    return web.json_response({"object": "list", "data": []})


async def seen(request: web.Request) -> web.Response:
    raise web.HTTPNotFound


async def main() -> None:
    app = web.Application(middlewares=[gate])
    app[SEEN], app[WORKING] = [], {"now": 0, "most": 0}
    app.router.add_get("/v1/models", models)
    app.router.add_get("/seen", seen)
    for path, handler in {
        "/v1/chat/completions": chat,
        "/v1/completions": completion,
        "/v1/embeddings": embeddings,
        "/v1/rerank": rerank,
        "/v1/messages": messages,
        "/own/": own,
    }.items():
        app.router.add_post(path, handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
