"""What a server repeats of a secret is masked: in every encoding that is cheaply undone, in two of them, cut, hashed, and in bounded work."""

from __future__ import annotations

import base64
import hashlib
import html
import itertools
import json
import random
import urllib.parse
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.encodings import TooMuchWorkError
from reconciler.core.redaction import LONGEST, MARGIN, WINDOW, Redactor
from reconciler.core.secret import Secret

KEY = "sk-live-0123456789abcdef"


def _bytes(text: str) -> bytes:
    return text.encode()


FORMS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "base64": lambda text: base64.b64encode(_bytes(text)).decode(),
    "base64 in an alphabet for URLs": lambda text: base64.urlsafe_b64encode(_bytes(text)).decode().rstrip("="),
    "base64 of a header": lambda text: base64.b64encode(_bytes(f"Bearer {text}")).decode(),
    "base64 of a pair": lambda text: base64.b64encode(_bytes(f"user:{text}")).decode(),
    "base64 of JSON": lambda text: base64.b64encode(json.dumps({"key": text}).encode()).decode(),
    "percent": lambda text: urllib.parse.quote(text, safe=""),
    "percent, slashes left": urllib.parse.quote,
    "percent, plus for space": urllib.parse.quote_plus,
    "percent, small letters": lambda text: "".join(f"%{byte:02x}" for byte in _bytes(text)),
    "percent, large letters": lambda text: "".join(f"%{byte:02X}" for byte in _bytes(text)),
    "HTML": html.escape,
    "HTML, decimal": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "HTML, hexadecimal": lambda text: "".join(f"&#x{ord(char):X};" for char in text),
    "JSON": json.dumps,
    "JSON, readable": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "JSON, slashes escaped": lambda text: json.dumps(text).replace("/", "\\/"),
    "every character escaped": lambda text: "".join(
        f"\\u{int.from_bytes(pair):04x}" for pair in zip(*[iter(text.encode("utf-16-be"))] * 2, strict=True)
    ),
    "hexadecimal": lambda text: _bytes(text).hex(),
    "hexadecimal, large letters": lambda text: _bytes(text).hex().upper(),
    "hexadecimal, in pairs": lambda text: _bytes(text).hex(":"),
    "numbers": lambda text: str(list(_bytes(text))),
    "repr": repr,
    "repr of bytes": lambda text: repr(_bytes(text)),
    "backward": lambda text: text[::-1],
    "zero widths between": "\u200b".join,
}
PLAIN_CASES: dict[str, Callable[[str], str]] = {
    "large letters": str.upper,
    "small letters": str.lower,
    "the other case": str.swapcase,
}
# no control characters, which no header can hold
SECRETS = st.one_of(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=4, max_size=200),
    st.text(
        st.characters(min_codepoint=33, exclude_categories=("Cs", "Cc", "Cf", "Cn", "Co", "Z")), min_size=4, max_size=60
    ),
    st.text(st.sampled_from("aZ0\"'\\/+%&<>=- "), min_size=6, max_size=40).filter(lambda text: len(text.strip()) >= 4),
).map(str.strip)
AROUND = st.sampled_from(
    [("", ""), ("bad key: ", ""), ('{"message":"', '"}'), ("<p>", "</p>"), ("k=", "&x=1"), ("(", ")")]
)


def _worth(value: str) -> bool:
    """Whether a value is longer than what may be masked only where it stands alone, and no word of the texts around it."""
    return len(value) >= 4 and value.lower() not in "bad key message user bearer"


@settings(max_examples=150, deadline=None)
@given(SECRETS.filter(_worth), AROUND, st.data())
def test_no_form_of_a_secret_is_left(value: str, around: tuple[str, str], data: st.DataObject) -> None:
    """In one encoding or in two, wherever it stands."""
    redact = Redactor([Secret(value)])
    inner, outer = (data.draw(st.sampled_from(sorted(FORMS))) for _ in range(2))
    for form in {FORMS[inner](value), FORMS[outer](FORMS[inner](value))}:
        shown = redact(f"{around[0]}{form}{around[1]}")
        assert form not in shown, (inner, outer)
        assert "***" in shown, (inner, outer)


@pytest.mark.parametrize("outer", FORMS)
def test_every_pair_of_forms(outer: str) -> None:
    """Each encoding within each other one, for a key as they are and one of nothing but marks that mean something somewhere."""
    for inner, value in itertools.product(FORMS, (KEY, "pä\"ss'w\\o/r+d%41&amp;<x>")):
        form = FORMS[outer](FORMS[inner](value))
        shown = Redactor([Secret(f"Bearer {value}")])(f"bad key: {form}!")
        assert shown.startswith("bad key: ")
        assert form not in shown, inner
        assert "***" in shown, inner


@settings(max_examples=60, deadline=None)
@given(SECRETS.filter(_worth), st.sampled_from(sorted(PLAIN_CASES)))
def test_another_case_is_found(value: str, case: str) -> None:
    """Servers that write headers or hosts in one case write keys in it too."""
    form = PLAIN_CASES[case](value)
    assert form not in Redactor([Secret(value)])(f"bad key: {form}").removeprefix("bad key: ")


@pytest.mark.parametrize(
    "said",
    [
        f"{KEY[:-4]}…",
        f"{KEY[:8]}...{KEY[-4:]}",
        f"{KEY[:5]}****{KEY[-4:]}",
        f"****{KEY[-4:]}",
        f"xxxxx{KEY[-3:]}",
        f"the key ending in {KEY[-4:]}",
        f"last 4: {KEY[-4:]}",
        f"the key that starts with '{KEY[:7]}'",
        f"{KEY[:12]} {KEY[12:]}",
        " ".join(KEY),
        "-".join(KEY),
        KEY[2:],
        KEY[4:16],
        f"{KEY[:10]}\n{KEY[10:]}",
    ],
)
def test_a_part_of_a_key_is_masked(said: str) -> None:
    """Shown as a part, or long enough to be one."""
    shown = Redactor([Secret(KEY)])(f"Incorrect: {said}.")
    assert "***" in shown
    for part in (KEY[-4:], KEY[:7], KEY[6:12]):
        assert part not in shown


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256", "sha512"])
@pytest.mark.parametrize("length", [8, 12, 40, 128])
def test_a_hash_of_a_key_is_masked(name: str, length: int) -> None:
    """LiteLLM names a key by its sha256; who sees it can tell whether a guess is right."""
    digest = hashlib.new(name, KEY.encode(), usedforsecurity=False)
    redact = Redactor([Secret(f"Bearer {KEY}")])
    for form in (
        digest.hexdigest()[:length],
        digest.hexdigest().upper()[:length],
        base64.b64encode(digest.digest()).decode(),
    ):
        assert form not in redact(f"unknown key {form}!")


def test_what_is_no_secret_is_left() -> None:
    """A message stays readable: no word of it is masked for being part of a key."""
    redact = Redactor([Secret("Bearer watsonx-token-of-the-tests"), Secret("ab"), Secret("x")])
    said = "watsonx: the token of model x1 is about to expire, the tests say: cab, Bearer, of-the"
    assert redact(said) == said
    assert redact("ab: a tab (x)") == "***: a tab (***)"


def test_a_secret_at_the_end_of_what_is_read_is_not_cut_open() -> None:
    """What is cut was searched before, also where blanks are taken out and where the text goes on for ever."""
    redact = Redactor([Secret(KEY)])
    for most in (10, 80, 500):
        for before in range(most - len(KEY) - 2, most + 2):
            shown = redact.excerpt("x" * max(before, 0) + "|" + KEY, most)
            assert KEY[:3] not in shown
    for size in (4096, WINDOW // 2, WINDOW, LONGEST - MARGIN, LONGEST):
        for less in (0, 1, 5, len(KEY) - 1, len(KEY)):
            text = " " * (size - less) + KEY + "." * LONGEST
            assert KEY[:4] not in redact.excerpt(text, 80)
            assert KEY[:4] not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "%41" * 350_000,
        "\\\\" * 500_000,
        "&amp;" * 200_000,
        base64.b64encode(random.Random(1).randbytes(750_000)).decode(),
        base64.b64encode(base64.b64encode(base64.b64encode(b"A" * 400_000))).decode(),
        "a1" * 500_000,
        f"{KEY[:9]}!" * 100_000,
        f"...{KEY[-2:]}" * 200_000,
        "1 " * 500_000,
        "\u200b" * 1_000_000,
    ],
    ids=["percent", "backslashes", "entities", "random", "nested", "hex", "nearly", "cuts", "numbers", "unseen"],
)
def test_the_work_is_bounded(text: str) -> None:
    """A mebibyte that decodes to mebibytes: what is looked at has a limit, and what is not looked at is not shown."""
    redact = Redactor([Secret(f"Bearer {KEY}")])
    assert len(redact(text)) <= LONGEST
    with pytest.raises(TooMuchWorkError):
        redact.spans(text, 10_000)


def test_an_address_counts_as_a_whole() -> None:
    """Another place on the same host name is no secret."""
    redact = Redactor([], ["http://127.0.0.1:8080/v1", "llm.example.com"])
    assert redact("http://127.0.0.1:8080/v1/models at LLM.example.com") == "***/models at ***"
    assert redact("http://127.0.0.1:9090/v1 and example.com") == "http://127.0.0.1:9090/v1 and example.com"
