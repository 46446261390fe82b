"""Names that say that their value is a credential, and values that say so themselves: one rule for headers, query parameters and fields.

The rule is a regular expression, because the JSON Schemas say the same as the program, and JSON Schema has nothing else.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from reconciler.core.late_pattern import late_pattern


def any_case(text: str) -> str:
    """A pattern for a word in any case, since JSON Schema has no flags."""
    return "".join(f"[{letter.upper()}{letter}]" if letter.isalpha() else letter for letter in text)


def _word(text: str) -> str:
    """A pattern for a word that stands alone in a name: `auth` in `x-auth`, `xAuth` and `AUTH_2`, not in `author`."""
    first, rest = text[0], any_case(text[1:])
    begins = rf"(?:(?<![A-Za-z])[{first.upper()}{first}]|(?<=[a-z0-9]){first.upper()})"
    ends = r"(?:(?![A-Za-z])|(?<=[a-z])(?=[A-Z]))"
    return begins + rest + ends


# in whatever they stand: `x-api-key`, `openaiApiKey`, `ACCESS_KEY_2`, `mypassword`
STEMS: Final = (
    *("authorization", "password", "passwd", "passphrase", "credential", "secret", "cookie", "bearer", "signature"),
    *("api-key", "access-key", "subscription-key", "functions-key", "function-key", "private-key", "account-key"),
)
_WORDS: Final = ("auth", "oauth", "sig", "sas", "jwt", "pwd", "otp", "session", "sessionid", "cred", "creds")
# what ends in `key` opens something, unless it finds something
FINDING: Final = (
    *(
        "idempotency",
        "partition",
        "cache",
        "surrogate",
        "routing",
        "sort",
        "primary",
        "foreign",
        "public",
        "model",
        "object",
    ),
    *(
        "group",
        "order",
        "unique",
        "row",
        "message",
        "dedupe",
        "lookup",
        "hash",
        "websocket",
        "shard",
        "registry",
        "adapter",
    ),
)
PLAIN_TOKENS: Final = (
    "bos",
    "eos",
    "pad",
    "unk",
    "sep",
    "cls",
    "mask",
    "stop",
    "image",
    "next",
    "page",
    "continuation",
)
# `api_key_env` names a variable, `token_type` a type: what they hold is no secret
ABOUT: Final = (
    *(
        "name",
        "env",
        "var",
        "file",
        "path",
        "ref",
        "type",
        "kind",
        "count",
        "limit",
        "budget",
        "length",
        "format",
        "url",
    ),
    *(
        "uri",
        "endpoint",
        "header",
        "ttl",
        "expiry",
        "expires",
        "timeout",
        "provider",
        "policy",
        "scheme",
        "size",
        "usage",
    ),
)


def _anywhere(stem: str) -> str:
    return any_case(stem).replace("-", "[-_. ]?")


_about: Final = "|".join(f"[-_. ]{any_case(word)}|(?<=[a-z]){word.capitalize()}" for word in ABOUT)
_not_after: Final = "".join(f"(?<!{any_case(word)}[-_.])" for word in (*FINDING, *PLAIN_TOKENS))
_key: Final = rf"(?:(?<=[A-Za-z0-9][-_.]){_not_after}[Kk]|(?<=[a-z0-9])K){any_case('ey')}(?![A-Za-z])"
_token: Final = rf"{_not_after}{any_case('token')}(?![Ss](?![a-z])|[Ii][SsZz])"
_TELLING: Final = "|".join([*map(_anywhere, STEMS), *map(_word, _WORDS), _key, _token])


def _named(char: str, end: str, most: int | str = "") -> str:
    """A pattern for a name of characters `char`, of which there are at most so many, that says so, up to `end`."""
    rest = f"{char}{{0,{most}}}"
    return f"(?!{rest}(?:{_about})[Ss]?{end})(?:[Kk][Ee][Yy]{end}|{rest}(?:{_TELLING}){rest}{end})"


# `$` alone also matches before a last newline
SECRET_NAME: Final = "^" + _named(r"[\s\S]", r"$(?!\n)")
# a parameter whose value is written down; one that is empty says nothing
SECRET_IN_QUERY: Final = r"[?&;]" + _named("[^=&#;?]", "=", 100) + r"(?=[^&#;])(?!\$\{)"

# Whatever a name that the pattern matches is called, it holds one of these.
_PIECES: Final = (
    "key",
    "token",
    "auth",
    "pass",
    "cred",
    "secret",
    "cookie",
    "bearer",
    "sig",
    "sas",
    "jwt",
    "pwd",
    "otp",
    "session",
)

_secret_name: Final = late_pattern(SECRET_NAME)
_secret_in_query: Final = late_pattern(SECRET_IN_QUERY)
SECRET_FORMS: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:sk|pk|rk)-(?=[A-Za-z0-9_-]{0,80}[0-9])[A-Za-z0-9_-]{16,80}"  # OpenAI, Anthropic, LiteLLM and others
    r"|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,255}"  # Stripe
    r"|gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255}|glpat-[A-Za-z0-9_-]{16,255}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])|AIza[A-Za-z0-9_-]{30,255}"
    r"|xox[abeprs]-[A-Za-z0-9-]{10,255}|hf_[A-Za-z0-9]{20,255}|nvapi-[A-Za-z0-9_-]{20,255}|dapi[0-9a-f]{32}|gsk_[A-Za-z0-9]{20,255}"
    r"|eyJ[A-Za-z0-9_-]{8,255}\.eyJ[A-Za-z0-9_-]{8,255}\.[A-Za-z0-9_-]*"
    r")|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----"
)
_SHORTEST: Final = 15  # characters of a secret in one of these forms


@lru_cache(maxsize=4096)  # the same names stand in every manifest
def is_secret_name(name: str) -> bool:
    """Whether what stands under a name is a credential, whatever it is: a header, a query parameter, a field."""
    small = name.lower()  # most names hold no piece of one that tells, and the pattern need not even be compiled
    return any(piece in small for piece in _PIECES) and _secret_name.search(name) is not None


@lru_cache(maxsize=4096)
def is_secret_field(name: str) -> bool:
    """The same for a field that nobody declares. One that is called `key` alone mostly finds something."""
    return name.lower() != "key" and is_secret_name(name)


def has_secret_in_query(url: str) -> bool:
    """Whether the query of an address has a credential that is written down."""
    return "?" in url and _secret_in_query.search(url) is not None


def refuses_credentials(url: Any) -> str | None:
    """Why an address in a registry's own terms must not be written as it is: its user, its password or a key in its query would be shown to everybody."""
    if not isinstance(url, str) or "://" not in url:
        return None
    if "@" in url and "@" in re.split(r"[/?#\\\\]", url.split("://", 1)[1], maxsplit=1)[0]:
        return "must not hold a user name or password"
    return "must not hold a credential in its query" if has_secret_in_query(url) else None


@lru_cache(maxsize=4096)
def is_secret_form_of_name(name: str) -> bool:
    """The same as `is_secret_form` for the name of a field, which stands in many manifests."""
    return is_secret_form(name)


def is_secret_form(text: str) -> bool:
    """Whether a text holds what is only written as a credential: `sk-...`, `ghp_...`, `AKIA...`, a signed JWT, a private key."""
    # most texts are too short, or hold nothing of any form, and searching is what costs: every value of every object is asked
    return (
        len(text) >= _SHORTEST
        and (
            "-" in text
            or "_" in text
            or "AKIA" in text
            or "ASIA" in text
            or "AIza" in text
            or "dapi" in text
            or "eyJ" in text
        )
        and SECRET_FORMS.search(text) is not None
    )
