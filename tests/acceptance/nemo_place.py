"""Our command line as it is started by hand, in a folder that leads to one workspace of a NeMo server, and what NVIDIA's client sees there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Condition
from typing import Any, Final

from programs import HANGS, run
from registry.nemo.judge import Judge
from registry.nemo_proxy import Passed, Proxy, proxied, writes

Data = dict[str, Any]

VARIABLES: Final = {"LLM_KEY": "sk-of-the-endpoint"}
IN_IT: Final = ("Model", "Provider", "Secret", "Adapter", "Prompt", "Project")  # all kinds but the workspace itself
PASSING: Final = ("created_at", "updated_at", "id", "workspace", "auth_context")  # what differs between equal objects
COMMAND: Final = (sys.executable, "-m", "reconciler")
WAITING: Final = HANGS  # seconds, for others to come as far


def model(key: str, **fields: Any) -> Data:
    return {"kind": "nemo/Model", "key": key, **fields}


def provider(key: str, **fields: Any) -> Data:
    return {"kind": "nemo/Provider", "key": key, "host_url": "http://127.0.0.1:9/v1", **fields}


def secret(key: str, variable: str = "LLM_KEY", **fields: Any) -> Data:
    return {"kind": "nemo/Secret", "key": key, "value": f"${{env:{variable}}}", **fields}


def models(count: int, **fields: Any) -> list[Data]:
    """That many, `m0000` and so on."""
    return [model(f"m{number:04}", **{"description": f"Number {number}."} | fields) for number in range(count)]


def text(document: Data) -> str:
    """YAML in the form of JSON, which our own writer has no part in. Letters are not escaped: YAML has no surrogate pairs."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class Started:
    """A run under way. It writes to files, so that a full pipe does not hold it up."""

    process: subprocess.Popen[bytes]
    files: tuple[Path, Path]

    def end(self) -> tuple[int, str, str]:
        """Its exit code, and what it said on stdout and on stderr."""
        code = self.process.wait(timeout=HANGS)
        out, err = (file.read_text("utf-8") for file in self.files)
        assert "Traceback" not in err, err
        return code, out, err


@dataclass(frozen=True)
class Place:
    """A folder of manifests for one workspace. `said` is all that our command ever said there."""

    root: Path
    url: str
    workspace: str
    judge: Judge
    said: list[str] = field(default_factory=list)

    def by(self, url: str) -> Place:
        """The same, reached at another address."""
        return self._configured(replace(self, url=url))

    def at(self, workspace: str) -> Place:
        """The same folder for another workspace."""
        return self._configured(replace(self, workspace=workspace))

    def _configured(self, other: Place) -> Place:
        other.configure()
        return other

    # --- the folder -------------------------------------------------------------------------------------------

    def configure(self, *, entry: Data | None = None, **sections: Any) -> None:
        """reconciler.yaml; `entry` is added to the registry's, `sections` to the rest."""
        place = {"driver": "nemo", "url": self.url, "workspace": self.workspace, "default": True, "owns": ["*"]}
        self.write("reconciler.yaml", text({"owner": "us", "registries": {"nemo": place | (entry or {})}} | sections))

    def declare(self, *documents: Data) -> None:
        """The manifests are these documents and nothing else."""
        self.write("manifests/all.yaml", "---\n".join(map(text, documents)))

    def write(self, name: str, content: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")

    # --- our command ------------------------------------------------------------------------------------------

    def __call__(self, *words: str | Path, code: int | None = 0, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs it to its end. Fails, with all that it said, unless it exits with `code` (None: any), and where it shows a traceback."""
        done = run(*COMMAND, *words, cwd=self.root, env=self._environment(variables), code=code)
        self.said.append(done.stdout + done.stderr)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def start(self, *words: str) -> Started:
        """Begins a run."""
        self.said.append("")
        files = self.root / f"out{len(self.said)}", self.root / f"err{len(self.said)}"
        environment = {**os.environ, **self._environment({})}
        with files[0].open("wb") as out, files[1].open("wb") as err:
            process = subprocess.Popen(
                [*COMMAND, *words], cwd=self.root, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )
        return Started(process, files)

    def _environment(self, variables: Data) -> dict[str, str]:
        return {"HOME": str(self.root), **VARIABLES, **variables}

    def apply(self, *words: str, **how: Any) -> Data:
        """The report of an apply."""
        report: Data = json.loads(self("apply", "--yes", "--format", "json", *words, **how).stdout)
        return report

    def changes(self, *words: str, code: int | None = 0) -> dict[str, tuple[str, ...]]:
        """What `plan` answers (or another command that is given): `{"Model/chat update": ("/description",)}`."""
        plan = json.loads(self(*(words or ("plan",)), "--format", "json", code=code).stdout)
        return {
            f"{change['address'].partition('/')[2]} {change['action']}": tuple(one["path"] for one in change["fields"])
            for change in plan["changes"]
        }

    def converged(self) -> None:
        """Nothing is left to do, and no secret's value is needed to find that out."""
        self("plan", "--detailed-exitcode", LLM_KEY="")

    # --- the workspace ----------------------------------------------------------------------------------------

    def stored(self, *kinds: str) -> dict[str, dict[str, Data]]:
        """What NVIDIA's client lists, by kind and name, without our mark and without what differs between equal objects."""
        return {
            kind: {name: self._bare(row) for name, row in self.judge.list(kind, self.workspace).items()}
            for kind in kinds or IN_IT
        }

    def _bare(self, row: Data) -> Data:
        kept = {name: value for name, value in row.items() if name not in PASSING}
        if "custom_fields" in kept:
            kept["custom_fields"] = {name: one for name, one in kept["custom_fields"].items() if name != "reconciler"}
        kept |= {"adapters": [self._bare(adapter) for adapter in kept["adapters"]]} if "adapters" in kept else {}
        plain: Data = json.loads(json.dumps(kept).replace(f'"{self.workspace}/', '"'))
        return plain

    def written(self) -> dict[str, tuple[str, int]]:
        """As `Judge.written`: equal answers mean that nobody wrote between."""
        return self.judge.written(self.workspace)

    def owners(self) -> set[str | None]:
        """The owners that the marks of all models name."""
        rows = self.judge.list("Model", self.workspace).values()
        return {row["custom_fields"].get("reconciler", {}).get("owner") for row in rows}


def references(folder: Path) -> set[str]:
    """The variables of the environment that the manifests in a folder name."""
    written = "".join(path.read_text("utf-8") for path in folder.rglob("*.yaml"))
    return set(re.findall(r"(?<!\$)\$\{env:(\w+)\}", written))


# --- at a certain moment ------------------------------------------------------------------------------------------


@contextmanager
def listened(upstream: str, before: Callable[[Passed], None]) -> Iterator[Proxy]:
    """A proxy that calls `before`, in one of many threads, with every request before it is passed on."""
    with proxied(upstream) as proxy:
        pass_on = proxy.fault_for

        def hear(request: Passed) -> Any:
            before(request)
            return pass_on(request)

        proxy.fault_for = hear  # type: ignore[method-assign]
        yield proxy


class Together:
    """Holds all writes back until `count` of `shown` have come: whoever sent one has then read what nobody has changed yet."""

    def __init__(self, shown: str, count: int) -> None:
        self._shown = shown
        self._missing = count
        self._changed = Condition()

    def __call__(self, request: Passed) -> None:
        if not writes(request):
            return
        with self._changed:
            if request.shown == self._shown:
                self._missing -= 1
                self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._missing <= 0, WAITING)


class Once:
    """Does something before the first request that is shown so (`GET models/m1`), while that one waits."""

    def __init__(self, shown: str, act: Callable[[], object]) -> None:
        self._shown = shown
        self._act = act
        self.done = False

    def __call__(self, request: Passed) -> None:
        if request.shown == self._shown and not self.done:
            self.done = True
            self._act()
