"""What reads a file, each with examples of what it reads: the targets that need no registry."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from campaign.bounds import TooMuchError

from reconciler.core import document
from reconciler.core.document.reorder import KeyOrder
from reconciler.core.errors import ManifestError, Problem
from reconciler.core.resource import DesiredState, Listing, RemoteState, Resource
from reconciler.core.secret import Resolver
from reconciler.core.spec import digest
from reconciler.manifest.cache import ManifestCache
from reconciler.manifest.discover import discover
from reconciler.manifest.export import text_of
from reconciler.manifest.formatting import format_bytes
from reconciler.manifest.importing import Target, import_files
from reconciler.manifest.key_order import key_order
from reconciler.manifest.policies import cel, json_schemas
from reconciler.manifest.policies.policy import Names
from reconciler.manifest.policies.read import read_policies
from reconciler.planner import planfile, planfile_reader
from reconciler.planner.plan import Issue, Plan
from reconciler.planner.planner import make_plan
from reconciler.project import config
from reconciler.project.ledger import PlanLedger
from reconciler.project.registries import check_environments, load_registries
from reconciler.project.unfinished import UnfinishedRuns
from reconciler.project.workspace import Workspace, open_workspace
from reconciler.render import PLAN, VALIDATION
from reconciler.render import load as load_renderer
from reconciler.render.terminal import Style

ROOT: Final = Path(__file__).resolve().parents[2]
CORPUS: Final = Path(__file__).with_name("corpus")
LARGEST: Final = 4_096  # bytes of an example
CASES: Final[Sequence[dict[str, Any]]] = (
    {
        "object": {
            "task": "chat_completion",
            "tags": ["team/cx"],
            "parameters": {"temperature": 0.2, "n": 1, "top_p": 10**30},
            "description": "half a pair: \ud800",
            "endpoint": {"url": "https://llm.example.com/v1"},
            "limits": {"requests_per_minute": 60},
        },
        "manifest": {"labels": {"team": "cx"}, "none": None},
        "registry": "local",
        "environment": "",
    },
    {"object": {}, "manifest": {}, "registry": "", "environment": "prod"},
)
CONFIG: Final = """\
owner: cx
variables: {llm_host: llm.example.com, host: llm.example.com}
registries:
  local: {driver: local, path: registry.db, default: true}
  runs: {driver: insidellms, path: runs, probe: {type: logic}, dataset: {format: jsonl, path: p.jsonl}}
  nemo: {driver: nemo, url: "https://nemo.example.com"}
  litellm: {driver: litellm, url: "https://litellm.example.com"}
  mlflow: {driver: mlflow, url: "https://mlflow.example.com"}
  aigo: {driver: latticeflow, url: "https://aigo.example.com", api_key: "${env:KEY}"}
  watsonx: {driver: watsonx, url: "https://watsonx.example.com/api/v1", token: "${env:TOKEN}"}
"""


class Reader(NamedTuple):
    """A target: what is done with an input, and examples that are right. Their first `head` bytes are no text, and say what the rest is."""

    read: Callable[[bytes], None]
    examples: Callable[[], list[bytes]]
    head: int = 0


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as place:
        yield Path(place).resolve()


@cache
def manifests() -> list[bytes]:
    """Every small example of the tests and of the project."""
    places = (ROOT / "tests" / "examples", ROOT / "manifests", ROOT / "examples")
    files = sorted(file for place in places for file in place.rglob("*") if file.suffix in (".yaml", ".yml", ".json"))
    found = [data for file in files if len(data := file.read_bytes()) <= LARGEST]
    return [*found, *_in("crd"), *backups()]


def _in(name: str) -> list[bytes]:
    return [file.read_bytes() for file in sorted((CORPUS / name).iterdir())]


@cache
def project() -> tuple[Workspace, tempfile.TemporaryDirectory[str]]:
    """An empty project with a registry of every driver, and the folder that it is in for as long as this process lives."""
    place = tempfile.TemporaryDirectory()
    root = Path(place.name).resolve()
    (root / "reconciler.yaml").write_text(CONFIG, "utf-8")
    (root / "manifests").mkdir()
    return open_workspace(cwd=root, environ={}), place


def compiled(data: bytes) -> DesiredState:
    """What one file declares. Renders all that is wrong with it in every format. Raises ManifestError."""
    workspace, _ = project()
    text = document.decode(data, "x.yaml")
    if isinstance(text, Problem):
        raise ManifestError(text.message, (text,))
    loaded = workspace.load_texts({"x.yaml": text})
    for renderer in VALIDATION.values():
        rendered(renderer, loaded.validation())
    return loaded.checked()


def rendered(renderer: str, value: Any) -> str:
    """A value as an output format writes it, which must be a text that can be printed."""
    text: str = load_renderer(renderer)(value, Style(color=True, width=80))
    text.encode()
    return text


def empty(workspace: Workspace, *held: Resource) -> RemoteState:
    """Registries that hold that and nothing else."""
    return RemoteState(
        {name: Listing.of([one for one in held if one.address.registry == name]) for name in workspace.entries},
        workspace.facts,
    )


@cache
def plans() -> list[Plan]:
    """Plans of what the examples declare, against registries that are empty and that hold the half of it."""
    workspace, _ = project()
    made = []
    for data in manifests():
        try:
            desired = compiled(data)
        except ManifestError:
            continue
        made.append(make_plan(desired, empty(workspace)))
        made.append(
            make_plan(desired, empty(workspace, *(one.resource for one in desired.resources if not one.absent)))
        )
    return made


@cache
def backups() -> list[bytes]:
    """Backups of objects, with members that no manifest has."""
    workspace, _ = project()
    found = []
    for file in sorted((ROOT / "tests" / "examples" / "valid").glob("*.yaml")):
        text = file.read_text("utf-8")
        for one in workspace.load_texts({"x.yaml": text}).desired.resources[:1]:
            whole = Resource(one.address, one.resource.spec, unmanaged={"brand_new": {"a": [1, None]}})
            found.append(f"# as it was\n{text_of(whole, workspace.entries[one.address.registry], 'x')}".encode())
    return found


@cache
def plan_files() -> list[bytes]:
    """Saved plans, the longest of them left out."""
    saved = (planfile.dump(plan).encode() for plan in plans() if plan.changes)
    return [data for data in saved if len(data) <= 4 * LARGEST]


@cache
def configurations() -> list[bytes]:
    return [CONFIG.encode(), *_in("config"), *(data for data in manifests() if b"registries:" in data)]


@cache
def policies() -> list[bytes]:
    """The policies of the examples, and each of the expressions as one."""
    found = [file.read_bytes() for file in sorted((ROOT / "examples" / "policies").glob("*.yaml"))]
    return found + [json.dumps({"name": "p", "message": "m", "cel": text.decode()}).encode() for text in expressions()]


@cache
def expressions() -> list[bytes]:
    data = json.loads((CORPUS / "cel" / "expressions.json").read_text("utf-8"))
    return [str(text).encode() for text in data]


@cache
def notes() -> list[bytes]:
    """What lies in `.reconciler`: the note of an unfinished run, and the record of an applied plan."""
    record = {"begun": "2026-11-28T10:00:00Z", "ended": None, "actor": "somebody", "fingerprint": "0" * 64}
    note = {"local/Model/chat": "/nowhere/chat.yaml", "nemo/Model/a/b": "backup.yaml"}
    return [json.dumps(one).encode() for one in (note, record)]


# --- what is done with an input -------------------------------------------------------------------------------


def _load(data: bytes) -> None:
    text = document.decode(data, "x.yaml")
    if not isinstance(text, Problem):
        for name in ("x.yaml", "x.json"):
            for _ in document.load(text, name).documents:
                document.places(text, name)


def _fmt(data: bytes) -> None:
    once = format_bytes(data, "x.yaml", _order)
    if not once.problems and format_bytes(once.after, "x.yaml", _order).after != once.after:
        raise AssertionError("formatted twice is not formatted once")


def _order(kind: str) -> KeyOrder:
    return key_order(kind, {}, ())


def _validate(data: bytes) -> None:
    """All checks of a manifest, an object of Kubernetes or a backup; what is right is planned, shown, saved and read again."""
    workspace, _ = project()
    plan = make_plan(compiled(data), empty(workspace))
    for renderer in PLAN.values():
        rendered(renderer, plan)
    planfile_reader.parse(planfile.dump(plan), "plan.json")


def _plan_file(data: bytes) -> None:
    """A plan file, also as somebody edits it who knows how its digest is made."""
    planfile_reader.parse(data.decode("utf-8", "replace"), "plan.json")


def _edited_plan(data: bytes) -> None:
    try:
        tree = dict(json.loads(data))
        text = json.dumps(
            tree | {"digest": digest({name: tree[name] for name in tree if name not in ("digest", "seal")})}
        )
    except (ValueError, TypeError, RecursionError):
        return  # no map, or none of which a digest can be made
    plan = planfile_reader.parse(text, "plan.json").plan
    for renderer in PLAN.values():
        rendered(renderer, plan)


def _import(data: bytes) -> None:
    with folder() as place:
        (place / "x.yaml").write_bytes(data)
        import_files(discover(("x.yaml",), place, place), Target(place / "out", place, place, None))


def _config(data: bytes) -> None:
    with folder() as place:
        file = place / "reconciler.yaml"
        file.write_bytes(data)
        for environment in (None, "prod"):
            found = config.load(file, start=place, environment=environment)
            resolver = Resolver(place, {"LF_URL": "https://aigo.example.com"})
            load_registries(found, resolver)
            check_environments(found, resolver)


def _policy(data: bytes) -> None:
    """A policy, and what it says of two objects. The process that judges has bounds of its own, so too much is no fault here."""
    names = Names(("Model", "local/Model"), ("local",), ("local",), ("prod",))
    with folder() as place:
        (place / "p.yaml").write_bytes(data)
        found = read_policies(discover(("p.yaml",), place, place), names, "reconciler.yaml")
    for policy in found.policies:
        try:
            _judge(cel.compiled(policy.cel) if policy.cel is not None else json_schemas.compiled(policy.schema or {}))
        except TooMuchError:
            return


def _cel(data: bytes) -> None:
    try:
        _judge(cel.compiled(data.decode("utf-8", "replace")))
    except TooMuchError:
        return


def _judge(rule: Any) -> None:
    verdicts = rule if isinstance(rule, list) else [rule.broken(case) for case in CASES]
    json.dumps(verdicts).encode("ascii")


def _notes(data: bytes) -> None:
    with folder() as place:
        state = place / ".reconciler"
        nonce = "0" * 32
        for file in (state / "unfinished" / "2026-11-28.1.json", state / "plans" / f"{nonce}.json"):
            file.parent.mkdir(parents=True)
            file.write_bytes(data)
        runs, ledger, issue = UnfinishedRuns(place), PlanLedger(state / "plans"), Issue(nonce, "", "")
        runs.backups()
        runs.forget(frozenset())
        if ledger.find(issue) is None:
            raise AssertionError("a plan whose record is spoilt counts as never applied")
        ledger.end(issue)


KEY: Final = b"k" * 32
SHOWN, TEXT = "x.yaml", b"kind: Model\nkey: chat\nprovider: {name: openai, model: gpt}\n"


@cache
def caches() -> list[bytes]:
    """A cache of one file, as a command leaves it."""
    workspace, _ = project()
    loaded = workspace.load_texts({SHOWN: TEXT.decode()})
    manifest = loaded.manifests.manifests[0]
    with folder() as place:
        cache_of_one = ManifestCache(place, "f", KEY)
        cache_of_one.note(SHOWN, TEXT)
        cache_of_one.keep(manifest, loaded.desired.resources)
        cache_of_one.save(is_whole=True)
        return [(place / "f.cache").read_bytes()]


def _cache(data: bytes) -> None:
    """A cache that is not what we wrote is none, and the next command writes it anew."""
    with folder() as place:
        (place / "f.cache").write_bytes(data)
        found = ManifestCache(place, "f", KEY)
        if (found.find(SHOWN, TEXT) is not None) != (data == caches()[0]):
            raise AssertionError("a spoilt cache is believed, or a good one is not")
        workspace, _ = project()
        loaded = workspace.load_texts({SHOWN: TEXT.decode()})
        found.note(SHOWN, TEXT)
        found.keep(loaded.manifests.manifests[0], loaded.desired.resources)
        found.save(is_whole=True)
        if ManifestCache(place, "f", KEY).find(SHOWN, TEXT) is None:
            raise AssertionError("a spoilt cache is not written again")


READERS: Final = {
    "loader": Reader(_load, manifests),
    "fmt": Reader(_fmt, manifests),
    "validate": Reader(_validate, manifests),
    "plan-file": Reader(_plan_file, plan_files),
    "edited-plan": Reader(_edited_plan, plan_files),
    "import": Reader(_import, manifests),
    "config": Reader(_config, configurations),
    "policy": Reader(_policy, policies),
    "cel": Reader(_cel, expressions),
    "notes": Reader(_notes, notes),
    "cache": Reader(_cache, caches),
}
