"""What the NeMo driver relies on, asked of the real server: a new version that behaves otherwise fails here first, by name."""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from registry.nemo.fixtures import nemo_judge as nemo_judge
from registry.nemo.fixtures import nemo_server as nemo_server
from registry.nemo.fixtures import workspace as workspace
from registry.nemo.judge import Judge
from registry.nemo.server import create_fileset, create_workspace
from registry.nemo.wire import Wire, at_once, wire
from registry.server_process import Running


@pytest.fixture
def nemo(nemo_server: Running, workspace: str) -> Iterator[Wire]:
    with wire(nemo_server.url, workspace) as nemo:
        yield nemo


def test_patch_keeps_what_is_null_and_replaces_nested_objects_whole(nemo: Wire) -> None:
    """A PATCH with null changes nothing, but for `backend_format`; a map in it is not merged."""
    nemo.post("models", "m1", description="d", backend_format="OPENAI_CHAT", custom_fields={"a": 1, "b": 2})
    before = nemo.stored("models", "m1")
    assert nemo.patch("models", "m1", description=None, custom_fields=None).json() == before
    after = nemo.patch("models", "m1", backend_format=None, custom_fields={"c": 3}).json()
    assert after == {**before, "backend_format": None, "custom_fields": {"c": 3}, "updated_at": after["updated_at"]}


def test_what_can_be_cleared_in_a_model_and_what_cannot(nemo: Wire) -> None:
    """Each field has its own empty value; `finetuning_type` and `spec` have none."""
    endpoint = {"url": "http://x/v1", "model_id": "x"}
    fields: dict[str, Any] = {"description": "d", "base_model": "b", "ownership": {"a": 1}, "model_providers": ["a/b"]}
    nemo.post("models", "m1", **fields, api_endpoint=endpoint, prompt={"system_prompt": "s"}, finetuning_type="lora")
    empty: dict[str, Any] = {"description": "", "base_model": "", "ownership": {}, "model_providers": []}
    nemo.patch("models", "m1", **empty, api_endpoint={}, prompt={})
    stored = nemo.stored("models", "m1")
    assert {name: stored[name] for name in empty} == {**empty, "base_model": None}
    assert stored["api_endpoint"] == dict.fromkeys(["url", "model_id", "api_key", "format"])
    assert set(stored["prompt"].values()) == {None}
    assert nemo.patch("models", "m1", finetuning_type="").status_code == 422
    assert nemo.patch("models", "m1", spec={}).status_code == 422


def test_what_cannot_be_changed_is_silently_ignored(nemo: Wire) -> None:
    """A PATCH of a model's name or project, or of a field that there is not, answers 200 and does nothing."""
    assert nemo.post("projects", "pp").status_code == 201
    nemo.post("models", "m1")
    before = nemo.stored("models", "m1")
    assert nemo.patch("models", "m1", project="pp", name="m2", descripton="typo").json() == before
    assert nemo.stored("models", "m1") == before


def test_nothing_is_written_where_nothing_changes(nemo: Wire, nemo_judge: Judge) -> None:
    """`updated_at` and the store's `db_version` move with a change, and with nothing else."""
    nemo.post("models", "m1", description="d")
    nemo.put("providers", "p1", host_url="http://x")
    before = nemo.stored("models", "m1"), nemo.stored("providers", "p1"), nemo_judge.written(nemo.workspace)
    nemo.patch("models", "m1", description="d")
    nemo.put("providers", "p1", host_url="http://x")
    assert before == (nemo.stored("models", "m1"), nemo.stored("providers", "p1"), nemo_judge.written(nemo.workspace))
    nemo.patch("models", "m1", description="e")
    assert nemo.stored("models", "m1")["updated_at"] > before[0]["updated_at"]
    assert nemo_judge.db_version("Model", nemo.workspace, "m1") == 2
    assert nemo_judge.db_version("Provider", nemo.workspace, "p1") == 1


def test_lists_drop_nulls_which_single_objects_have(nemo: Wire) -> None:
    """In a list a null is left out at every depth, except inside `custom_fields`; asked for alone, an object has all its keys."""
    nemo.post("models", "m1", custom_fields={"a": None}, api_endpoint={"url": "http://x/", "model_id": "x"})
    (row,) = nemo.get("models", sort="name", page_size=1000).json()["data"]
    alone = nemo.stored("models", "m1")
    assert row["api_endpoint"] == {"url": "http://x/", "model_id": "x"}
    assert alone["api_endpoint"] == {"url": "http://x/", "model_id": "x", "api_key": None, "format": None}
    assert row["custom_fields"] == alone["custom_fields"] == {"a": None}
    assert {name for name, value in alone.items() if value is not None} == row.keys()


def test_custom_fields_come_back_as_they_went(nemo: Wire) -> None:
    """Nulls, floats that are whole, large numbers, odd keys and emoji survive creation, change, reading and listing."""
    fields = {"a": None, "": 1, "x.y": 1e300, "$k": -0.0, "n": 12345678901234567890, "f": 1.0, "😀": "😀", "l": [None]}
    assert repr(nemo.post("models", "m1", custom_fields=fields).json()["custom_fields"]) == repr(fields)
    fields = {**fields, "more": {"": None}}
    assert repr(nemo.patch("models", "m1", custom_fields=fields).json()["custom_fields"]) == repr(fields)
    assert repr(nemo.stored("models", "m1")["custom_fields"]) == repr(fields)
    assert repr(nemo.get("models").json()["data"][0]["custom_fields"]) == repr(fields)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("http://127.0.0.1:19001", "http://127.0.0.1:19001/"),
        ("HTTP://Example.COM:80/V1", "http://example.com/V1"),
        ("https://x.example:443/v1/", "https://x.example/v1/"),
        ("http://bücher.example/a b", "http://xn--bcher-kva.example/a%20b"),
    ],
)
def test_a_models_url_is_made_canonical_and_a_providers_is_not(nemo: Wire, sent: str, stored: str) -> None:
    """`api_endpoint.url` of a model comes back in another spelling, `host_url` of a provider as it was."""
    nemo.post("models", "m1", api_endpoint={"url": sent, "model_id": "x"})
    nemo.put("providers", "p1", host_url=sent)
    assert nemo.stored("models", "m1")["api_endpoint"]["url"] == stored
    assert nemo.stored("providers", "p1")["host_url"] == sent


@pytest.mark.parametrize("name", ["ab", "m" * 63, "a.b_c-d"])
def test_names_that_models_may_have(nemo: Wire, name: str) -> None:
    """2 to 63 of `a-z 0-9 - . _`, a letter first."""
    assert nemo.post("models", name).status_code == 201
    assert nemo.stored("models", name)["name"] == name


@pytest.mark.parametrize("name", ["a", "m" * 64, "A1", "1a", "a--b", "ab-", "a@b", "a+b", "a/b", "ab\n"])
def test_names_that_models_may_not_have(nemo: Wire, name: str) -> None:
    """Neither shorter nor longer, no capital, no `--`, no `-` at the end, and not all that the store below would take."""
    assert nemo.post("models", name).status_code == 422
    assert nemo.names("models") == []


def test_details_of_errors_have_three_shapes(nemo: Wire) -> None:
    """A list of pydantic's errors with `loc`, a sentence, and a sentence that is the repr of such a list."""
    nemo.post("models", "m1")
    listed = nemo.post("models", "m2", description=5)
    assert (listed.status_code, listed.json()["detail"][0]["loc"]) == (422, ["body", "description"])
    written = nemo.post("models", "A1")
    assert written.status_code == 422
    assert written.json()["detail"].startswith("[{'type': 'string_pattern_mismatch'")
    said = nemo.post("models", "m1")
    assert (said.status_code, said.headers["x-should-retry"]) == (409, "false")
    assert said.json() == {"detail": f"Model with workspace '{nemo.workspace}' and name 'm1' already exists"}


def test_statuses_of_references_that_lead_nowhere(nemo: Wire) -> None:
    """A missing secret or fileset is 400, a missing project 422, a missing base model of an adapter 404, another base model nothing."""
    assert nemo.put("providers", "p1", host_url="http://x", api_key_secret_name="nope").status_code == 400
    assert nemo.post("models", "m1", fileset="nope").status_code == 400
    assert nemo.post("models", "m1", project="nope").status_code == 422
    assert nemo.post("models", "m1", base_model="nope", model_providers=["no/pe"]).status_code == 201
    nemo.http.post(nemo.path("filesets"), json={"name": "empty"})
    assert nemo.post("adapters", "a1", model="m1", fileset="empty", finetuning_type="lora").status_code == 400
    create_fileset(str(nemo.http.base_url), nemo.workspace, "full")
    assert nemo.post("adapters", "a1", model="nope", fileset="full", finetuning_type="lora").status_code == 404


def test_a_workspace_that_is_not_there_looks_like_a_broken_server(nemo: Wire) -> None:
    """Most lists answer 500, and that of projects looks empty: only the workspace itself says that it is missing."""
    nowhere = nemo.at("nowhere")
    kinds = ["models", "providers", "adapters", "prompts", "secrets", "projects"]
    statuses = [nowhere.get(kind).status_code for kind in kinds]
    assert dict(zip(kinds, statuses, strict=True)) == dict.fromkeys(kinds, 500) | {"secrets": 404, "projects": 200}
    assert nemo.http.get("/apis/entities/v2/workspaces/nowhere").status_code == 404
    assert nowhere.post("models", "m1").status_code == 422


def test_pages(nemo: Wire) -> None:
    """A page has at most 1,000 rows: more is a 500, too far is empty, and the total is told."""
    for name in ("m3", "m1", "m2"):
        nemo.post("models", name)
    page = nemo.get("models", sort="name", page=2, page_size=2).json()
    assert [row["name"] for row in page["data"]] == ["m3"]
    assert page["pagination"] == {
        "page": 2,
        "page_size": 2,
        "current_page_size": 1,
        "total_pages": 2,
        "total_results": 3,
    }
    assert nemo.get("models", page=9).json()["data"] == []
    assert nemo.get("models", page_size=1001).status_code == 500
    assert nemo.get("secrets").json()["pagination"]["page_size"] == 10


def test_updates_at_the_same_time_lose_with_500_and_creates_with_409(nemo: Wire) -> None:
    """Somebody wins. The losers of an update cannot be told from a broken server by their status; two PUTs that create neither."""
    nemo.post("models", "m1")
    updates = contested(lambda turn, i: nemo.patch("models", "m1", description=f"{turn} {i}"))
    creates = at_once(lambda i: nemo.post("models", "new", description=f"{i}"), 10)
    puts = contested(lambda turn, i: nemo.put("providers", f"p{turn}", host_url=f"http://{i}"))
    assert Counter(one.status_code for one in creates) == {201: 1, 409: 9}
    assert {one.status_code for one in updates} == {one.status_code for one in puts} == {200, 500}
    assert {one.json()["detail"] for one in updates if one.is_error} == {"Failed to update model entity"}
    assert nemo.stored("models", "m1")["description"] in {
        one.json()["description"] for one in updates if one.is_success
    }


def contested(call: Callable[[int, int], httpx2.Response]) -> list[httpx2.Response]:
    """The answers to ten calls at once, of the first of 50 turns that had a loser: a busy machine may let them come one by one."""
    for turn in range(50):
        answers = at_once(functools.partial(call, turn), 10)
        if any(one.is_error for one in answers):
            break
    return answers


def test_a_provider_with_a_bad_name_poisons_its_workspace(nemo: Wire) -> None:
    """A PUT that is refused with 400 stored it nevertheless; then no provider can be read, and only the raw store can repair it."""
    nemo.put("providers", "p1", host_url="http://x")
    assert nemo.put("providers", "a@b", host_url="http://x").status_code == 400
    assert nemo.get("providers").status_code == nemo.delete("providers", "a@b").status_code == 500
    assert nemo.get("models").status_code == nemo.get("providers", "p1").status_code == 200
    nemo.raw("DELETE", "model_provider", "a@b").raise_for_status()
    assert nemo.names("providers") == ["p1"]


def test_one_model_that_cannot_be_decoded_hides_all(nemo: Wire) -> None:
    """The list answers 500 with the very words of a missing workspace, while single models can still be read."""
    nemo.post("models", "good")
    nemo.raw("POST", "model", json={"name": "bad", "data": {"spec": "no"}}).raise_for_status()
    failed = nemo.get("models")
    assert (failed.status_code, failed.json()) == (500, nemo.at("nowhere").get("models").json())
    assert nemo.get("models", "good").status_code == 200
    assert nemo.get("models", "bad").status_code == nemo.delete("models", "bad").status_code == 500


def test_put_replaces_a_provider_but_for_its_project(nemo: Wire) -> None:
    """What a PUT leaves out is gone, except project and status, which it cannot clear; it creates what is not there, with 200."""
    nemo.post("projects", "pp")
    full = {"project": "pp", "description": "d", "enabled_models": ["a"], "default_extra_headers": {"X-A": "1"}}
    assert nemo.put("providers", "p1", host_url="http://x", **full, status="READY").status_code == 200
    after = nemo.put("providers", "p1", host_url="http://y").json()
    assert {name: after[name] for name in full} == {**dict.fromkeys(full), "project": "pp"}
    assert (after["host_url"], after["status"]) == ("http://y", "READY")


def test_deletes_that_leave_others_dangling(nemo: Wire, nemo_server: Running) -> None:
    """A secret in use can be deleted; so can a model, with its adapters, also those in other workspaces."""
    other = nemo.at(create_workspace(nemo_server.url))
    create_fileset(nemo_server.url, other.workspace, "files")
    nemo.post("secrets", "key", value="v")
    nemo.put("providers", "p1", host_url="http://x", api_key_secret_name="key")
    nemo.post("models", "base")
    adapter = other.post("adapters", "a1", model=f"{nemo.workspace}/base", fileset="files", finetuning_type="lora")
    assert adapter.status_code == 201, adapter.text
    assert nemo.delete("secrets", "key").status_code == nemo.delete("models", "base").status_code == 204
    assert nemo.stored("providers", "p1")["api_key_secret_name"] == "key"
    assert other.get("adapters", "a1").status_code == 404


def test_an_adapters_model_and_method_never_change(nemo: Wire, nemo_server: Running) -> None:
    """A PATCH of them answers 200 and does nothing, while description and `enabled` change."""
    create_fileset(nemo_server.url, nemo.workspace, "files")
    nemo.post("models", "m1")
    nemo.post("models", "m2")
    created = nemo.post("adapters", "a1", model="m1", fileset="files", finetuning_type="lora", lora_config={"rank": 8})
    fixed = {"model": "m2", "finetuning_type": "qlora", "lora_config": {"rank": 16}}
    after = nemo.patch("adapters", "a1", **fixed, description="d", enabled=False).json()
    assert after == {**created.json(), "description": "d", "enabled": False, "updated_at": after["updated_at"]}
    assert [one["name"] for one in nemo.stored("models", "m1")["adapters"]] == ["a1"]


def test_a_secrets_value_is_only_told_when_asked_for(nemo: Wire) -> None:
    """Neither creation nor reading nor the list returns it; a rotation shows in `updated_at` alone."""
    created = nemo.post("secrets", "key", value="hush")
    before = nemo.stored("secrets", "key")
    nemo.patch("secrets", "key", value="quiet")
    after = nemo.stored("secrets", "key")
    answers = [created.json(), before, after, nemo.get("secrets").json()]
    assert not {word for word in ("hush", "quiet") if word in json.dumps(answers)}
    assert after == {**before, "updated_at": after["updated_at"]}
    assert after["updated_at"] > before["updated_at"]
    assert nemo.get("secrets", "key/access").json()["value"] == "quiet"


def test_models_can_be_found_by_what_is_in_their_custom_fields(nemo: Wire) -> None:
    """`filter[data.custom_fields.…]` asks the server; without `data.` it is a 400."""
    nemo.post("models", "m1", custom_fields={"reconciler": {"owner": "us"}})
    nemo.post("models", "m2", custom_fields={"reconciler": {"owner": "them"}})
    found: httpx2.Response = nemo.get("models", **{"filter[data.custom_fields.reconciler.owner]": "us"})
    assert [row["name"] for row in found.json()["data"]] == ["m1"]
    assert nemo.get("models", **{"filter[custom_fields.reconciler.owner]": "us"}).status_code == 400
