"""Stored objects back to manifests."""

from __future__ import annotations

from typing import Any

import pytest
from cli.project import Project
from hypothesis import example, given
from hypothesis import strategies as st
from world import World, model

from reconciler.core.errors import is_error
from reconciler.core.resource import Address, Mark, Resource
from reconciler.manifest.export import manifest_of, path_of, text_of
from reconciler.manifest.load import Reader

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


def stored(key: str = "a", mark: Mark | None = None, **spec: Any) -> Resource:
    return Resource(Address("local", "Model", key), spec, mark)


ODD = st.text(st.sampled_from("a0 :-\u00ad\u200b\u00a0\u200d\u3000\uff1a\u2013\u30fb\u201cé"), min_size=1, max_size=6)


@given(
    st.dictionaries(TEXT | ODD, JSON | st.lists(ODD), max_size=3),
    TEXT | ODD,
    st.dictionaries(TEXT | ODD, TEXT | ODD, max_size=3),
)
@example({"a": ["b\uff1a\u00a0c"]}, "", {"0\u00ad": ""})
async def test_any_content_survives_as_yaml(metadata: dict[str, Any], description: str, labels: dict[str, str]) -> None:
    """What a registry holds is what its manifest says, text that looks like a reference or like YAML included."""
    async with World.of(local={"driver": "local"}) as world:
        text = text_of(stored(description=description, metadata=metadata, labels=labels), world.entries["local"])
        loaded = Reader(world.root, {}).read_stdin(text.encode(), world.root)
        assert not [problem for problem in loaded.problems if is_error(problem)]  # a soft hyphen is warned of
        found = loaded.manifests[0].model
        assert found is not None
        assert (found.description, found.metadata, found.labels) == (description, metadata, labels)


async def test_fields_stand_in_the_order_of_the_reference() -> None:
    """kind and key first, the registries last, whatever order the registry gave."""
    async with World.of(local={"driver": "local"}) as world:
        resource = stored(
            tags=["a"],
            endpoint={"model": "m", "url": "https://x.example.com"},
            display_name="A",
            mark=Mark("us", "a", protected=True),
        )
        manifest = manifest_of(resource, world.entries["local"])
        assert list(manifest) == ["kind", "key", "display_name", "endpoint", "tags", "protected", "registries"]
        assert list(manifest["endpoint"]) == ["url", "model"]


async def test_a_key_of_its_own_in_the_registry_stays_its_own() -> None:
    """The manifest's key comes from the mark, the registry's goes into the override."""
    async with World.of(local={"driver": "local"}) as world:
        manifest = manifest_of(stored("b", Mark("us", "a")), world.entries["local"])
        assert (manifest["key"], manifest["registries"]) == ("a", {"local": {"key": "b"}})


@pytest.mark.parametrize("key", ["a b", "ä/ö", "-a", "...", "x" * 400])
async def test_a_key_that_no_manifest_may_have_is_written_as_the_registrys_own(key: str) -> None:
    """So that what is exported can be applied."""
    async with World.of(local={"driver": "local"}) as world:
        text = text_of(stored(key), world.entries["local"])
        loaded = Reader(world.root, {}).read_stdin(text.encode(), world.root)
        assert loaded.problems == ()
        overrides = loaded.manifests[0].model
        assert overrides is not None
        assert overrides.registries is not None
        assert overrides.registries["local"] is not None
        assert overrides.registries["local"].key == key


async def test_paths_of_secrets_are_relative_to_the_manifest() -> None:
    """Wherever the manifest will stand, `${file:}` leads to the same file."""
    async with World.of(local={"driver": "local"}) as world:
        resource = stored(
            endpoint={"url": "https://x.example.com", "api_key": "${file:keys/a}", "headers": {"X-Token": "${env:T}"}}
        )
        for folder, expected in ((".", "keys/a"), ("out/local/Model", "../../../keys/a"), ("keys", "a")):
            manifest = manifest_of(resource, world.entries["local"], folder)
            assert manifest["endpoint"]["api_key"] == f"${{file:{expected}}}"
            assert manifest["endpoint"]["headers"] == {"X-Token": "${env:T}"}


def test_different_keys_have_different_files() -> None:
    """Escapes cannot collide, nor can long keys that begin alike."""
    keys = ["a", "a b", "a%20b", ".a", "%2Ea", "a/b", "a%2Fb", "x" * 300 + "1", "x" * 300 + "2", "ä", "A"]
    assert len({path_of(stored(key)) for key in keys}) == len(keys)
    assert all(len(path_of(stored(key)).split("/")[-1].encode()) <= 255 for key in [*keys, "模" * 250])


def test_what_others_made_can_be_exported_and_adopted(project: Project) -> None:
    """An object with a key and without a mark that no manifest of ours would have."""
    project.manifest("a")
    project.apply()
    project.sql("UPDATE object SET key = 'made by others'")
    project.sql("UPDATE revision SET mark = NULL, key = 'made by others'")
    project.ok("export", "--all", "-o", "out")
    assert project.plan("out") == {"local/Model/made by others": "update adopt"}
    assert model("a")["kind"] == "Model"


async def test_what_no_kind_declares_is_written_beside_it_and_a_secret_is_not() -> None:
    """`x-unmanaged` restores it; what may be a secret is named in a comment, and nowhere written."""
    async with World.of(one={}) as world:
        world.server().put(
            "Note", "n", {"text": "hello", "pinned": [1], "webhook_token": "s3cret-token", "nested": {"deep": True}}
        )
        (note,) = (await world.remote()).resources()
        text = text_of(note, world.entries["one"])
        assert "s3cret-token" not in text + repr(note)
        assert text.startswith('# left out, since no manifest can hold it: "/webhook_token"\nkind: memory/Note\n')
        assert manifest_of(note, world.entries["one"])["x-unmanaged"] == {"pinned": [1], "nested": {"deep": True}}
