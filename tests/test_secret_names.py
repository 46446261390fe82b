"""One rule tells which names and which texts are those of credentials: for headers, query parameters, fields and texts of a manifest."""

from __future__ import annotations

import json
import re

import pytest
from cli.project import Project
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.secret_names import (
    SECRET_FORMS,
    SECRET_IN_QUERY,
    SECRET_NAME,
    has_secret_in_query,
    is_secret_field,
    is_secret_form,
    is_secret_name,
    refuses_credentials,
)

SECRET = (
    "Ocp-Apim-Subscription-Key x-functions-key X-Auth X-Password api-key apikey apiKey openaiApiKey API_KEY x-goog-api-key "
    "Authorization Proxy-Authorization Cookie Set-Cookie X-Token X-Auth-Token mytoken accessToken PRIVATE-TOKEN token "
    "access_token sig X-Amz-Signature client_secret X-Secret passwd db_password session X-Session-Id bearer credentials "
    "access-key aws_secret_access_key x-rapidapi-key X-Master-Key key auth xAuth AUTH_2 jwt sas X-Vault-Token api.key"
).split()
PLAIN = (
    "max_tokens X-Max-Tokens max_completion_tokens author x-author x-tenant keyboard monkey keys tokenizer Tokenization "
    "x-request-id authority Idempotency-Key partition_key cache_key public_key api_key_env token_type apiKeyEnv secret_name "
    "model_key primary_key pad_token eos_token tokens_per_minute assignment design keynote passage significant model accept"
).split()
LITERAL = "LITERAL-0a1b2c"


def _forms() -> list[str]:
    """Keys as their makers write them; put together here, so that no scanner takes this file for a leak."""
    key = "A1b2C3d4E5f6G7h8J9k0"
    return [
        *(
            f"sk-{key}",
            f"sk-proj-{key}_{key}",
            f"ghp_{key}{key}",
            f"github_pat_{key}",
            f"glpat-{key}",
            "AKIA" + "ABCDEFGH12345678",
        ),
        *(f"xoxb-{key}", f"hf_{key}", f"AIza{key}{key}"[:39], f"eyJ{key}.eyJ{key}.{key}", f"sk_live_{key}"),
        "-----BEGIN " + "RSA PRIVATE KEY-----",
    ]


_PIECES = st.sampled_from([*"_-. aA0sS", *SECRET, *PLAIN, "K", "ſ", *(word.upper() for word in SECRET)])


@given(st.lists(_PIECES | st.text(max_size=2), max_size=4).map("".join))
def test_a_name_is_told_just_where_the_pattern_tells_it(name: str) -> None:
    """The schemas have the pattern alone: what the program looks at first may decide nothing else."""
    assert is_secret_name(name) is (re.search(SECRET_NAME, name) is not None)


@pytest.mark.parametrize("name", SECRET)
def test_a_name_of_a_credential_is_one_everywhere(project: Project, name: str) -> None:
    """Header, query parameter, and the free fields of a manifest."""
    assert is_secret_name(name)
    assert re.search(SECRET_NAME, name)
    assert has_secret_in_query(f"https://h.example/v1?a=1&{name}=x")
    assert refuses_credentials(f"https://h.example/v1?{name}=x") is not None
    assert is_secret_field(name) is (name != "key")
    project.manifest("a", endpoint={"url": "https://h.example", "headers": {name: LITERAL}})
    project.manifest("b", endpoint={"url": f"https://h.example/v1?x=y&{name}={LITERAL}"})
    project.manifest("c", metadata={"deep": [{name: LITERAL}]}, labels={name: LITERAL})
    problems = json.loads(project.run("validate", "--format", "json").out)["problems"]
    found = {(one["file"].rpartition("/")[2][0], one["rule"], one["severity"]) for one in problems}
    assert found >= {("a", "literal-secret", "error"), ("b", "literal-secret", "error")}
    assert (("c", "likely-secret", "warning") in found) is (name != "key")
    for words in (
        ("validate",),
        ("validate", "--format", "github"),
        ("plan",),
        ("plan", "--format", "markdown"),
        ("test", "b"),
    ):
        assert LITERAL not in project.run(*words).both


@pytest.mark.parametrize("name", PLAIN)
def test_a_name_that_only_looks_like_one_is_none(name: str) -> None:
    """A limit, a count, a person, a place, the name of a variable."""
    assert not is_secret_name(name)
    assert not has_secret_in_query(f"https://h.example/v1?{name}=x")


@pytest.mark.parametrize("form", _forms(), ids=lambda form: form[:8])
def test_what_is_written_like_a_key_is_told_wherever_it_stands(project: Project, form: str) -> None:
    """A warning, an error with --strict; the value is not repeated."""
    assert is_secret_form(form)
    assert is_secret_form(f"the key is {form}, I think")
    project.manifest(
        "a", description=f"use {form} for now", metadata={"x": [form], form: 1}, tags=[form], labels={"a": form}
    )
    found = json.loads(project.run("validate", "--format", "json").out)
    assert found["valid"]
    assert {one["pointer"].partition("/")[2].partition("/")[0] for one in found["problems"]} == {
        "description", "metadata", "tags", "labels",
    }  # fmt: skip
    assert {one["rule"] for one in found["problems"]} == {"likely-secret"}
    assert project.run("validate", "--strict").code == 1
    for output in ("text", "github", "junit"):
        answer = project.run("validate", "--format", output)
        assert form not in answer.both, output


@given(st.from_regex(SECRET_FORMS))
def test_whatever_has_a_form_of_a_secret_is_told(text: str) -> None:
    """No short cut that spares most texts the search spares one of these."""
    assert is_secret_form(text)


@given(st.text(st.sampled_from("sk-_liveAKIASzaXdpi0eyJ.BEGINPRVTKY "), max_size=60))
def test_a_text_is_told_exactly_where_the_forms_say_so(text: str) -> None:
    assert is_secret_form(text) is (SECRET_FORMS.search(text) is not None)


@pytest.mark.parametrize(
    "text",
    [
        "sk-",
        "sk-learn",
        "task-force-of-the-people",
        "risk-adjusted-return-on-capital",
        "ghp_x",
        "AKIA",
        "eyJ.x.y",
        "gpt-4o-mini-2024-07-18",
    ],
)
def test_what_is_no_key_is_left_alone(text: str) -> None:
    """Words with hyphens, names of models."""
    assert not is_secret_form(text)


@pytest.mark.parametrize(
    "text", ["?a" * 20_000, "&token" * 20_000, "?" + "a-" * 50_000, "?" + "key" * 30_000], ids=lambda text: text[:6]
)
def test_a_long_address_takes_no_quadratic_time(text: str) -> None:
    """Each character of a query is the beginning of one name at most, and a name has a bound."""
    assert "{0,100}" in SECRET_IN_QUERY
    has_secret_in_query(f"https://h.example/{text}")
    is_secret_form(text)
