"""Where AI GO! is and with which key: from reconciler.yaml, else from where AI GO!'s own client `lf` has it.

`lf` reads the environment (`LF_URL`, `LF_API_KEY`, `LF_VERIFY_SSL`, `LF_API_TIMEOUT`), then the nearest `.latticeflow.yaml` from the
working directory upward, then the one in the home directory. Who uses `lf` has nothing to configure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

from reconciler import document
from reconciler.errors import ConfigError, Problem
from reconciler.fields import WriteOnly
from reconciler.registry.settings import TIMEOUT, RemoteSettings, canonical_url, location_of, resolved_url
from reconciler.scalars import SecretText
from reconciler.secrets import Resolver, Secret

FILE: Final = ".latticeflow.yaml"
_API: Final = "/api"  # below the address: whoever writes it means the same place
_TRUE: Final = ("true", "1", "yes", "on")
_FALSE: Final = ("false", "0", "no", "off")
_HINT: Final = "set `url` and `api_key` in reconciler.yaml, or LF_URL and LF_API_KEY in the environment"


class Settings(RemoteSettings):
    """What an entry in reconciler.yaml may say. `url`, `api_key`, `verify` and `timeout` may be left to where `lf` has them."""

    api_key: Annotated[SecretText | None, WriteOnly()] = Field(
        None, description="The API key. From LF_API_KEY if absent.", examples=["${env:LF_API_KEY}"]
    )
    client_version: Annotated[str, Field(min_length=1, pattern=r"^[\x21-\x7E]+$")] | None = Field(
        None,
        description="Sent as X-LatticeFlow-Client-Version, for a server that insists on one (HTTP 426).",
        examples=["sdk@3.17.0"],
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where the registry is, everything found. `url` is canonical and without `/api`; `timeout` is in seconds."""

    url: str
    api_key: Secret
    verify: bool
    timeout: float


def place_of(settings: Settings, resolver: Resolver) -> Place:
    """Where to connect to. Raises ConfigError for what is missing or cannot be understood, SecretError for a reference without a value."""
    theirs = _Theirs(resolver)
    url = resolved_url(settings.url, resolver) if settings.url is not None else theirs.value("LF_URL")
    if not url:
        raise ConfigError("AI GO!: nobody says where it is", hint=_HINT)
    key = resolver.resolve(settings.api_key) if settings.api_key is not None else theirs.secret("LF_API_KEY")
    if key is None:
        raise ConfigError("AI GO!: there is no API key", hint=_HINT)
    verify = settings.verify if settings.verify is not None else theirs.flag("LF_VERIFY_SSL")
    timeout = settings.timeout if settings.timeout is not None else theirs.seconds("LF_API_TIMEOUT")
    return Place(_checked(url), key, verify is not False, timeout or TIMEOUT)


def location(settings: Settings, resolver: Resolver) -> str:
    """The canonical URL, as far as it can be told offline."""
    if settings.url is not None:
        return location_of(settings.url, resolver).removesuffix(_API)
    try:
        url = _Theirs(resolver).value("LF_URL")
        return canonical_url(url).removesuffix(_API) if url else "${env:LF_URL}"
    except (ConfigError, ValueError):
        return "${env:LF_URL}"


def _checked(url: str) -> str:
    """Raises ConfigError, which does not repeat it, where it is no address that a credential may go to."""
    try:
        canonical = canonical_url(url)
        host = url.split("/", 3)[2]
        plain = canonical.startswith(("http://", "https://")) and host != "" and "@" not in host
    except (ValueError, IndexError):
        plain = False
    if not plain:
        raise ConfigError("AI GO!: its url must be http:// or https://, without user name or password", hint=_HINT)
    return canonical.removesuffix(_API)


class _Theirs:
    """What `lf` would find. An empty value counts as none."""

    def __init__(self, resolver: Resolver) -> None:
        self._environ = resolver.environ
        self._root = resolver.root
        self._files: Mapping[str, Any] | None = None

    def value(self, name: str) -> str | None:
        """Raises ConfigError where the file that would say so cannot be read."""
        value = self._environ.get(name)
        if value:
            return value
        if self._files is None:
            self._files = self._read()
        found = self._files.get(name)
        return None if found is None or found == "" else str(found)

    def secret(self, name: str) -> Secret | None:
        value = self.value(name)
        return None if value is None else Secret(value)

    def flag(self, name: str) -> bool | None:
        """True and false in the usual words: `lf` itself takes every text but `True` as false, which nobody means."""
        value = self.value(name)
        if value is None:
            return None
        word = value.strip().lower()
        if word not in (*_TRUE, *_FALSE):
            raise ConfigError(f"{name} must be true or false", hint=f"{', '.join((*_TRUE, *_FALSE))} are understood")
        return word in _TRUE

    def seconds(self, name: str) -> float | None:
        value = self.value(name)
        try:
            seconds = None if value is None else float(value)
        except ValueError as error:
            raise ConfigError(f"{name} must be a number of seconds") from error
        if seconds is not None and not 0 < seconds < float("inf"):
            raise ConfigError(f"{name} must be a number of seconds above 0")
        return seconds

    def _read(self) -> dict[str, Any]:
        """The values of all files, those of a nearer one first."""
        merged: dict[str, Any] = {}
        for path in self._candidates():
            if path.is_file():
                merged = {**_values(path), **merged}
        return merged

    def _candidates(self) -> Iterator[Path]:
        home = Path(self._environ["HOME"]) if self._environ.get("HOME") else None
        for folder in (self._root, *self._root.parents):
            yield folder / FILE
            if folder == home:
                return
        if home is not None:
            yield home / FILE


def _values(path: Path) -> dict[str, Any]:
    text = document.read_text(path, str(path))
    loaded = document.load(text, str(path)) if isinstance(text, str) else None
    problems = (text,) if isinstance(text, Problem) else loaded.problems if loaded is not None else ()
    if problems or loaded is None:
        raise ConfigError(f"{path} cannot be used", problems)
    value = loaded.documents[0].value if loaded.documents else {}
    if not isinstance(value, dict):
        raise ConfigError(f"{path} cannot be used", (Problem(str(path), 1, 1, "wrong-type", "it must be a map"),))
    return value
