"""Spellings of one address: what leads to one place compares equal, and nothing else does."""

from __future__ import annotations

import pytest

from reconciler.core.url import comparable_url, place_of

SAME = [
    ("http://localhost:8080/v1", "http://127.0.0.1:8080/v1"),
    ("http://localhost:8080/v1", "http://[::1]:8080/v1"),
    ("http://localhost:8080/v1", "http://127.8.9.1:8080/v1/"),
    ("http://localhost:8080/v1", "http://LOCALHOST.:8080/v1"),
    ("http://localhost:8080/v1", "http://models.localhost:8080/v1"),
    ("http://localhost:8080/v1", "http://0.0.0.0:8080/v1"),
    ("http://localhost:8080/v1", "http://[::ffff:127.0.0.1]:8080/v1"),
    ("https://llm.example.com/api", "https://llm.example.com./api"),
    ("https://llm.example.com/api", "https://LLM.example.com:443/api/"),
    ("https://llm.example.com/api", "https://llm.example.com//api"),
    ("https://llm.example.com/api", "https://llm.example.com/%61pi"),
    ("https://m\u00fcnchen.example/api", "https://xn--mnchen-3ya.example/api"),
    ("http://[2001:db8::1]/v1", "http://[2001:0db8:0:0::1]/v1"),
    ("http://localhost:8080#team", "http://127.0.0.1:8080#team"),
]
OTHER = [
    ("http://localhost:8080/v1", "http://localhost:8081/v1"),
    ("http://localhost:8080/v1", "https://localhost:8080/v1"),
    ("http://localhost:8080/v1", "http://localhost:8080/v2"),
    ("http://localhost:8080#team", "http://localhost:8080#other"),
    ("https://a.example.com/api", "https://b.example.com/api"),
    ("https://a.example.com/a%2Fb", "https://a.example.com/a/b"),
    ("http://10.0.0.1/v1", "http://10.0.0.2/v1"),
    ("/srv/a.db", "/srv/A.db"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_place(one: str, other: str) -> None:
    """The machine itself, a dot at the end, cases, default ports, escapes, forms of an IP address, punycode."""
    assert comparable_url(one) == comparable_url(other)
    assert place_of(one) == place_of(other)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_other_places_stay_apart(one: str, other: str) -> None:
    """Port, scheme, path, workspace, host; a path of a file is no address."""
    assert comparable_url(one) != comparable_url(other)
    assert place_of(one) != place_of(other)


@pytest.mark.parametrize("text", ["", "x", "http://[", "http://h:port/", "file:///a//b", "${env:URL}"])
def test_what_is_no_address_stays(text: str) -> None:
    """Nothing is raised, and nothing is changed."""
    assert comparable_url(text) == text
