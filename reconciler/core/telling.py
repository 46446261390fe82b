"""Names and texts that give a credential away. The one place that knows which.

Quantifiers are bounded throughout: a text is a stranger's, and none may take quadratic time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

from reconciler.core.late_pattern import late_pattern
from reconciler.core.secret_names import (
    SECRET_FORMS,
    has_secret_in_query,
    is_secret_field,
    is_secret_form,
    is_secret_form_of_name,
    refuses_credentials,
)
from reconciler.core.url import public_url

MASK: Final = "***"

# Parts of names, in small letters and without separators. A name that is one slip away from one of them counts as well:
# a secret whose name was mistyped is still a secret.
_STEMS: Final = (
    "apikey", "accesskey", "privatekey", "secretkey", "signingkey", "encryptionkey", "fingerprintkey", "token", "secret",
    "password", "passwd", "passphrase", "authorization", "cookie", "credential",
)  # fmt: skip
_WORDS: Final = frozenset(
    ("auth", "bearer", "cred", "creds", "dsn", "jwt", "otp", "pass", "passcode", "pat", "pin", "pw", "pwd", "sas")
)
_NO_TEXT: Final = frozenset({int, float, bool, type(None)})
_NAME_AND_VALUE: Final = late_pattern(r"""["']?(?P<name>[\w.-]{1,100})["']?(?:\s{0,64}[:=]|\s)\s{0,64}(?=\S)""")
_WORD: Final = late_pattern(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

FORMS: Final = late_pattern(
    # user:password@host, with a scheme before it or without; then a user alone, who may be a token
    r"""(?:(?<=://)|(?<![\w.-]))[^\s/@:"'{}\[\],]{0,256}:[^\s"']{1,256}(?=@)|(?<=://)[^\s/@:]{1,256}(?=@)"""
    r"|\b(?:bearer|basic)\s{1,8}(?!\$\{)[\w.~+/=-]{6,}"
    r"|\b(?:sk|pk|rk|ghp|gho|ghs|glpat|xox[abps]|hf)[-_](?=[\w-]{0,64}\d)[\w-]{16,}",
    re.IGNORECASE,
)


def gives_itself_away(text: str) -> bool:
    """True where a text holds a credential in a form that tells, whatever it is called."""
    return FORMS.search(text) is not None or is_secret_form(text) or has_secret_in_query(text)


def without_credentials(value: Any) -> Any:
    """JSON data as it may be shown, though somebody entered a credential in a registry: addresses without it, `***` for a text that is one.

    What holds none, as nearly everything, is given back itself, and is not to be changed.
    """
    return value if _shows_none(value) else _with_masks(value)


def _shows_none(value: Any) -> bool:
    """Whether a value is shown as it is. It makes nothing anew, since a plan asks it of every object that it shows."""
    kind = value.__class__
    if kind is str:
        return not (is_secret_form(value) or ("://" in value and refuses_credentials(value)))
    if kind is dict:
        for name, item in value.items():
            if is_secret_form_of_name(name) or not (item.__class__ in _NO_TEXT or _shows_none(item)):
                return False
        return True
    if kind is list:
        return all(item.__class__ in _NO_TEXT or _shows_none(item) for item in value)
    return kind in _NO_TEXT


def _with_masks(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {masked(name): without_credentials(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_credentials(item) for item in value]
    if not isinstance(value, str):
        return value
    if refuses_credentials(value):
        return public_url(value)
    return MASK if is_secret_form(value) else str(value)


def masked(text: str) -> str:
    """Mask what a text, such as a message that quotes a name, holds in the form of a credential."""
    return SECRET_FORMS.sub(MASK, text)


def without_value(name: str) -> str:
    """Mask the value in a member's name: to YAML, `api_key:VALUE`, whose space was forgotten, is all of it a name."""
    found = _NAME_AND_VALUE.match(name)
    if found is not None and is_telling(found["name"]):
        return name[: found.end()] + MASK
    return MASK if gives_itself_away(name) else name


def without_values(message: str, names: Iterable[str]) -> str:
    """Mask the values in the members' names that a message quotes."""
    for name in names:
        if (shown := without_value(name)) != name:
            message = message.replace(repr(name)[1:-1], shown).replace(name, shown)
    return message


@lru_cache(maxsize=4096)
def is_telling(name: str) -> bool:
    """Whether the value of a key of this name may be a credential; where in doubt, it is."""
    if is_secret_field(name):
        return True
    words = [word.lower() for word in _WORD.findall(name)]
    joined = "".join(words)
    if _WORDS.intersection(words) or ("key" in words and len(words) > 1):
        return True
    if any(stem in joined.replace("tokeni", "") for stem in _STEMS):
        return True
    return any(_is_near(part) for part in (*words, *(one + two for one, two in pairwise(words))))


def _shorter(word: str) -> Iterator[str]:
    return (word[:place] + word[place + 1 :] for place in range(len(word)))


_NEAR: Final = frozenset((*_STEMS, *(shorter for stem in _STEMS for shorter in _shorter(stem))))


def _is_near(word: str) -> bool:
    """Whether one letter more, less, wrong or swapped makes a stem of `word`."""
    return 4 <= len(word) <= 16 and (word in _NEAR or any(shorter in _NEAR for shorter in _shorter(word)))
