"""From manifests to desired state, with a registry that cannot hold everything: contract §1 beyond the local registry."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import pytest
from cli.project import Project
from registry import memory
from registry.memory import server
from registry.memory_server import Behaviour, Server
from world import PLUGINS, World, actions, native, statuses

from reconciler.applier.options import Options
from reconciler.core.errors import ManifestError
from reconciler.core.resource import Address
from reconciler.core.rules import Ref
from reconciler.core.secret import Resolver
from reconciler.planner.references import dangling
from reconciler.project.workspace import Workspace
from reconciler.registry.capabilities import HasContainer, Normalizes

_places = itertools.count(1)
SOURCE = "endpoint: {url: 'http://a'}\n"


@pytest.fixture
def mixed(project: Project) -> Project:
    """`local`, and two memory registries, `one` and `two`, none of them default but `local`."""
    assert PLUGINS.is_dir()
    number = next(_places)
    project.write(
        "reconciler.yaml",
        f"""\
owner: us
registries:
  local: {{driver: local, path: registry.db, default: true}}
  one: {{driver: memory, url: memory://desired-{number}}}
  two: {{driver: memory, url: memory://desired-{number}-two}}
""",
    )
    return project


def problems(project: Project, *words: str) -> list[str]:
    found = project.run("validate", "--format", "json", *words).json("validate")["problems"]
    return [f"{problem['line']}:{problem['column']} {problem['severity']} {problem['rule']}" for problem in found]


def test_what_a_registry_cannot_hold_is_a_warning_or_an_error(mixed: Project) -> None:
    """labels are lost with a warning (an error with --strict), a task is never lost."""
    mixed.write("manifests/a.yaml", f"kind: Model\nkey: a\nlabels: {{a: b}}\nregistries: {{one: {{}}}}\n{SOURCE}")
    assert problems(mixed) == ["3:1 warning not-expressible"]
    assert mixed.run("validate").code == 0
    assert mixed.run("validate", "--strict").code == 1
    assert mixed.plan() == {"one/Model/a": "create new", "one/Provider/reconciler-a": "create new"}
    mixed.write("manifests/a.yaml", f"kind: Model\nkey: a\ntask: embeddings\nregistries: {{one: {{}}}}\n{SOURCE}")
    assert problems(mixed) == ["3:1 error not-expressible"]


def test_a_portable_field_that_breaks_a_registrys_limit_is_told_where_it_stands(mixed: Project) -> None:
    """The registry's own rule, at the manifest's own line; in the override where that set it."""
    mixed.write(
        "manifests/a.yaml", f"kind: Model\nkey: a\ndescription: {'x' * 30}\nregistries: {{one: {{}}}}\n{SOURCE}"
    )
    assert problems(mixed) == ["3:14 error registry-limit"]
    mixed.write(
        "manifests/a.yaml",
        f"kind: Model\nkey: a\nregistries:\n  one:\n    description: {'x' * 30}\n    temperature: hot\n    nothing: 1\n",
    )
    assert problems(mixed) == ["5:18 error registry-limit", "6:18 error wrong-type", "7:5 error unknown-field"]


def test_an_override_is_a_merge_patch_in_the_registrys_own_terms(mixed: Project) -> None:
    """Maps merge, lists replace, null removes; the key and what is ignored are the registry's too."""
    mixed.manifest(
        "a",
        endpoint=None,
        display_name="A",
        tags=["x", "y"],
        metadata={"keep": 1, "drop": 2},
        registries={
            "one": {
                "key": "a-one",
                "tags": ["z"],
                "display_name": None,
                "metadata": {"drop": None, "add": 3},
                "ignore": ["/description"],
            }
        },
    )
    mixed.apply()
    spec = mixed.stored()["one/Model/a-one"]
    assert (spec["tags"], spec["metadata"], "display_name" in spec) == (["z"], {"keep": 1, "add": 3}, False)
    assert mixed.plan() == {}


def test_a_native_document_says_which_registry_where_there_are_several(mixed: Project) -> None:
    """Needed only then; a registry of another driver, or none, is refused with what there is."""
    mixed.write("manifests/a.yaml", "kind: memory/Provider\nkey: p\nurl: https://x.example.com\n")
    assert problems(mixed) == ["1:1 error missing-field"]
    mixed.write("manifests/a.yaml", "kind: memory/Provider\nkey: p\nurl: https://x.example.com\nregistry: local\n")
    assert problems(mixed) == ["4:11 error unknown-registry"]
    mixed.write("manifests/a.yaml", "kind: memory/Provider\nkey: p\nurl: https://x.example.com\nregistry: two\n")
    mixed.apply()
    assert set(mixed.stored()) == {"two/Provider/p"}


def test_a_native_document_is_checked_by_its_own_form(mixed: Project) -> None:
    """Unknown fields, missing ones, wrong types, bad keys, literal secrets and unknown ignores, each at its place."""
    mixed.write(
        "manifests/a.yaml",
        "kind: memory/Provider\nkey: a b\nregistry: one\nulr: x\npassword: hunter2\n---\n"
        "kind: memory/Model\nkey: m\nregistry: one\ntemperature: hot\nignore: [/nothing]\n---\n"
        "kind: memory/Model\nkey: a b\nregistry: one\nignore: [/nothing]\n",
    )
    assert problems(mixed) == [
        "1:1 error missing-field",
        "2:6 error bad-key",
        "4:1 error unknown-field",
        "5:11 error literal-secret",
        "10:14 error wrong-type",
        "14:6 error bad-key",
        "16:10 error unknown-ignore",
    ]
    assert "hunter2" not in mixed.run("validate").both


def test_a_dangling_reference_is_bad_input(mixed: Project) -> None:
    """Neither the manifests nor the registry have it: exit 1, with the place, before anything is written."""
    mixed.write("manifests/a.yaml", "kind: memory/Model\nkey: m\nregistry: one\nprovider: nobody\n")
    answer = mixed.run("apply", "--yes", "--format", "json")
    assert answer.code == 1
    problem = answer.json("error")["problems"][0]
    assert (problem["rule"], problem["file"], problem["line"]) == ("dangling-reference", "manifests/a.yaml", 1)
    assert "/provider" in problem["message"]
    mixed.write("manifests/p.yaml", "kind: memory/Provider\nkey: nobody\nregistry: one\nurl: https://x.example.com\n")
    mixed.apply()
    (mixed.root / "manifests/p.yaml").unlink()
    assert mixed.plan() == {}, "the registry has it"
    mixed.write("manifests/p.yaml", "kind: memory/Provider\nkey: nobody\nregistry: one\nstate: absent\n")
    assert mixed.run("plan").code == 1, "it is about to go"


def test_a_native_document_of_a_derived_address_is_a_duplicate(mixed: Project) -> None:
    """What a Model compiles to is ours by name."""
    mixed.manifest("a", registries={"one": {}}, endpoint={"url": "https://x.example.com", "api_key": "${env:K}"})
    derived = [address for address in mixed.plan() if "Model" not in address]
    assert derived
    kind, key = derived[0].split("/")[1:]
    body = "value: ${env:K}\n" if kind == "Secret" else "url: https://x.example.com\n"
    mixed.write("manifests/b.yaml", f"kind: memory/{kind}\nkey: {key}\nregistry: one\n{body}")
    found = mixed.run("validate", "--format", "json").json("validate")["problems"]
    assert {problem["rule"] for problem in found} == {"duplicate-address"}
    assert {problem["file"] for problem in found} == {"manifests/a.yaml", "manifests/b.yaml"}


def test_a_replace_needs_consent(mixed: Project) -> None:
    """Blocked alone, and the rest goes on; with consent it is deleted and created again."""
    mixed.write(
        "manifests/a.yaml",
        "kind: memory/Model\nkey: m\nregistry: one\nproject: cx\n---\nkind: memory/Model\nkey: n\nregistry: one\n",
    )
    mixed.apply()
    mixed.write(
        "manifests/a.yaml",
        "kind: memory/Model\nkey: m\nregistry: one\nproject: ml\n---\nkind: memory/Model\nkey: n\nregistry: one\ndescription: x\n",
    )
    assert mixed.plan() == {"one/Model/m": "blocked immutable", "one/Model/n": "update changed"}
    assert mixed.run("apply", "--yes").code == 4
    assert mixed.stored()["one/Model/n"]["description"] == "x"
    assert mixed.plan("--allow-replaces", "0") == {"one/Model/m": "blocked immutable"}
    mixed.apply("--allow-replaces", "1")
    assert mixed.stored()["one/Model/m"]["project"] == "ml"
    assert mixed.plan() == {}


def fake(project: Project, name: str = "one") -> Server:
    """The server behind a memory registry of the project."""
    line = next(line for line in (project.root / "reconciler.yaml").read_text().splitlines() if f" {name}:" in line)
    return server(line.split("url: ")[1].split("}")[0])


def test_a_failed_write_is_5_and_the_next_run_finishes(mixed: Project) -> None:
    """Independent changes go on, what was done is reported, and running again finishes the work."""
    mixed.write(
        "manifests/a.yaml", "".join(f"---\nkind: memory/Model\nkey: m{number}\nregistry: one\n" for number in range(5))
    )
    fake(mixed).become(Behaviour(refuses={"m3": 1}))
    answer = mixed.run("apply", "--yes", "--format", "json")
    assert answer.code == 5
    summary = answer.json("apply")["summary"]
    assert (summary["created"], summary["failed"]) == (4, 1)
    mixed.apply()
    assert len(mixed.keys()) == 5


def test_what_the_registry_did_not_keep_is_5(mixed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is not success: the field is named."""
    monkeypatch.setattr("reconciler.project.apply_options.Options", partial(Options, settle=0.1))
    mixed.write("manifests/a.yaml", "kind: memory/Model\nkey: m\nregistry: one\ndescription: x\n")
    fake(mixed).become(Behaviour(drops=frozenset({"Model/description"})))
    answer = mixed.run("apply", "--yes", "--format", "json")
    assert answer.code == 5
    outcome = answer.json("apply")["outcomes"][0]
    assert (outcome["status"], "/description" in outcome["message"]) == ("not_stored", True)


def test_a_registry_that_cannot_be_read_is_1(mixed: Project) -> None:
    """One that fails stops the whole run before anything is written anywhere, and is named."""
    mixed.write("manifests/a.yaml", "kind: Model\nkey: a\nregistries: {local: {}, one: {}}\n")
    for command in (("plan",), ("apply", "--yes"), ("drift",), ("list",)):
        fake(mixed).become(Behaviour(fail_at=1))
        answer = mixed.run(*command, "--format", "json")
        assert answer.code == 1, answer.both
        assert "one could not be read" in answer.json("error")["error"]["message"]
    assert not (mixed.root / "registry.db").exists()


def test_a_row_that_cannot_be_read_is_a_conflict_not_a_hole(mixed: Project) -> None:
    """A broken row is never taken for absent, and `list` says that it is there."""
    mixed.write(
        "manifests/a.yaml",
        "kind: memory/Model\nkey: m\nregistry: one\n---\nkind: memory/Model\nkey: n\nregistry: one\n",
    )
    mixed.apply()
    fake(mixed).become(Behaviour(broken=frozenset({"m"})))
    assert mixed.plan() == {"one/Model/m": "conflict unreadable"}
    answer = mixed.ok("list")
    assert "Model/m" in answer.err
    assert "Model/n" in answer.out


def test_export_of_native_kinds_plans_to_nothing(mixed: Project) -> None:
    """Native manifests elsewhere than local, secrets as references, without what the server owns."""
    mixed.manifest(
        "a", registries={"one": {}, "local": {}}, endpoint={"url": "https://x.example.com", "api_key": "${env:K}"}
    )
    mixed.write("manifests/n.yaml", "kind: memory/Note\nkey: n\nregistry: two\ntext: hello\n")
    answer = mixed.run("apply", "--yes", "--format", "json")
    assert answer.code in (0, 1), answer.both
    if answer.code:  # the secret is needed where the registry stores it
        assert "K" in answer.json("error")["error"]["message"]
    mixed.write("manifests/a.yaml", "kind: memory/Model\nkey: a\nregistry: one\ndescription: $${env:X}\ntags: [b, a]\n")
    mixed.apply()
    mixed.ok("export", "--all", "-o", "out")
    assert (mixed.root / "out/one/Model/a.yaml").is_file()
    assert mixed.plan("out") == {}


# --- a registry with a home ------------------------------------------------------------------------------------


class Homely(memory.MemoryDriver):
    """Everything is in the workspace `main`, and may be called by its name there or by `main/name`."""

    def container(self, settings: Any) -> tuple[str, str]:
        return "Workspace", "main"

    def normalize(self, settings: Any, kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        provider = spec.get("provider")
        return {**spec, "provider": provider.removeprefix("main/")} if provider else spec


def homely(world: World) -> World:
    """The same world, where everything is in a workspace."""
    driver = Homely("memory", memory.DRIVER.kinds, renaming=False)
    assert isinstance(driver, HasContainer)
    assert isinstance(driver, Normalizes)
    return replace(world, entries={"one": replace(world.entries["one"], driver=driver)})


HOME = Address("one", "Workspace", "main")


async def test_what_is_in_a_home_that_is_not_there_is_dangling(world: World) -> None:
    """It would be refused in the middle of the run; the home itself is in nothing."""
    desired = homely(world).desired(native("Model", "m"), native("Provider", "p", url="https://p"))
    found = dangling(desired, await world.remote())
    assert [(item.key, place, target) for item, place, target in found] == [("m", "", HOME), ("p", "", HOME)]
    place = homely(world)
    workspace = Workspace(None, place.entries, world.root, Resolver(world.root))  # type: ignore[arg-type]
    with pytest.raises(ManifestError) as caught:
        workspace.check_references(desired, await world.remote())
    assert caught.value.problems[0].message == (
        "one/Model/m is in one/Workspace/main, which neither the manifests nor the registry have"
    )
    alone = homely(world).desired(native("Workspace", "other"))
    assert dangling(alone, await world.remote()) == []
    there = homely(world).desired(native("Workspace", "main"), native("Model", "m"))
    assert dangling(there, await world.remote()) == []


async def test_what_is_in_a_home_that_is_created_comes_after_it(world: World) -> None:
    """And is skipped where it fails; once it is there, nothing waits for it."""
    place, documents = homely(world), (native("Model", "m"), native("Workspace", "main", title="x"))
    plan = await place.plan(*documents)
    assert [change.address.kind for change in plan.changes] == ["Workspace", "Model"]
    assert plan.changes[1].depends_on == (HOME,)
    world.server().become(Behaviour(refuses={"main": 1}))
    assert statuses(await place.carry_out(plan)) == {"Workspace/main": "failed", "Model/m": "skipped"}
    assert set(statuses(await place.apply(*documents)).values()) == {"ok"}
    plan = await place.plan(native("Model", "n"), native("Workspace", "main", title="y"))
    assert [change.address.key for change in plan.changes] == ["n", "main"]
    assert plan.changes[0].depends_on == ()


async def test_two_ways_to_say_one_name_are_one_name(world: World) -> None:
    """`main/p` is the provider `p`: found, written after it, and no difference once it is stored."""
    world.server().put("Workspace", "main", {})
    documents = (native("Provider", "p", url="https://p"), native("Model", "m", provider="main/p"))
    place = homely(world)
    desired = place.desired(*documents)
    assert dangling(desired, await world.remote()) == []
    assert next(item for item in desired.resources if item.key == "m").references == {
        "/provider": Address("one", "Provider", "p")
    }
    assert set(statuses(await place.apply(*documents)).values()) == {"ok"}
    assert await place.settled(*documents)


class Loose(memory.Model):
    """A model whose provider may be anybody's."""

    provider: Annotated[str | None, Ref("Provider", must_exist=False)] = None


async def test_a_reference_that_need_not_lead_anywhere_still_gives_order(world: World) -> None:
    """It may name what this registry does not have; what it has comes first, and stays while it is named."""
    entry = world.entries["one"]
    kinds = dict(entry.facts.kinds) | {"Model": replace(entry.facts.kinds["Model"], model=Loose)}
    driver = memory.MemoryDriver("memory", kinds, renaming=False)
    loose = replace(world, entries={"one": replace(entry, driver=driver, facts=replace(entry.facts, kinds=kinds))})
    document = native("Model", "m", provider="p")
    assert dangling(loose.desired(document), await loose.remote()) == []
    assert [target.key for _, _, target in dangling(world.desired(document), await world.remote())] == ["p"]
    provider = native("Provider", "p", url="https://p")
    plan = await loose.plan(document, provider)
    assert [change.address.kind for change in plan.changes] == ["Provider", "Model"]
    await loose.carry_out(plan)
    assert actions(await loose.plan(document, native("Provider", "p", state="absent"))) == {
        "Provider/p": "blocked referenced"
    }
