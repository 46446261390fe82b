"""Credentials in what is meant to hold none: found by their names, hidden when they are read, refused where they are declared.

insideLLMs copies a run config into the artifacts of each run, so that a key in one is soon in many places. Its files name the environment
variable instead (`api_key_env`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconciler.core import pointer as pointers
from reconciler.core.secret_names import is_secret_field, is_secret_name
from reconciler.registry.driver import PRESENT

_HEADERS: Final = frozenset({"headers", "default_headers", "extra_headers"})


def credentials_in(value: Any, path: tuple[str, ...] = (), *, headers: bool = False) -> Iterator[str]:
    """The pointer of each text whose name says that it is a credential."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if isinstance(item, str) and item and _is_credential(name, headers=headers):
                yield pointers.join((*path, name))
            else:
                yield from credentials_in(item, (*path, name), headers=name in _HEADERS)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from credentials_in(item, (*path, str(index)))


def _is_credential(name: str, *, headers: bool) -> bool:
    return is_secret_name(name) if headers else is_secret_field(name)


def without_credentials(spec: Any) -> Any:
    """`spec` with no more than PRESENT in the place of each."""
    for place in list(credentials_in(spec)):
        spec = pointers.put(spec, place, PRESENT)
    return spec


def refuses_credentials(value: Any) -> str | None:
    """Why a map cannot be written as it is."""
    found = ", ".join(pointers.split(place)[-1] for place in credentials_in(value))
    return _refused(found) if found else None


def refuses_headers(value: Any) -> str | None:
    """The same for headers."""
    found = ", ".join(pointers.split(place)[-1] for place in credentials_in({"headers": value}))
    return _refused(found) if found else None


def _refused(found: str) -> str:
    return (
        f"cannot hold {found}: insideLLMs expands no variables and copies its files into the artifacts of each run; "
        "name the key's environment variable in api_key_env"
    )
