"""Files for watsonx Orchestrate: specifications of IBM's Agent Development Kit (`orchestrate models import`, `models policy import`,
`connections import`), one in a file, and request bodies of the API (`POST /models`, `POST /model_policy`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.core.document.trees import Item, List, Map, Member, Node, Scalar
from reconciler.manifest.importing.drafts import Draft, Importer, Session
from reconciler.manifest.importing.values import escaped, text_of, value_of
from reconciler.registry.catalog import load_driver
from reconciler.registry.watsonx.marks import PREFIX, served
from reconciler.registry.watsonx.names import MODEL, POLICY
from reconciler.registry.watsonx.options import NO_KEY, OBJECTS

_DRIVER: Final = "watsonx"
_VERSION: Final = "spec_version"
_OPTIONS: Final = "provider_config"
_KINDS: Final = ("model", "connection")
_HEAD: Final = (_VERSION, "kind", "name")
# what a server makes up, which `orchestrate models export` writes out all the same
_READ_ONLY: Final = (
    "id", "tenant_id", "tenant_name", "created_on", "created_by", "created_by_username", "updated_at", "provider", "model_name",
    "title", "api_base", "api_version", "deployment_id",
)  # fmt: skip
_ANTHROPIC: Final = 4096  # max_tokens, where a model of theirs has none: they know no default of their own
SCHEMES: Final = {  # IBM's kinds of connections, each as the API's security_scheme and auth_type
    "key_value": ("key_value_creds", None),
    "kv": ("key_value_creds", None),
    "basic": ("basic_auth", None),
    "bearer": ("bearer_token", None),
    "api_key": ("api_key_auth", None),
    "oauth_auth_code_flow": ("oauth2", "oauth2_auth_code"),
    "oauth_auth_password_flow": ("oauth2", "oauth2_password"),
    "oauth_auth_client_credentials_flow": ("oauth2", "oauth2_client_creds"),
    "oauth_auth_on_behalf_of_flow": ("oauth2", "oauth_on_behalf_of_flow"),
    "oauth_auth_token_exchange_flow": ("oauth2", "oauth2_token_exchange"),
    "oauth_auth_direct_access_flow": ("oauth2", "oauth2_direct_accesstoken"),
    "oauth_auth_jwt_bearer_flow": ("oauth2", "oauth2_jwt_bearer"),
}
_RENAMED: Final = {"type": "preference", "auth_scheme": "security_scheme"}
_UNMANAGED: Final = ("sso", "server_url", "idp_config", "idp_config_data", "app_config", "app_config_data")


def translate(root: Map, session: Session) -> list[Draft]:
    """The object of one file; all that is wrong goes to the session's journal."""
    kind = text_of(root, "kind") if root.find(_VERSION) is not None else "model"
    if kind not in _KINDS:
        session.journal.warn(root, "not-a-model", "this is no model, no policy and no connection, so it is left out")
        return []
    return list(_File(session).drafts(root, str(kind)))


IMPORTER: Final = Importer(f"{_DRIVER}/Connection", translate)


class _File:
    """Translates one file."""

    def __init__(self, session: Session) -> None:
        self._journal = session.journal

    def drafts(self, root: Map, kind: str) -> Iterator[Draft]:
        errors = self._journal.errors
        named = "app_id" if kind == "connection" else "name"
        member = root.find(named)
        name = text_of(root, named)
        if member is None or not name:
            self._journal.error(root, "missing-field", f"{named!r} is missing")
            return
        kind = {"connection": "Connection"}.get(kind, "Model" if root.find("policy") is None else "Policy")
        full = _full(kind, name)
        refused = load_driver(_DRIVER).kinds[kind].check_key(full)
        if refused is not None:
            self._journal.error(member.value, "bad-key", f"a key that the registry cannot take: {refused}")
            return
        first = root.members[0]
        if first is not member and first.key in _HEAD:  # what stands above a field that goes is about the file
            member = member._replace(above=(*first.above, *member.above))
        if kind == "Connection":
            made = self._connection(root)
        elif kind == "Policy":
            made = self._plain(_without(root, (*_HEAD, *_READ_ONLY)), full)
        else:
            made = self._model(root, full)
        value = member.value._replace(value=full) if isinstance(member.value, Scalar) else member.value
        flawed = self._journal.errors > errors
        yield Draft(f"{_DRIVER}/{kind}", member._replace(key="key", value=value), made, flawed=flawed)

    def _model(self, root: Map, name: str) -> Map:
        provider = name.removeprefix(MODEL).split("/")[0]
        kept = _without(root, (*_HEAD, *_READ_ONLY, "connection_id"))
        members = [self._member(member, name, provider) for member in self._plain(kept, name).members]
        made = root._replace(members=(*filter(None, members), *self._unmanaged_connection(root)))
        return _with_max_tokens(made) if "anthropic" in name else made

    def _unmanaged_connection(self, root: Map) -> Iterator[Member]:
        """An `ignore` of the connection where only its id is known: whatever connection the model has stays."""
        number, app = root.find("connection_id"), root.find("app_id")
        if number is None or app is not None or not text_of(root, "connection_id"):
            return
        message = (
            "a connection's id means something to one server only, so it is left out, and the connection stays as it is: "
            "write `app_id: NAME` in the place of the `ignore`, with the name that `orchestrate connections list` shows"
        )
        self._journal.warn(number, "not-expressible", message)
        place = Scalar("/app_id", number.file, number.place)
        yield Member("ignore", List((Item(place),), number.file, number.place), number.file, number.place)

    def _member(self, member: Member, name: str, provider: str) -> Member | None:
        value = member.value
        if member.key == _OPTIONS and isinstance(value, Map):
            return member._replace(value=self._options(value, name, provider))
        if member.key == "tags" and isinstance(value, List):
            kept = tuple(item for item in value.items if not _is_reserved(item.value))
            return member._replace(value=value._replace(items=kept)) if kept or not value.items else None
        return member

    def _plain(self, root: Map, name: str) -> Map:
        """All members, with nothing in them that reads as a reference; what people see is left out where it is the name itself."""
        kept = (
            member
            for member in root.members
            if not (member.key in ("display_name", "description") and value_of(member.value) == name)
        )
        return root._replace(members=tuple(member._replace(value=escaped(member.value)) for member in kept))

    def _options(self, options: Map, name: str, provider: str) -> Map:
        """The provider's options: secrets are withheld, and the provider follows from the name."""
        rules = load_driver(_DRIVER).kinds["Model"].root.children[_OPTIONS]
        members = []
        for member in options.members:
            node = rules.child(member.key)
            if member.key == "provider":
                if value_of(member.value) not in (None, "", provider):
                    message = f"the provider follows from the name, which says {provider!r}"
                    self._journal.error(member, "not-allowed", message)
            elif node is not None and node.secret is not None:
                members.append(member._replace(value=self._secret(member, name)))
            else:
                members.append(member)
        return options._replace(members=tuple(members))

    def _secret(self, member: Member, name: str) -> Node:
        value = member.value
        if isinstance(value, Scalar) and value.value in (None, "", NO_KEY):
            return value._replace(value=None, style="", text="")
        if isinstance(value, List) or (isinstance(value, Map) and not _is_object(member.key)):
            self._journal.error(member, "wrong-type", f"{member.key!r} must be text")
            return Scalar(None, value.file, value.place)
        if isinstance(value, Map) and not value.members:
            return Scalar(None, value.file, value.place)
        return Scalar(self._journal.withheld(value, name, member.key), value.file, value.place)

    # --- connections -----------------------------------------------------------------------------------------

    def _connection(self, root: Map) -> Map:
        kept = _without(root, (*_HEAD, "app_id"))
        members = []
        for member in kept.members:
            if member.key == "environments" and isinstance(member.value, Map):
                inner = tuple(self._environment(one) for one in member.value.members)
                members.append(member._replace(value=member.value._replace(members=inner)))
            else:
                members.append(member)
        return kept._replace(members=tuple(members))

    def _environment(self, environment: Member) -> Member:
        config = environment.value
        if not isinstance(config, Map):
            return environment
        members: list[Member] = []
        for member in config.members:
            if member.key == "kind":
                members.extend(self._scheme(member))
            elif member.key in _UNMANAGED:
                message = (
                    f"{member.key!r} is left out: it is managed with `orchestrate connections`, and stays as it is"
                )
                self._journal.warn(member, "not-expressible", message)
            else:
                members.append(member._replace(key=_RENAMED.get(member.key, member.key)))
        return environment._replace(value=config._replace(members=tuple(members), flow=False))

    def _scheme(self, member: Member) -> Iterator[Member]:
        """`kind: oauth_auth_client_credentials_flow`, in the API's words."""
        value = member.value
        scheme, auth = SCHEMES.get(str(value_of(value)), (None, None))
        if scheme is None or not isinstance(value, Scalar):
            self._journal.error(value, "not-allowed", f"'kind' must be one of {', '.join(SCHEMES)}")
            return
        yield member._replace(key="security_scheme", value=value._replace(value=scheme, style=""))
        if auth is not None:
            yield Member("auth_type", Scalar(auth, member.file, member.place), member.file, member.place)


def _with_max_tokens(root: Map) -> Map:
    """With what IBM's client sets for Anthropic's models, whatever the file says: a plan of ours leaves it alone."""
    config = root.find("config")
    if config is not None and isinstance(config.value, Map) and config.value.find("max_tokens") is not None:
        return root
    near = config or (root.members[0] if root.members else None)
    file, place = (near.file, near.place) if near is not None else (root.file, root.place)
    tokens = Member("max_tokens", Scalar(_ANTHROPIC, file, place), file, place)
    inner = config.value.members if config is not None and isinstance(config.value, Map) else ()
    made = Member("config", Map((*inner, tokens), file, place), file, place)
    if config is None:
        return root._replace(members=(*root.members, made))
    return root._replace(members=tuple(made if one is config else one for one in root.members))


def _full(kind: str, name: str) -> str:
    """The name with its prefix, which the ADK adds where it is missing."""
    prefix = {"Model": MODEL, "Policy": POLICY}.get(kind, "")
    return name if name.startswith(prefix) else prefix + name


def _without(root: Map, names: tuple[str, ...]) -> Map:
    return root._replace(members=tuple(member for member in root.members if member.key not in names))


def _is_reserved(node: Node) -> bool:
    tag = value_of(node)
    return isinstance(tag, str) and (tag.startswith(PREFIX) or served(tag))


def _is_object(name: str) -> bool:
    return name in OBJECTS or name.endswith("_json")
