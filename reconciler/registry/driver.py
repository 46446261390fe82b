"""The driver API: every name that a driver may use. What is not here may change from one release to the next.

A driver is two modules. The offline half, with the driver's kinds, settings and `compile`, imports no HTTP, nor does importing its names from here;
the names of the HTTP client are loaded when they are first asked for, by the open half. `docs/write-a-driver.md` builds one step by step, and
`reconciler.testing` tests it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from reconciler.core.errors import (
    ConfigError,
    InputError,
    PermanentError,
    Problem,
    RegistryError,
    SecretError,
    StaleObjectError,
    TemporaryError,
)
from reconciler.core.formats import EVERY_PATH
from reconciler.core.kind import KeyRule, Kind
from reconciler.core.model import Endpoint, Model
from reconciler.core.resource import Address, Listing, Mark, Resource, Unreadable
from reconciler.core.rules import (
    NO_USER_INFO,
    BaseAddress,
    CannotClear,
    Cel,
    Constraint,
    Default,
    ExternalRef,
    Immutable,
    KnownValues,
    NeedsConsent,
    Normalized,
    Ref,
    ServerDefault,
    ServerOwned,
    Superset,
    Unordered,
    Usual,
    WriteOnly,
)
from reconciler.core.schema.types import (
    Boolean,
    Choice,
    HeaderMap,
    Number,
    OpenChoice,
    Pattern,
    SecretText,
    Texts,
    Url,
)
from reconciler.core.secret import Resolver, Secret
from reconciler.core.spec import PRESENT, hide_secrets, is_reference, secrets_in
from reconciler.core.unmanaged import combined, revealed
from reconciler.core.url import canonical_url
from reconciler.core.usual import USUAL
from reconciler.registry.capabilities import (
    AdapterForm,
    Catalogue,
    CatalogueEntry,
    Catalogues,
    Check,
    Configurable,
    DescribesModels,
    FindsExternal,
    HasAdapters,
    HasContainer,
    HasDefaultOwner,
    KeepsFile,
    KeepsFolder,
    KeepsHistory,
    ModelFacts,
    NamesFiles,
    NamesProviders,
    Normalizes,
    PlanRecord,
    RecordsPlans,
    Renames,
    RevealsHidden,
    Revision,
    RunsTests,
    Step,
    TestResult,
)
from reconciler.registry.portable import inexpressible
from reconciler.registry.protocol import (
    Compiled,
    Driver,
    Inexpressible,
    Native,
    Opening,
    Registry,
    Removal,
    Write,
)
from reconciler.registry.remote import RemoteDriver
from reconciler.registry.rows import (
    MisreadError,
    listing,
    map_of,
    mark_in,
    only,
    picked,
    read_or_unreadable,
    read_row,
    split_row,
    text_of,
    understood,
    unreadable_row,
    without,
)
from reconciler.registry.settings import (
    TIMEOUT,
    ResolvedAddress,
    checked_url,
    location_of,
    resolved_url,
)

if TYPE_CHECKING:
    from reconciler.registry.http import Client, Redactor, Response, Target, open_client, reason_in
    from reconciler.registry.http.opening import bearer, target_of
    from reconciler.registry.http.pages import Page, Sweep, check_whole
    from reconciler.registry.http.write_errors import path_to, quoted_id, raise_for_write
    from reconciler.registry.settings import RemoteSettings

# by module; here as text, since asking for them imports the HTTP client
_LAZY: Final = {
    "Client": "reconciler.registry.http",
    "Page": "reconciler.registry.http.pages",
    "Redactor": "reconciler.registry.http",
    "Response": "reconciler.registry.http",
    "Sweep": "reconciler.registry.http.pages",
    "Target": "reconciler.registry.http",
    "bearer": "reconciler.registry.http.opening",
    "check_whole": "reconciler.registry.http.pages",
    "open_client": "reconciler.registry.http",
    "path_to": "reconciler.registry.http.write_errors",
    "quoted_id": "reconciler.registry.http.write_errors",
    "reason_in": "reconciler.registry.http",
    "raise_for_write": "reconciler.registry.http.write_errors",
    "target_of": "reconciler.registry.http.opening",
}

__all__ = [  # noqa: RUF022  # by what they are for
    # what every driver is made of
    "Compiled",
    "Driver",
    "Endpoint",
    "Inexpressible",
    "KeyRule",
    "Configurable",
    "NamesFiles",
    "NamesProviders",
    "Kind",
    "Model",
    "Native",
    "Opening",
    "Registry",
    "RemoteDriver",
    "Removal",
    "Write",
    "inexpressible",
    # objects, as a registry holds them
    "Address",
    "Listing",
    "Mark",
    "MisreadError",
    "PRESENT",
    "Resource",
    "Unreadable",
    "combined",
    "hide_secrets",
    "secrets_in",
    "listing",
    "map_of",
    "mark_in",
    "only",
    "picked",
    "read_or_unreadable",
    "read_row",
    "revealed",
    "split_row",
    "text_of",
    "understood",
    "unreadable_row",
    "without",
    # rules of fields
    "CannotClear",
    "Cel",
    "Constraint",
    "Default",
    "ExternalRef",
    "Immutable",
    "KnownValues",
    "NO_USER_INFO",
    "BaseAddress",
    "EVERY_PATH",
    "USUAL",
    "Usual",
    "NeedsConsent",
    "Normalized",
    "Ref",
    "ServerDefault",
    "ServerOwned",
    "Superset",
    "Unordered",
    "WriteOnly",
    # types of fields
    "Boolean",
    "Choice",
    "HeaderMap",
    "Number",
    "OpenChoice",
    "Pattern",
    "SecretText",
    "Texts",
    "Url",
    # settings and secrets
    "TIMEOUT",
    "RemoteSettings",
    "ResolvedAddress",
    "Resolver",
    "Secret",
    "canonical_url",
    "checked_url",
    "is_reference",
    "location_of",
    "resolved_url",
    # errors, by what they mean
    "ConfigError",
    "InputError",
    "PermanentError",
    "Problem",
    "RegistryError",
    "SecretError",
    "StaleObjectError",
    "TemporaryError",
    # the HTTP client, for the open half alone
    "Client",
    "Page",
    "Redactor",
    "Response",
    "Sweep",
    "Target",
    "bearer",
    "check_whole",
    "open_client",
    "path_to",
    "quoted_id",
    "raise_for_write",
    "reason_in",
    "target_of",
    # what a driver can do beyond what it must
    "AdapterForm",
    "Catalogue",
    "CatalogueEntry",
    "Catalogues",
    "Check",
    "DescribesModels",
    "FindsExternal",
    "HasAdapters",
    "HasContainer",
    "HasDefaultOwner",
    "KeepsFile",
    "KeepsFolder",
    "KeepsHistory",
    "ModelFacts",
    "Normalizes",
    "PlanRecord",
    "RecordsPlans",
    "Renames",
    "RevealsHidden",
    "Revision",
    "RunsTests",
    "Step",
    "TestResult",
]


def __getattr__(name: str) -> Any:
    if name == "RemoteSettings":  # as a pydantic model, which a driver of another package derives its own from
        return import_module("reconciler.registry.settings").RemoteSettings.pydantic_model()
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
