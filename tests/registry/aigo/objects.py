"""The operations on what AI GO! stores: models, adapters, secrets, integrations; and its catalogues."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from registry.aigo.behaviour import MASK, Behaviour
from registry.aigo.calls import Call, RefusedError, Reply, done
from registry.aigo.rules import PROVIDERS, Adapter, Integration, Model, OpenAiIntegration, SecretUpsert
from registry.aigo.state import Row, users

# --- models --------------------------------------------------------------------------------------------------


def list_models(call: Call) -> Reply:
    rows = call.state.view().models
    return Reply(200, {"models": [call.behaviour.model(row) for row in _filtered(rows, call.query)]})


def get_model(call: Call) -> Reply:
    row = call.state.find(call.state.view().models, call.item)
    return Reply(200, call.behaviour.model(_there(row, "model", call.item)))


def create_model(call: Call) -> Reply:
    data = call.checked(Model)
    if data["key"] in call.state.models:
        raise RefusedError(409, f"A model with the key {data['key']} exists already.")
    _check_model(call, data)
    call.state.lag(call.behaviour.lag)
    return Reply(201, call.behaviour.model(call.state.put_model(_kept(data, call.behaviour))))


def replace_model(call: Call) -> Reply:
    data = call.checked(Model)
    was = _there(call.state.model(call.item), "model", call.item)
    _check_key(data, was, call.state.models, call.behaviour)
    _check_model(call, data)
    config, stored = data["config"], was["config"]
    if call.behaviour.fixed_type and config["connection_type"] != stored["connection_type"]:
        raise RefusedError(400, "The connection type of a model cannot change.")
    if call.behaviour.keeps_keys and "api_key" in stored and config["connection_type"] == stored["connection_type"]:
        data = data | {"config": {"api_key": stored["api_key"]} | config}
    call.state.lag(call.behaviour.lag)
    return Reply(200, call.behaviour.model(call.state.put_model(_kept(data, call.behaviour), was)))


def delete_model(call: Call) -> Reply:
    row = _there(call.state.model(call.item), "model", call.item)
    call.state.lag(call.behaviour.lag)
    del call.state.models[row["key"]]
    return done("The model was deleted.")


def _check_model(call: Call, data: Row) -> None:
    adapter = data["config"].get("adapter_id")
    if adapter is not None and call.state.adapter(adapter) is None:
        raise RefusedError(400, f"There is no model adapter {adapter}.")
    if call.behaviour.checks_secrets:
        unknown = sorted(set(_references(data["config"])) - call.state.secrets.keys())
        if unknown:
            raise RefusedError(400, f"There is no secret {', '.join(unknown)}.")


def _references(value: Any) -> Iterator[str]:
    """The names of the secrets in a config that was checked: the only objects with nothing but a name."""
    if isinstance(value, dict):
        if value.keys() == {"name"} and isinstance(value["name"], str):
            yield value["name"]
        for member in value.values():
            yield from _references(member)


# --- adapters ------------------------------------------------------------------------------------------------


def list_adapters(call: Call) -> Reply:
    view = call.state.view()
    used = users(view.models)
    rows = [row for row in _filtered(view.adapters, call.query) if row["key"] not in call.behaviour.drop_adapters]
    return Reply(200, {"model_adapters": [call.behaviour.adapter(row, used.get(row["id"], [])) for row in rows]})


def get_adapter(call: Call) -> Reply:
    view = call.state.view()
    row = _there(call.state.find(view.adapters, call.item), "model adapter", call.item)
    if row["key"] in call.behaviour.drop_adapters:
        raise RefusedError(404, f"There is no model adapter {call.item}.")
    return Reply(200, call.behaviour.adapter(row, users(view.models).get(row["id"], [])))


def create_adapter(call: Call) -> Reply:
    data = call.checked(Adapter)
    if data["key"] in call.state.adapters:
        raise RefusedError(409, f"A model adapter with the key {data['key']} exists already.")
    call.state.lag(call.behaviour.lag)
    return Reply(201, call.behaviour.adapter(call.state.put_adapter(_kept(data, call.behaviour)), []))


def replace_adapter(call: Call) -> Reply:
    data = call.checked(Adapter)
    was = _there(call.state.adapter(call.item), "model adapter", call.item)
    _check_key(data, was, call.state.adapters, call.behaviour)
    call.state.lag(call.behaviour.lag)
    row = call.state.put_adapter(_kept(data, call.behaviour), was)
    return Reply(200, call.behaviour.adapter(row, users(call.state.models).get(row["id"], [])))


def delete_adapter(call: Call) -> Reply:
    row = _there(call.state.adapter(call.item), "model adapter", call.item)
    used = users(call.state.models).get(row["id"], [])
    if used and not call.behaviour.frees_adapters:
        raise RefusedError(400, f"The model adapter is used by {len(used)} model(s).")
    call.state.lag(call.behaviour.lag)
    del call.state.adapters[row["key"]]
    return done("The model adapter was deleted.")


def _adapter_provider(call: Call) -> Row:
    return {"id": "latticeflow", "display_name": "LatticeFlow", "model_adapters": call.state.built_in}


def list_adapter_providers(call: Call) -> Reply:
    return Reply(200, {"model_adapter_providers": [call.behaviour.dress(_adapter_provider(call))]})


def get_adapter_provider(call: Call) -> Reply:
    if call.item == "user":
        return Reply(200, {"id": "user", "display_name": "User", "model_adapters": []})
    if call.item != "latticeflow":
        raise RefusedError(404, f"There is no model adapter provider {call.item}.")
    return Reply(200, call.behaviour.dress(_adapter_provider(call)))


# --- secrets -------------------------------------------------------------------------------------------------


def list_secrets(call: Call) -> Reply:
    secrets = call.state.view().secrets
    rows = [{"name": name, "updated_at": row["updated_at"]} for name, row in secrets.items()]
    return Reply(200, call.behaviour.dress({"secrets": rows}))


def put_secret(call: Call) -> Reply:
    data = call.checked(SecretUpsert)
    call.state.lag(call.behaviour.lag)
    call.state.put_secret(data["secret"]["name"], data["value"])
    return done("The secret was stored.")


def delete_secret(call: Call) -> Reply:
    if call.item not in call.state.secrets:
        raise RefusedError(404, f"There is no secret {call.item}.")
    call.state.lag(call.behaviour.lag)
    del call.state.secrets[call.item]
    return done("The secret was deleted.")


# --- integrations and catalogues -----------------------------------------------------------------------------


def _integration(call: Call, provider: str) -> Row:
    config = call.state.integrations[provider]
    return {"id": provider, "config": None if config is None else config | {"api_key": MASK}}


def list_integrations(call: Call) -> Reply:
    rows = [_integration(call, provider) for provider in PROVIDERS]
    return Reply(200, call.behaviour.dress({"integrations": rows}))


def get_integration(call: Call) -> Reply:
    return Reply(200, call.behaviour.dress(_integration(call, _provider(call, 404))))


def put_integration(call: Call) -> Reply:
    provider = _provider(call, 404)
    call.state.integrations[provider] = dict(call.checked(OpenAiIntegration if provider == "openai" else Integration))
    return get_integration(call)


def test_integration(call: Call) -> Reply:
    works = call.state.integrations[_provider(call, 404)] is not None and call.behaviour.connects
    return Reply(200, {"success": works, "message": "It works." if works else "The provider refused the API key."})


def _catalogue(call: Call, provider: str) -> Row:
    answer = {
        "id": provider,
        "display_name": provider.title(),
        "has_credentials": call.state.integrations[provider] is not None,
        "models": call.state.catalogue.get(provider, []),
        "models_unreachable": provider in call.state.unreachable,
    }
    return call.behaviour.dress(answer)


def list_model_providers(call: Call) -> Reply:
    return Reply(200, {"model_providers": [_catalogue(call, provider) for provider in PROVIDERS]})


def get_model_provider(call: Call) -> Reply:
    return Reply(200, _catalogue(call, _provider(call, 400)))


def _provider(call: Call, status: int) -> str:
    if call.item not in PROVIDERS:
        raise RefusedError(status, f"There is no provider {call.item}.")
    return call.item


# --- what they share -----------------------------------------------------------------------------------------


def _filtered(rows: Mapping[str, Row], query: Mapping[str, str]) -> list[Row]:
    return [row for row in rows.values() if row["key"] == query["key"]] if "key" in query else list(rows.values())


def _there(row: Row | None, kind: str, identity: str) -> Row:
    if row is None:
        raise RefusedError(404, f"There is no {kind} {identity}.")
    return row


def _check_key(data: Row, was: Row, rows: Mapping[str, Row], behaviour: Behaviour) -> None:
    if data["key"] != was["key"]:
        if behaviour.fixed_key:
            raise RefusedError(400, "The key cannot change.")
        if data["key"] in rows:
            raise RefusedError(409, f"The key {data['key']} is taken.")


def _kept(data: Row, behaviour: Behaviour) -> Row:
    kept = {name: value for name, value in data.items() if name not in behaviour.drops}
    if behaviour.trims:
        kept |= {name: kept[name].strip() for name in ("display_name", "description") if name in kept}
    return kept
