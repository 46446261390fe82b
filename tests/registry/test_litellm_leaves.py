"""What a write to LiteLLM Proxy leaves alone, and what is refused before anybody is asked: the proxy's price list, its masks, its limits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from registry.litellm.server import LiteLLMServer
from registry.litellm.wire import Wire
from world import Document, World, actions, paths, statuses

from reconciler.manifest.declarable import Declared, Undeclarable
from reconciler.registry.litellm.info import Listed
from reconciler.registry.litellm.masks import CREDENTIAL_WORDS, is_masked_value
from reconciler.testing.stored import declared, stored

PRICED = "openai/gpt-4o"  # the proxy's price list knows all of it


def model(info: Document | None = None, **params: Any) -> Document:
    found = {"kind": "litellm/Model", "key": "m", "litellm_params": {"model": PRICED, **params}}
    return found if info is None else found | {"model_info": info}


def credential(**values: Any) -> Document:
    return {"kind": "litellm/Credential", "key": "c", "credential_values": values}


@pytest_asyncio.fixture
async def world(litellm: LiteLLMServer, tmp_path: Path) -> AsyncIterator[World]:
    async with at(litellm.url, litellm.token, tmp_path) as world:
        yield world


@pytest_asyncio.fixture
async def nobody(tmp_path: Path) -> AsyncIterator[World]:
    """A registry that is never asked."""
    async with at("http://127.0.0.1:9", "t", tmp_path) as world:
        yield world


def at(url: str, token: str, folder: Path) -> Any:
    (folder / "token").write_text(token, "utf-8")
    return World.of(root=folder, litellm={"driver": "litellm", "url": url, "token": "${file:token}"})


async def converges(world: World, *documents: Document, **how: Any) -> None:
    report = await world.apply(*documents, **how)
    assert set(statuses(report).values()) <= {"ok"}, report.outcomes
    assert actions(await world.plan(*documents)) == {}


# --- the price list -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, {"base_model": "gpt-4o"}, ["/model_info/base_model"]),
        ({"description": "ours"}, None, ["/model_info/description"]),
        ({"max_tokens": 10}, {"max_input_tokens": 1000}, ["/model_info/max_input_tokens"]),
        (None, {"labels": {"team": "cx"}, "base_model": "gpt-4o"}, ["/model_info/base_model", "/model_info/labels"]),
    ],
)
async def test_what_the_price_list_says_is_left_to_it(
    world: World, litellm: LiteLLMServer, before: Document | None, after: Document | None, told: list[str]
) -> None:
    """Whichever map comes or goes: of `model_info` only what the plan shows is written."""
    await converges(world, model(before))
    plan = await world.plan(model(after))
    assert paths(plan, "m") == told
    report = await world.carry_out(plan)
    assert set(statuses(report).values()) == {"ok"}
    assert actions(await world.plan(model(after))) == {}
    row = litellm.database.run("""select model_info from "LiteLLM_ProxyModelTable" where model_id = 'm'""")
    listed = {name for name in Listed.model_fields if f'"{name}"' in str(row)} - {"key"}  # which our mark has, too
    assert listed <= {*(before or {}), *(after or {})}


@pytest.mark.parametrize("name", ["max_tokens", "mode", "supports_vision"])
async def test_null_leaves_a_member_to_the_price_list(world: World, name: str) -> None:
    """From the beginning, and of one that had a value of its own: that one must be replaced, once."""
    value = {"max_tokens": 10, "mode": "embedding", "supports_vision": False}[name]
    nothing, something = model({name: None}), model({name: value})
    await converges(world, nothing)
    await converges(world, something)
    assert [one.action for one in (await world.plan(nothing)).changes] == ["blocked"]
    await converges(world, nothing, allow_replaces=1)


async def test_a_model_whose_price_list_part_an_earlier_version_emptied_can_be_read_and_deleted(
    world: World, litellm_wire: Wire
) -> None:
    """Empty text where a number belongs is as good as nothing."""
    await converges(world, model())
    emptied = {"mode": "", "max_tokens": "", "supports_vision": False}
    litellm_wire.patch("m", model_info={"id": "m", **emptied}).raise_for_status()
    assert "m" in {one.address.key for one in await stored(world)}
    await converges(world, {"kind": "litellm/Model", "key": "m", "state": "absent"})


# --- masks --------------------------------------------------------------------------------------------------------


async def test_the_proxy_masks_by_the_words_that_we_know(world: World, litellm_wire: Wire) -> None:
    """The rule is the proxy's own: asked of names of every kind."""
    names = [*CREDENTIAL_WORDS, *(f"x{word}y" for word in CREDENTIAL_WORDS), "api_KEY", "tokenizer", "max_tokens", "auth",
             "private_pem", "session_cookie", "client_certificate", "credential", "access", "fingerprint", "api_base"]  # fmt: skip
    litellm_wire.create_credential("c", **dict.fromkeys(names, "clear-text-of-it")).raise_for_status()
    shown = litellm_wire.credentials()["c"]["credential_values"]
    assert {name for name in names if shown[name] != "clear-text-of-it"} == set(filter(is_masked_value, names))


@pytest.mark.parametrize("name", ["private_pem", "session_cookie", "client_certificate", "auth", "access"])
async def test_a_secret_that_the_proxy_would_show_is_refused(nobody: World, name: str) -> None:
    """`litellm_params` would mask it; credentials do not."""
    with pytest.raises(AssertionError, match="would show the secret in"):
        nobody.desired(credential(**{name: "${env:KEY}"}))


async def test_a_value_that_is_no_secret_and_is_masked_all_the_same_converges(world: World) -> None:
    """Because of a word in its name; also inside a map."""
    values = {"max_tokens": "5", "tokenizer": "cl100k-base", "keys": {"token_kind": "b", "plain": "c"}}
    await converges(world, credential(**values))
    await converges(world, credential(**values | {"max_tokens": "6"}))


async def test_a_mask_is_never_written_down(world: World, litellm_wire: Wire) -> None:
    """Of somebody else's credential, whose values nobody here knows."""
    values = {"max_tokens": "five-hundred", "keys": {"token": "long-enough"}, "api_base": "http://h/v1"}
    litellm_wire.create_credential("theirs", **values).raise_for_status()
    litellm_wire.create_credential("shown", auth="in-the-clear").raise_for_status()
    found = {one.resource.address.key: one for one in declared(await world.remote(), world)}
    assert isinstance(found["theirs"], Declared)
    assert isinstance(found["shown"], Undeclarable)  # no manifest may hold a secret there
    assert "****" not in str(found)
    assert "in-the-clear" not in str(found)


# --- what is refused before anything is written -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (credential(), "at least one value"),
        (credential(api_key=None), "at least one value"),
        (model(mock_response={"a": 1}), "cannot be a map"),
        (model(organization=["a", "b"]), "organization"),
        (model(opt=10**29), "more than 64 bits"),
        (model(opt=[{"deep": -(2**63) - 1}]), "more than 64 bits"),
        (model({"labels": {"n": 2**64}}), "more than 64 bits"),
        (credential(api_base="http://h", n=2**64), "more than 64 bits"),
        (credential(api_base="http://h") | {"credential_info": {"n": 2**64}}, "more than 64 bits"),
    ],
)
async def test_what_the_proxy_cannot_hold_is_refused_offline(nobody: World, document: Document, why: str) -> None:
    """The message says what is wrong."""
    with pytest.raises(AssertionError, match=why):
        nobody.desired(document)


async def test_the_largest_integers_that_are_taken_are_kept(world: World) -> None:
    """To the last digit."""
    await converges(world, model({"labels": {"n": 2**64 - 1}}, opt=2**64 - 1, low=-(2**63)))


async def test_an_empty_credential_info_is_as_good_as_none(world: World) -> None:
    """Created, updated, filled and emptied."""
    await converges(world, credential(api_base="http://h/v1") | {"credential_info": {}})
    await converges(world, credential(api_base="http://i/v1") | {"credential_info": {"description": ""}})
    await converges(world, credential(api_base="http://i/v1") | {"credential_info": {"description": "Ours."}})
    await converges(world, credential(api_base="http://i/v1") | {"credential_info": {}})
    await converges(world, credential(api_base="http://i/v1"))


async def test_what_stood_beside_a_model_that_is_no_longer_protected_can_be_pruned(world: World) -> None:
    """One edit takes the protection and the key away."""
    endpoint = {"url": "http://127.0.0.1:9/v1", "model": "m"}
    guarded = {"kind": "Model", "key": "chat", "endpoint": endpoint | {"api_key": "${env:KEY}"}, "protected": True}
    free = {"kind": "Model", "key": "chat", "endpoint": endpoint, "protected": False}
    await converges(world, guarded)
    for _ in range(2):
        await world.apply(free, allow_replaces=1)
    await converges(world, free, prune=True)
    assert {one.address.key for one in await stored(world) if not one.read_only} == {"chat"}
