"""Where AI GO! is and with which key: from reconciler.yaml, else from where AI GO!'s own client `lf` has it.

`lf` reads the environment (`LF_URL`, `LF_API_KEY`, `LF_VERIFY_SSL`, `LF_API_TIMEOUT`), then the nearest `.latticeflow.yaml` from the
working directory upward, then the one in the home directory; here the way up begins at the project's root. Who uses `lf` has nothing to
configure. Where reconciler.yaml has the `url`, no such file is read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from reconciler.core import document, presence
from reconciler.core.schema.fields import Field
from reconciler.core.url import location as location_text
from reconciler.registry.driver import (
    TIMEOUT,
    ConfigError,
    Problem,
    ResolvedAddress,
    Resolver,
    Secret,
    SecretText,
    WriteOnly,
    canonical_url,
    checked_url,
    location_of,
    resolved_url,
)
from reconciler.registry.settings import RemoteSettings

FILE: Final = ".latticeflow.yaml"
_URLS: Final = ("LF_URL", "LF_AIGO_URL")
_URL: Final = "${env:LF_URL}"
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
    addresses: tuple[ResolvedAddress, ...] = ()  # the address, where the environment has it


def place_of(settings: Settings, resolver: Resolver) -> Place:
    """Where to connect to. Raises ConfigError for what is missing or cannot be understood, SecretError for a reference without a value."""
    theirs = _Theirs(resolver, files=settings.url is None)
    url = resolved_url(settings.url, resolver) if settings.url is not None else theirs.url()
    theirs.check_source(settings)
    if not url:
        raise ConfigError("AI GO!: nobody says where it is", hint=_HINT)
    key = resolver.resolve(settings.api_key) if settings.api_key is not None else theirs.secret("LF_API_KEY")
    if key is None:
        raise ConfigError("AI GO!: there is no API key", hint=_HINT)
    verify = settings.verify if settings.verify is not None else theirs.flag("LF_VERIFY_SSL")
    timeout = settings.timeout if settings.timeout is not None else theirs.seconds("LF_API_TIMEOUT")
    canonical = checked_url(url, "AI GO!: its url", _HINT).removesuffix(_API)
    given = () if settings.url is not None else theirs.addresses(canonical)
    return Place(canonical, key, verify is not False, timeout or TIMEOUT, given)


def location(settings: Settings, resolver: Resolver) -> str:
    """The canonical URL, as far as it can be told offline."""
    if settings.url is not None:
        return location_of(settings.url, resolver, ending=_API)
    theirs = _Theirs(resolver, files=True)
    try:
        url = theirs.url()
        canonical = canonical_url(url).removesuffix(_API) if url else _URL
    except (ConfigError, ValueError):
        return _URL
    return location_text(_URL, canonical) if theirs.source(*_URLS) is None else canonical


class _Theirs:
    """What `lf` would find. An empty value counts as none.

    Its `files` say all of one place together, or nothing: a key, or `verify: false`, must not come from a file that means another address.
    """

    def __init__(self, resolver: Resolver, *, files: bool) -> None:
        self._environ = resolver.environ
        self._root = resolver.root
        self._resolver = resolver
        self._files: Mapping[str, tuple[Any, Path]] | None = None if files else {}

    def value(self, name: str) -> str | None:
        """Raises ConfigError where the file that would say so cannot be read."""
        value = self._environ.get(name)
        if value:
            return value
        found = self._in_files(name)
        return None if found is None else str(found[0])

    def source(self, *names: str) -> Path | None:
        """The file that says the first of these that is said at all; None where it is the environment, or nobody."""
        for name in names:
            if self._environ.get(name):
                return None
            if (found := self._in_files(name)) is not None:
                return found[1]
        return None

    def url(self) -> str | None:
        """The address, also under the name that it once had."""
        return next(filter(None, map(self.value, _URLS)), None)

    def addresses(self, canonical: str) -> tuple[ResolvedAddress, ...]:
        """The address, for messages, where the environment has it: then it is nobody's business."""
        if self.source(*_URLS) is not None:
            return ()
        name = next(name for name in _URLS if self._environ.get(name))
        return (ResolvedAddress(f"${{env:{name}}}", canonical, (self._secret(name, canonical),)),)

    def secret(self, name: str) -> Secret | None:
        value = self.value(name)
        return None if value is None else self._secret(name, value)

    def _secret(self, name: str, value: str) -> Secret:
        return Secret(value, () if self.source(name) is not None else (self._resolver.origin(name),))

    def check_source(self, settings: Settings) -> None:
        """Raises ConfigError where a file of the repository would say to whom a key goes, or how safely, that is not in a file of the repository.

        Whoever may change the repository would get the key by that: a pull request is enough.
        """
        key = self.source("LF_API_KEY") if settings.api_key is None else None
        if key is not None and self._is_repository(key):
            return
        steering = [_URLS, *(() if settings.verify is not None else (("LF_VERIFY_SSL",),))]
        for path in (self.source(*names) for names in steering):
            if path is not None and self._is_repository(path):
                shown = path.relative_to(self._root) if path.is_relative_to(self._root) else path
                message = (
                    f"AI GO!: {shown} is part of the repository, so a key that is not in it does not go where it says"
                )
                raise ConfigError(message, hint=_HINT)

    def _is_repository(self, path: Path) -> bool:
        """Whether a file is one that a commit may change: below the project's root, or the git work tree that this is in."""
        home = self._home()
        if home is not None and path.parent == home != self._root:
            return False
        trees = (folder for folder in (self._root, *self._root.parents) if os.path.exists(folder / ".git"))
        return path.is_relative_to(next(trees, self._root))

    def _in_files(self, name: str) -> tuple[Any, Path] | None:
        if self._files is None:
            self._files = self._read()
        found = self._files.get(name)
        return None if found is None or found[0] is None or found[0] == "" else found

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

    def _read(self) -> dict[str, tuple[Any, Path]]:
        """The values of all files with the file that says each, those of a nearer one first."""
        merged: dict[str, tuple[Any, Path]] = {}
        for path in self._candidates():
            if presence.is_file(path):
                _check_ours(path)
                merged = {**{name: (value, path) for name, value in _values(path).items()}, **merged}
        return merged

    def _home(self) -> Path | None:
        return Path(os.path.realpath(self._environ["HOME"])) if self._environ.get("HOME") else None

    def _candidates(self) -> Iterator[Path]:
        """From the project's root up to the home directory; elsewhere, where anybody may have folders above, the root alone."""
        home = self._home()
        folders = [self._root]
        if home is not None and self._root.is_relative_to(home):
            folders = [folder for folder in (self._root, *self._root.parents) if folder.is_relative_to(home)]
        for folder in dict.fromkeys([*folders, *([home] if home is not None else [])]):
            yield folder / FILE


def _check_ours(path: Path) -> None:
    """Raises ConfigError where somebody else may have written the file: our key would go to the address in it."""
    found = path.stat()
    if found.st_uid not in (os.geteuid(), 0) or found.st_mode & stat.S_IWOTH:
        raise ConfigError(f"{path} can be written by others, so it is not used", hint=f"chmod go-w {path}, or {_HINT}")


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
