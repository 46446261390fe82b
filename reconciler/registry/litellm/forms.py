"""The forms of LiteLLM's fields: types with their rules, and the limits that the proxy enforces late or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from reconciler.core.schema.types import END, KEY, SECRET_REFERENCE
from reconciler.core.secret_names import is_secret_field, refuses_credentials
from reconciler.registry.driver import (
    USUAL,
    Boolean,
    CannotClear,
    Cel,
    HeaderMap,
    KeyRule,
    Normalized,
    Number,
    Pattern,
    WriteOnly,
    is_reference,
)
from reconciler.registry.litellm.masks import (
    CREDENTIAL_WORDS,
    ENVIRON_REFERENCE,
    is_environ,
    is_hidden,
    is_masked,
    is_masked_value,
    masked_in,
)
from reconciler.registry.litellm.notes import PLACE

STAYS: Final = CannotClear("an update merges, so what is left out of it stays as it was")
HIDDEN: Final = WriteOnly("never shown, or as a mask", only_references=True)
_NAME: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")
AFFINITY: Final = "provider_affinity_header"  # only good in config.yaml
ROUTERS: Final = "auto_router/"
_ROUTER: Final = re.compile(r"(?:auto|complexity|adaptive|quality)_router_")
_EXACT: Final = range(-(2**63), 2**64)  # any other integer is stored as a float
_TOO_LARGE: Final = (
    "holds an integer of more than 64 bits, of which the proxy keeps only the first digits: write it as text"
)
_PRICE: Final = re.compile(r"(?:^|_)costs?(?:_|$)|pricing")


def or_absent(value: Any) -> Any:
    """None for what is as good as absent: empty text, an empty list or map, false."""
    return None if value in ("", [], {}) or value is False else value


def or_nothing(value: Any) -> Any:
    """None for a map in which nothing is, or only what is as good as absent."""
    empty = isinstance(value, Mapping) and all(or_absent(item) is None for item in value.values())
    return None if empty else value


Words = Annotated[str | None, STAYS]
Whole = Annotated[int | None, Number(integer=True), STAYS]
Amount = Annotated[float | None, Number(), STAYS]
Switch = Annotated[bool | None, Boolean(), STAYS]
Map = Annotated[dict[str, Any] | None, STAYS]
List = Annotated[list[Any] | None, STAYS]
Price = Annotated[float | None, Number(minimum=0), STAYS]
TokenPrice = Annotated[float | None, Number(minimum=0), STAYS, USUAL["price_per_token"]]
Seconds = Annotated[float | None, Number(), STAYS, USUAL["timeout"]]

# what an update can empty, where empty is as good as absent
Emptiable = Normalized(or_absent, "the proxy can empty it, and does not tell that from absent")
Flag = Annotated[bool | None, Boolean(), Normalized(or_absent, "the proxy shows false where it is not set")]
Label = Annotated[str | None, Emptiable]

Hidden = Annotated[
    Annotated[
        str,
        Pattern(
            f"(?:{SECRET_REFERENCE})|(?:^{ENVIRON_REFERENCE})",
            "literal_secret",
            "must be one whole reference, ${env:NAME}, ${file:path} or ${cmd:NAME/REST}, or os.environ/NAME for a variable of the "
            "proxy's: a secret is never written down",
        ),
    ]
    | None,
    HIDDEN,
    STAYS,
]
Headers = Annotated[dict[str, Annotated[str, HIDDEN]], HeaderMap()]


# --- limits ------------------------------------------------------------------------------------------------------


_UNSEEN: Final = "it must not begin or end with a blank, nor hold control characters"
ID_RULES: Final = (
    KeyRule(rf"^[^/]*{END}", "it must not hold '/': the proxy could never update the model"),
    KeyRule(rf"^(?! )[^\x00-\x1f\x7f-\x9f]*(?<! ){END}", _UNSEEN),
)
CREDENTIAL_RULE: Final = KeyRule(
    KEY, "it must begin with a letter or digit and hold only letters, digits, '.', '_' and '-'"
)


def refuses_unseen(key: str) -> str | None:
    """Why an id would make trouble, or None: of all characters that nobody sees, a pattern names only some."""
    return None if key.isprintable() and key == key.strip() else _UNSEEN


def refuses_model_name(name: Any) -> str | None:
    """Why every request for a model of that name would fail, or None."""
    if not isinstance(name, str) or _NAME.fullmatch(name):
        return None
    return (
        "must be printable ASCII without blanks at its ends: the proxy stores any other, and fails every request for it"
    )


MODEL_NAME: Final = Cel(f"self.matches('^{_NAME.pattern}$') || self.contains('${{')")


def refuses_params(params: Any) -> str | None:
    """What of `litellm_params` the proxy would lose, or show to everybody who may list its models."""
    return next(_lost(params), None) if isinstance(params, Mapping) else None


def _lost(params: Mapping[str, Any]) -> Iterator[str]:
    shown = sorted(name for name, value in params.items() if is_reference(value) and not is_hidden(name))
    if shown:
        yield f"would show the secret in {', '.join(shown)} to everybody who may list models: only what the proxy masks may hold one"
    written = sorted(
        where for where, value in masked_in(params) if isinstance(value, str) and _is_written_down(where, value)
    )
    if written:
        yield f"has a secret written down at {', '.join(written)}: write one whole reference, ${{env:NAME}}, ${{file:path}} or ${{cmd:NAME/REST}}"
    if params.get(AFFINITY) is not None:
        yield f"must not hold {AFFINITY!r}: the proxy keeps it encrypted, takes that for a bad name, and could never delete the model"
    routed = sorted(name for name in params if _ROUTER.match(name))
    if routed and not str(params.get("model")).startswith(ROUTERS):
        yield f"cannot have {', '.join(routed)} with this `model`: the proxy takes it only of one that begins with {ROUTERS!r}"
    if any(holds_null(value) for value in params.values()):
        yield "holds null inside a map or list, which the proxy turns into the text 'None': leave it out"
    if holds_too_large(params):
        yield _TOO_LARGE


def _is_written_down(where: str, value: str) -> bool:
    return is_secret_field(where.rpartition("/")[2]) and not is_reference(value) and not is_environ(value)


def holds_null(value: Any) -> bool:
    """Whether null is anywhere inside a map or list."""
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(item is None or holds_null(item) for item in items)


def holds_too_large(value: Any) -> bool:
    """Whether an integer is anywhere in it that the proxy would keep as a float, and so as another number."""
    if isinstance(value, Mapping | list):
        return any(map(holds_too_large, value.values() if isinstance(value, Mapping) else value))
    return isinstance(value, int) and value not in _EXACT


def refuses_mock(response: Any) -> str | None:
    """Why the proxy would make another answer of a mocked one, or None."""
    if isinstance(response, Mapping):
        return "cannot be a map: the proxy adds an id and a time of its own to it, others each time; write the text of the answer"
    return None


def refuses_headers(headers: Any) -> str | None:
    """The proxy masks some headers, and shows the others to everybody who may list models."""
    if not isinstance(headers, Mapping):
        return None
    shown = sorted(name for name, value in headers.items() if is_reference(value) and not is_masked(name))
    return f"would show the secret in {', '.join(shown)} to everybody who may list models" if shown else None


def refuses_info(info: Any) -> str | None:
    """What `model_info` cannot hold: our mark's place, and prices, which are read from `litellm_params` alone."""
    if not isinstance(info, Mapping):
        return None
    if PLACE in info:
        return f"holds the member {PLACE!r}, in which reconciler keeps whose the model is: call it something else"
    prices = sorted(name for name in info if _PRICE.search(name))
    if prices:
        return f"cannot keep {', '.join(prices)}: prices are set in litellm_params"
    if holds_too_large(info):
        return _TOO_LARGE
    owned = sorted(set(info) & SERVER_OWNED)
    return f"cannot set {', '.join(owned)}: the proxy sets it by itself" if owned else None


def refuses_values(values: Any) -> str | None:
    """What of `credential_values` the proxy would show to whoever may list credentials, or what must not be written down."""
    if not isinstance(values, Mapping):
        return None
    if all(value is None for value in values.values()):
        return "must hold at least one value: the proxy creates no credential without"
    shown = sorted(name for name, value in values.items() if is_reference(value) and not is_masked_value(name))
    if shown:
        words = ", ".join(CREDENTIAL_WORDS)
        return f"would show the secret in {', '.join(shown)}: the proxy masks a value only where its name holds one of {words}; use such a name"
    if holds_too_large(values):
        return _TOO_LARGE
    texts = ((name, value) for name, value in values.items() if isinstance(value, str))
    written = sorted(name for name, value in texts if _is_written_down(f"/{name}", value))
    if written:
        return f"has a secret written down in {', '.join(written)}: write one whole reference, ${{env:NAME}}, ${{file:path}} or ${{cmd:NAME/REST}}"
    return None


def refuses_mark(info: Any) -> str | None:
    """`credential_info` holds our mark, which no manifest may set."""
    if isinstance(info, Mapping) and PLACE in info:
        return f"holds the member {PLACE!r}, in which reconciler keeps whose the credential is: call it something else"
    return _TOO_LARGE if holds_too_large(info) else None


def refuses_address(url: Any) -> str | None:
    """The proxy shows addresses to everybody who may list models."""
    refused = refuses_credentials(url)
    return None if refused is None else f"{refused}: it would be shown to everybody who may list models"


def is_price(name: str) -> bool:
    """Whether a member of `model_info` is a price, by its name."""
    return _PRICE.search(name) is not None


# of model_info, what the proxy writes by itself
SERVER_OWNED: Final = frozenset(
    ("id", "db_model", "blocked", "created_at", "created_by", "updated_at", "updated_by", "pricing_overrides", "direct_access",
     "access_via_team_ids", "member_auto_router", "supported_openai_params", "team_id")
)  # fmt: skip
