"""Many at once: connections are bounded, runs that meet converge, and whatever a model says, its second plan is empty."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from registry.aigo.behaviour import Behaviour
from registry.aigo.server import aigo
from registry.latticeflow_contract import connected, held
from registry.latticeflow_samples import ADAPTERS, CERTIFIED, INTEGRATIONS, SECRETS, adapter, native
from world import Document, model, statuses

from reconciler.core.errors import RefusedError


def chats(number: int) -> list[Document]:
    return [
        model(f"chat-{at}", display_name="Chat", endpoint={"url": "https://llm.example.com", "api_key": "${env:KEY}"})
        for at in range(number)
    ]


@pytest.mark.parametrize("bound", [1, 3])
async def test_no_more_connections_than_configured(bound: int) -> None:
    """`concurrency` bounds requests and connections, and connections are used again."""
    with aigo() as server:
        server.behaviour.latency = 0.002
        async with connected(server, concurrency=bound) as world:
            report = await world.apply(*chats(20))
            assert set(statuses(report).values()) == {"ok"}
        assert server.peak <= bound
        assert server.connections <= bound
        assert len(server.requests) > 40


async def test_many_changes_read_the_secrets_few_times() -> None:
    """AI GO! finds a secret only by listing them all: those who look at about the same time look together."""
    with aigo() as server:
        server.behaviour.latency = 0.005
        async with connected(server) as world:
            await world.apply(*chats(40))
        lists = [one for one in server.requests if (one.method, one.path) == ("GET", "/api/secrets")]
        assert len(lists) < 40


async def test_ten_runs_at_once_end_as_one() -> None:
    """Ten pipelines apply the same directory: some are refused, none makes a duplicate, and in the end there is nothing to do."""
    documents = (*chats(5), adapter("mine"), *SECRETS)
    with aigo() as server, aigo() as alone:
        async with connected(alone) as calm:
            await calm.apply(*documents)
        async with connected(server) as one, connected(server) as two:
            runs = [world.apply(*documents) for world in (one, two) for _ in range(5)]
            ended = await asyncio.gather(*runs, return_exceptions=True)
            assert all(not isinstance(end, BaseException) or isinstance(end, RefusedError) for end in ended), ended
            await one.apply(*documents)
            assert (await two.plan(*documents)).changes == ()
        assert held(server) == held(alone)


# --- any model ---------------------------------------------------------------------------------------------------

TEXT: Final = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="$"), max_size=12)
LINE: Final = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E, blacklist_characters="$"), max_size=12)
SECRET: Final = st.sampled_from(["${env:KEY}", {"name": "LLM_KEY"}, {"name": "OTHER-KEY"}])
NAMED: Final = st.sampled_from([{"name": "LLM_KEY"}, {"name": "OTHER-KEY"}])
VALUE: Final = (
    LINE | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | NAMED
)
PLAIN: Final = st.dictionaries(st.sampled_from(["X-A", "x_b", "Plain", "9"]), VALUE, max_size=3)
HIDDEN: Final = st.dictionaries(st.sampled_from(["X-Api-Key", "Authorization"]), SECRET, max_size=2)
ADAPTER: Final = st.sampled_from([{"key": "in-out"}, {"key": "out-in"}, {"key": "latticeflow$identity"}])


def merged(parts: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    return {name: value for part in parts for name, value in part.items()}


def of(connection: str, needed: dict[str, Any], optional: dict[str, Any] | None = None) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({"connection_type": st.just(connection), **needed}, optional=optional or {})


VALIDATION: Final = st.fixed_dictionaries(
    {},
    optional={
        "trusted_ca": NAMED,
        "trust_chain_verification": st.sampled_from(["verify_trust_chain", "accept_untrusted"]),
    },
)
CONFIGS: Final = st.one_of(
    of(
        "custom_connection",
        {"url": TEXT},
        {
            "adapter": ADAPTER,
            "api_key": SECRET,
            "model_key": TEXT,
            "custom_headers": st.tuples(PLAIN, HIDDEN).map(merged),
            "tls_context": st.fixed_dictionaries({}, optional={"validation_context": VALIDATION}),
        },
    ),
    of(
        "custom_inference",
        {
            "run_inference_snippet": TEXT.map(lambda text: "x" + text),
            "environment": PLAIN,
            "timeout": st.floats(1, 1e6),
        },
        {"adapter": ADAPTER},
    ),
    of("provider_connection", {"provider_id": st.sampled_from(["openai", "anthropic"]), "model_key": TEXT}),
    of("langsmith", {"deploy_url": TEXT, "assistant_id": TEXT, "api_key": SECRET}),
    of(
        "azure_foundry",
        {
            "project_endpoint": TEXT,
            "agent_name": TEXT,
            "tenant_id": SECRET,
            "client_id": SECRET,
            "client_secret": SECRET,
        },
    ),
    of(
        "aws_bedrock",
        {"region": TEXT, "harness_arn": TEXT, "access_key_id": SECRET, "secret_access_key": SECRET},
        {"session_token": SECRET},
    ),
    of("claude_managed_agents", {"agent_id": TEXT, "environment_id": TEXT, "vault_id": TEXT, "api_key": SECRET}),
    of("dify", {"url": TEXT, "api_key": SECRET}),
    of("placeholder", {}),
)
MODELS: Final = st.fixed_dictionaries(
    {"display_name": TEXT.map(lambda text: "x" + text), "config": CONFIGS},
    optional={
        "description": TEXT,
        "rate_limit": st.integers(-5, 10**6),
        "max_concurrent_requests": st.integers(1, 10**6),
        "task": st.sampled_from(["chat_completion", "embeddings", "custom"]),
    },
)
BESIDE: Final = (*SECRETS, *ADAPTERS, *INTEGRATIONS)


@pytest.mark.parametrize("raw_keys", ["echo", "mask", "omit"])
@settings(
    max_examples=25, phases=(Phase.explicit, Phase.generate), deadline=None, suppress_health_check=list(HealthCheck)
)
@given(specs=st.lists(MODELS, min_size=4, max_size=4), odd=st.booleans())
def test_whatever_a_model_says_its_second_plan_is_empty(raw_keys: Any, specs: list[dict[str, Any]], odd: bool) -> None:
    """Created as anything, changed to anything else, of another connection even: then there is nothing more to do.

    What the server keeps in a connection and nobody declared has no place in one of another type: `allow_replaces` lets it go.
    """

    async def run() -> None:
        with aigo(Behaviour(raw_keys=raw_keys, fill_nulls=odd, ints_as_floats=odd, unknown_fields=odd)) as server:
            async with connected(server) as world:
                for first, second in ((specs[0], specs[1]), (specs[2], specs[3])):
                    documents = (*BESIDE, native("Model", "one", **first), native("Model", "two", **second))
                    report = await world.apply(*documents, allow_replaces=2)
                    assert set(statuses(report).values()) <= {"ok"}, report.outcomes
                    assert (await world.plan(*documents)).changes == (), documents
                    assert (await world.plan(*documents, prune=True)).changes == ()

    asyncio.run(run())


@pytest.mark.parametrize("raw_keys", ["mask", "omit"])
async def test_a_raw_certificate_that_is_not_given_back_is_told(raw_keys: Any) -> None:
    """A certificate is no secret, and is compared. Where a server hides it, every run says so; a named secret is the way out."""
    with aigo(Behaviour(raw_keys=raw_keys)) as server:
        async with connected(server) as world:
            report = await world.apply(*CERTIFIED.whole)
            assert statuses(report)[f"Model/{CERTIFIED.key}"] == "not_stored"
            assert "/config/tls_context/validation_context" in "".join(one.message for one in report.outcomes)
            named = CERTIFIED.having("/config/tls_context/validation_context/trusted_ca", {"name": "LLM_KEY"})
            assert set(statuses(await world.apply(*named)).values()) == {"ok"}
            assert (await world.plan(*named)).changes == ()
