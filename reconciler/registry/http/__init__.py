"""The HTTP client of every driver of a remote registry: pooled, and its requests are sent once unless said otherwise.

Only this package imports an HTTP client. Drivers load it by name when a registry is opened: importing it costs 200 ms.
"""

from __future__ import annotations

from reconciler.core.redaction import Redactor
from reconciler.registry.http.client import Client, open_client
from reconciler.registry.http.payload import parse
from reconciler.registry.http.pool import RawResponse
from reconciler.registry.http.proxies import proxy_secrets
from reconciler.registry.http.reasons import reason_in, reason_of
from reconciler.registry.http.target import Response, Target

__all__ = [
    "Client",
    "RawResponse",
    "Redactor",
    "Response",
    "Target",
    "open_client",
    "parse",
    "proxy_secrets",
    "reason_in",
    "reason_of",
]
