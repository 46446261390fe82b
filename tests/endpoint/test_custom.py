"""Custom formats: templates before and after, in a process that nothing gets out of."""

from __future__ import annotations

import json
from typing import Any

import pytest
from endpoint.place import Place, failed, names, place, run, subject
from endpoint.server import KEY

from reconciler.core.errors import InputError
from reconciler.endpoint.sandbox import render
from reconciler.endpoint.templates import rendered
from reconciler.endpoint.test_run import check_input
from reconciler.endpoint.values import Adapter, FailedError

__all__ = ["place"]

BEFORE = '{"ask": {{ input.messages[0].content | tojson }}, "m": "{{ model_info.model_key }}"}'
AFTER = (
    '{"status": {{ status_code }}, "content": "{{ body | regex_replace("^answer=(.*)&.*$", "\\\\1") | json_escape }}",'
    ' "model": "{{ model_info.model_key }}"}'
)
ADAPTER = Adapter("mine", BEFORE, AFTER)


async def test_an_adapter_is_shown_step_by_step(place: Place) -> None:
    """What the template made, what the endpoint answered, what became of it."""
    one = subject(f"{place.host}/own/", "gpt", format="custom", adapter=ADAPTER)
    done = await run(one, {"messages": [{"role": "user", "content": 'say "ä"'}]})
    assert (done.ok, names(done)) == (True, ["connection", "transform-input", "inference", "transform-output"]), done
    assert [json.loads(step.text) if step.text[0] == "{" else step.text for step in done.steps] == [
        {"ask": 'say "ä"', "m": "gpt"},
        'answer=SAY "Ä"&model=gpt',
        {"status": 200, "content": 'SAY "Ä"', "model": "gpt"},
    ]
    assert done.output == {"status": 200, "content": 'SAY "Ä"', "model": "gpt"}
    assert set(done.figures) == {"latency_ms"}


async def test_a_chat_behind_an_adapter_needs_no_input(place: Place) -> None:
    """The greeting, with the manifest's parameters beside it; a text takes the greeting's place."""
    adapter = Adapter("mine", '{"ask": {{ input | tojson | tojson }}}', "{{ body }}")
    one = subject(f"{place.host}/own/", format="custom", adapter=adapter, parameters={"temperature": 0.5})
    check_input(one, None)
    done = await run(one)
    sent = json.loads(json.loads(done.steps[0].text)["ask"])
    assert sent == {"messages": [{"role": "user", "content": "Hello!"}], "temperature": 0.5}
    assert done.checks[-1].message.startswith("no JSON: answer=")
    done = await run(one, "Why?")
    assert json.loads(json.loads(done.steps[0].text)["ask"])["messages"][0]["content"] == "Why?"


@pytest.mark.parametrize("adapter", [None, "latticeflow$identity"])
async def test_without_an_adapter_the_input_goes_as_it_is(place: Place, adapter: str | None) -> None:
    """To the very address that the manifest has; what comes back need not be JSON."""
    one = subject(f"{place.host}/own/", format="custom", endpoint_adapter=adapter)
    done = await run(one, {"ask": "as it is"})
    assert (done.ok, names(done)) == (True, ["connection", "inference"])
    assert done.output == "answer=AS IT IS&model="


async def test_without_an_input_a_custom_format_is_not_asked(place: Place) -> None:
    """One model: an error that says what to do. Among others: connected to, and said that it was not asked."""
    one = subject(f"{place.host}/own/", format="custom")
    with pytest.raises(InputError, match="a model of a custom format needs an input of its own"):
        check_input(one, None)
    done = await run(one)
    assert (done.ok, names(done)) == (True, ["connection"])
    assert "not asked: it needs an input of its own" in done.checks[0].message


async def test_a_refusal_is_a_failed_inference(place: Place) -> None:
    """With the endpoint's own words."""
    done = await run(subject(f"{place.host}/own/", format="custom"), {"tell": "me"})
    assert "answered 422 Unprocessable Entity: ask what?" in failed(done, "inference")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("nobody", "the adapter nobody is declared nowhere: no latticeflow/Adapter of that key"),
        ("latticeflow$openai_responses", "comes with AI GO! and is known there only"),
    ],
)
async def test_an_adapter_that_is_not_there(place: Place, key: str, said: str) -> None:
    """Nothing is sent to the model."""
    assert said in failed(await run(subject(f"{place.host}/own/", format="custom", endpoint_adapter=key)), "inference")


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("{% if %}", "the template fails: line 1: Expected an expression"),
        ("{{ input.nothing.more }}", "the template fails: 'dict object' has no attribute 'nothing'"),
        ("{{ nothing | tojson }}", "the template fails: TypeError: Object of type Undefined"),
        ("{{ 1 / 0 }}", "the template fails: ZeroDivisionError"),
        ("  ", "the template makes nothing"),
        ("{{ ''.__class__.__mro__ }}", "access to attribute '__class__' of 'str' object is unsafe"),
        ("{% include '/etc/passwd' %}", "the template fails: "),
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "too much time or memory"),
        ("{{ 9 ** 999999999 }}", "too much time or memory"),
        ("{{ 'a' * 9999999999 }}", "it needs too much memory"),
        ("{% for a in range(99999) %}{{ 'a' * 1000 }}{% endfor %}", "it makes more than 4 MiB"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "it calls itself without end"),
        ("{{ ('a' * 40 + 'b') | regex_replace('(a+)+$', '') }}", "too much time or memory"),
    ],
)
async def test_a_template_is_bounded(place: Place, before: str, said: str) -> None:
    """Mistakes and attacks end as a failed check, and nothing is sent; what never ended would end this test."""
    one = subject(f"{place.host}/own/", "never", format="custom", adapter=Adapter("bad", before, "{{ body }}"))
    assert said in failed(await run(one), "transform-input")
    assert place.seen("never") == []


async def test_a_template_knows_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process has no environment but what Python needs, and finds its modules not in the working directory."""
    monkeypatch.setenv("LLM_KEY", KEY)
    assert await rendered("{{ input.a }}", {"input": {"a": "ü"}}) == "ü"
    with pytest.raises(FailedError, match="more than 256 KiB"):
        await rendered("a" * 300_000, {})


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("{{ x | tojson }}", '{"a": "<ü>"}'),
        ("{{ '[1, {\"b\": 2}]' | fromjson | last | tojson }}", '{"b": 2}'),
        ("{{ 'a\"\n' | json_escape }}", 'a\\"\\n'),
        ("{{ [1, 2] | zip(['a', 'b']) | tojson }}", '[[1, "a"], [2, "b"]]'),
        ("{{ x | merge({'c': 1}, {'a': 2}) | tojson }}", '{"a": 2, "c": 1}'),
        ("{{ 'a-b-c' | regex_replace('-', '+') }}", "a+b+c"),
        ("{{ x.missing }}|{% if x.missing %}no{% endif %}", "|"),
    ],
)
def test_the_filters(source: str, made: str) -> None:
    """Those that AI GO! has beside jinja's own; what is missing is empty, as it is there."""
    variables: dict[str, Any] = {"x": {"a": "<ü>"}}
    assert render(source, variables) == {"text": made}
