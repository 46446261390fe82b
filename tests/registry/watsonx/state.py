"""What the emulated watsonx Orchestrate holds, in plain dicts that a test may read and change."""

from __future__ import annotations

import itertools
import uuid
from typing import Any, Final

from registry.watsonx.behaviour import MASK, Behaviour
from registry.watsonx.rules import NEWER, OPTIONS, SECRETS, RefusedError, camel, check_model, check_policy

Row = dict[str, Any]

MAX_TOKENS: Final = 4096  # what IBM's client sets for Anthropic's models
NO_KEY: Final = "Dummy"
_CONFIG: Final = ("security_scheme", "auth_type", "preference")


class State:
    """Secrets are in the clear. `models` and `policies` by id, as they were sent; `apps` by app_id, with their environments."""

    def __init__(self) -> None:
        self.models: dict[str, Row] = {}
        self.policies: dict[str, Row] = {}
        self.apps: dict[str, Row] = {}
        self._base = uuid.uuid4().int >> 32 << 32  # no two servers give the same ids, as in life
        self._ids = itertools.count(1)
        self._moments = itertools.count(1)

    def named(self, name: str) -> Row:
        """The one model or policy of that name."""
        (row,) = [row for row in (*self.models.values(), *self.policies.values()) if row["name"] == name]
        return row

    def new_id(self) -> str:
        return str(uuid.UUID(int=self._base | next(self._ids)))

    def moment(self) -> str:
        return f"2026-01-01T00:00:00.{next(self._moments):06}Z"

    # --- models ----------------------------------------------------------------------------------------------

    def put_model(self, number: str | None, body: Row, behaviour: Behaviour) -> Row:
        """Creates (without `number`) or updates. Raises RefusedError."""
        check_model(body)
        connection = body.get("connection_id")
        if connection is not None and connection not in {app["connection_id"] for app in self.apps.values()}:
            raise RefusedError((("connection_id",), "Connection not found"))
        sent = {name: value for name, value in body.items() if name != "app_id"}
        sent["provider_config"] = camel(body.get("provider_config") or {})
        if sent["provider_config"].get("api_key") == NO_KEY:
            sent["provider_config"]["api_key"] = None  # the server's own word for none
        if behaviour.refuses_keys and "api_key" in sent["provider_config"]:
            message = f"the key {sent['provider_config']['api_key']} is not valid"
            raise RefusedError((("provider_config", "api_key"), message))
        sent["config"] = dict(body.get("config") or {})
        if behaviour.injects_max_tokens and number is None and "anthropic" in body["name"]:
            sent["config"].setdefault("max_tokens", MAX_TOKENS)
        if not behaviour.keeps_tags:
            sent.pop("tags", None)
        old = self.models.get(number or "", {})
        row = {name: value for name, value in old.items() if name in ("id", "created_on")}
        if number is not None and behaviour.put == "merge":
            row = _merged(old, sent)
        else:
            row |= {name: _without_nulls(value) for name, value in sent.items() if value is not None}
        row |= {"model_type": row.get("model_type", "chat"), "updated_at": self.moment()}
        row.setdefault("id", self.new_id())
        row.setdefault("created_on", row["updated_at"])
        self.models[row["id"]] = row
        return row

    def answered_model(self, row: Row, behaviour: Behaviour) -> Row:
        """A model as a list shows it."""
        name = row["name"]
        provider = name.removeprefix("virtual-model/").split("/")[0]
        options = dict(row.get("provider_config") or {})
        for secret in SECRETS:
            if secret in options and behaviour.secrets != "echo":
                if behaviour.secrets == "mask":
                    options[secret] = {"private_key": MASK} if isinstance(options[secret], dict) else MASK
                else:
                    del options[secret]
        if behaviour.dummy_key and "api_key" not in options and "api_key" not in (row.get("provider_config") or {}):
            options["api_key"] = NO_KEY
        if behaviour.answers_nulls:
            options = dict.fromkeys(OPTIONS) | options
        if behaviour.derives_provider:
            options["provider"] = provider
        if behaviour.spelling == "snake":
            options = {(*OPTIONS.get(key, ((),))[0], key)[0]: value for key, value in options.items()}
        answer = {**row, "provider_config": options, "tenant_id": "tenant", "tenant_name": "Tenant"}
        answer |= {"created_by": "u1", "created_by_username": "somebody", "provider": provider, "title": name}
        answer |= {"model_name": name.rpartition("/")[2]}
        answer |= {"connection_id": row.get("connection_id"), "config": row.get("config") or None}
        if name in behaviour.broken:
            answer["provider_config"] = "see elsewhere"
        return behaviour.dress(answer)

    # --- policies --------------------------------------------------------------------------------------------

    def put_policy(self, number: str | None, body: Row) -> Row:
        """Creates (without `number`) or updates. Raises RefusedError."""
        check_policy(body)
        row = {"id": number or self.new_id(), **body, "updated_at": self.moment()}
        self.policies[row["id"]] = row
        return row

    def answered_policy(self, row: Row, behaviour: Behaviour) -> Row:
        broken = {"policy": {"targets": "nowhere"}} if row["name"] in behaviour.broken else {}
        return behaviour.dress({**row, **broken, "tenant_id": "tenant"})

    # --- connections -----------------------------------------------------------------------------------------

    def answered_apps(self, behaviour: Behaviour) -> list[Row]:
        """One row for each environment of each connection."""
        rows = []
        for name, app in self.apps.items():
            plain = {"connection_id": app["connection_id"], "app_id": name, "name": name}
            if name in behaviour.broken:
                rows.append(behaviour.dress({**plain, "environment": "moon"}))
                continue
            for environment, config in app["environments"].items():
                said = {field: config.get(field) for field in _CONFIG}
                said |= {field: value for field, value in config.items() if field.startswith(NEWER)}
                entered = bool(config.get("credentials"))
                rows.append({**plain, **said, "environment": environment, "credentials_entered": entered})
            if not app["environments"] and behaviour.lists_bare_apps:
                rows.append({**plain, "environment": None, "security_scheme": None, "credentials_entered": False})
        return [behaviour.dress(row) for row in rows]


def _merged(old: Row, sent: Row) -> Row:
    """`old` with what was sent: null takes a field away, in the two maps too."""
    row = dict(old)
    for name, value in sent.items():
        if name in ("provider_config", "config"):
            row[name] = _without_nulls({**(old.get(name) or {}), **value})
        else:
            row[name] = value
    return _without_nulls(row)


def _without_nulls(value: Any) -> Any:
    return {name: item for name, item in value.items() if item is not None} if isinstance(value, dict) else value
