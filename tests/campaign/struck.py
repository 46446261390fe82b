"""The program in processes that can be struck: one process imports it, and forks for each run one that waits until strace looks on.

So a run under strace takes a fifth of a second and not two, and the system calls of Python's own start are none of those that are counted.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

from world import model

CONFIG: Final = "owner: us\nregistries:\n  local: {driver: local, path: registry.db, default: true}\n"
WARM: Final = (["apply", "--yes"], ["plan", "--prune", "--save", "plan.json"], ["plan", "--format", "json"])
ATTACHED: Final = 30.0  # seconds that strace may take to attach


class Ended(NamedTuple):
    """How a run ended, and what it printed."""

    code: int
    out: str
    err: str


class Strike(NamedTuple):
    """The `number`th of a system call, from 1, in each thread, fails with `error`, of those that name one of `paths`."""

    call: str
    error: str
    number: int
    paths: Sequence[str]

    def __str__(self) -> str:
        return f"{self.call}:{self.error}:{self.number}"


class Program:
    """Runs commands in a folder, each in a fork of one warm process. Close it at the end."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        warm = scratch / "warm"
        (warm / "manifests").mkdir(parents=True)
        (warm / "reconciler.yaml").write_text(CONFIG, "utf-8")
        (warm / "manifests" / "a.json").write_text(json.dumps(model("a")), "utf-8")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "campaign.struck"],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(scratch),
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "NO_COLOR": "1",
                "PYDANTIC_DISABLE_PLUGINS": "__all__",
            },
            cwd=warm,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, folder: Path, *words: str) -> Ended:
        """A run that nothing befalls."""
        self._start(folder, words)
        return self._end()

    def traced(self, folder: Path, calls: Sequence[str], *words: str) -> tuple[Ended, str]:
        """A run that nothing befalls, and these system calls of it, with the process's number as `{pid}`."""
        pid = self._start(folder, words)
        with self._strace(pid, ["-y", "-s", "1024", "-e", f"trace={','.join(calls)}"]) as log:
            ended = self._end()
        return ended, log.read_text("utf-8", "replace").replace(str(pid), "{pid}")

    def struck(self, folder: Path, strike: Strike, *words: str) -> tuple[Ended, list[str]]:
        """A run with one failing call, and the lines of strace that tell of it: none where there was no such call."""
        pid = self._start(folder, words)
        named = [word for path in strike.paths for word in ("-P", path.replace("{pid}", str(pid)))]
        inject = f"inject={strike.call}:error={strike.error}:when={strike.number}"
        with self._strace(pid, ["-y", "-e", f"trace={strike.call}", "-e", inject, *named]) as log:
            ended = self._end()
        return ended, [line for line in log.read_text("utf-8", "replace").splitlines() if "(INJECTED)" in line]

    @contextlib.contextmanager
    def _strace(self, pid: int, options: Sequence[str]):  # type: ignore[no-untyped-def]
        log = self._scratch / "strace.log"
        log.unlink(missing_ok=True)
        strace = subprocess.Popen(
            ["strace", "-f", "-qq", "-o", log, "-e", "signal=none", *options, "-p", str(pid)], stderr=subprocess.PIPE
        )
        limit = time.monotonic() + ATTACHED
        while "TracerPid:\t0" in Path(f"/proc/{pid}/status").read_text():
            if strace.poll() is not None or time.monotonic() > limit:
                raise RuntimeError(f"strace cannot attach: {strace.communicate()[1]!r}")
            time.sleep(0.001)
        yield log
        strace.communicate()

    def _start(self, folder: Path, words: Sequence[str]) -> int:
        return int(self._said({"folder": str(folder), "words": words, "scratch": str(self._scratch)}))

    def _end(self) -> Ended:
        code = int(self._said("go"))
        out, err = ((self._scratch / name).read_text("utf-8", "replace") for name in ("out", "err"))
        return Ended(code, out, err)

    def _said(self, asked: object) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


def _serve() -> None:
    """The warm process. Each job is a line, answered with the fork's number; the next line lets it go, answered with its exit code."""
    main = importlib.import_module("reconciler.cli.main")
    _warm(main)
    for line in sys.stdin:
        job = json.loads(line)
        gate, key = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(key)
            _be(main, job, gate)
        os.close(gate)
        print(child, flush=True)
        sys.stdin.readline()
        os.close(key)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _warm(main: object) -> None:
    """Imports what runs import. Which that is a fork tells, so that no thread of a run is there when the next one is forked."""
    told, tell = os.pipe()
    if os.fork() == 0:
        for line in (*WARM, ["apply", "--yes", "--plan", "plan.json"]):
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                main.run(line)  # type: ignore[attr-defined]
        os.write(tell, json.dumps(sorted(sys.modules)).encode())
        os._exit(0)
    os.close(tell)
    with os.fdopen(told, encoding="utf-8") as stream:
        names = json.load(stream)
    os.wait()
    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _be(main: object, job: Mapping[str, object], gate: int) -> None:
    """One run. Names that are else made by chance are the same each time, so that strace can be told of them."""
    os.chdir(str(job["folder"]))
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{job['scratch']}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    tempfile._name_sequence = (f"by-chance-{number}" for number in itertools.count())  # type: ignore[attr-defined]
    sys.argv = ["reconciler", *map(str, job["words"])]  # type: ignore[call-overload]
    gc.disable()
    code = 70
    try:
        os.read(gate, 1)
        code = main.main()  # type: ignore[attr-defined]
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
