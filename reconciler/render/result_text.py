"""The answers of `test` as text: one model in full, or several with a last line that counts them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reconciler.render.jsontext import dumps
from reconciler.render.terminal import Style, count
from reconciler.render.width import pad, text_width

_COLOURS: Final = {"ok": ("green",), "degraded": ("yellow",), "failed": ("red", "bold")}


def result_text(result: Mapping[str, Any], style: Style, *, steps: bool) -> str:
    """The checks, what each step gave (`steps`), and what the model answered.

    All of it set in, so that it passes for nothing else.
    """
    shown = result.get("steps") or () if steps else ()
    if not shown:
        return checks_text(result, style)
    lines = [checks_text({**result, "output": None}, style)]
    for step in shown:
        if step.get("template") is not None and not _passed(result, step["name"]):
            lines.extend(_block(f"{step['name']}, template", step["template"], style))
        status = f", status {step['status']}" if step.get("status") is not None else ""
        lines.extend(_block(step["name"] + status, step["text"], style))
    return "\n".join(lines)


def _passed(result: Mapping[str, Any], name: str) -> bool:
    """A template is looked for where its step failed."""
    return all(check["ok"] for check in result["checks"] if check["name"] == name)


def _block(title: str, text: str, style: Style) -> Iterator[str]:
    yield f"{style.safe(title)}:"
    for line in text.split("\n"):
        yield f"  {style.safe(line)}".rstrip()


def results_text(results: Sequence[Mapping[str, Any]], style: Style) -> str:
    """The checks of each model, and how many failed or are degraded. What the models answered is left to JSON."""
    if not results:
        return "No declared model has an endpoint to test."
    blocks = [checks_text({**result, "output": None}, style) for result in results]
    failed = sum(result["state"] == "failed" for result in results)
    degraded = sum(result["state"] == "degraded" for result in results)
    parts = [style.paint(f"{failed:,} failed", "red", "bold")] if failed else []
    parts += [style.paint(f"{degraded:,} degraded", "yellow")] if degraded else []
    ended = ", ".join(parts) or style.paint("all ok", "green")
    return "\n\n".join([*blocks, f"{count(len(results), 'model')} tested: {ended}"])


def checks_text(answer: Mapping[str, Any], style: Style) -> str:
    """The `test` answer: the address, a line for each check, and what the model answered, set in, so that it passes for nothing else."""
    lines = [style.paint(style.safe(answer["address"]), "bold"), *_checks(answer["checks"], style)]
    output = answer["output"]
    if output is not None:
        text = output if isinstance(output, str) else dumps(output)
        lines += ["output:", *(f"  {style.safe(line)}".rstrip() for line in text.split("\n"))]
    return "\n".join(lines)


def _checks(checks: Sequence[Mapping[str, Any]], style: Style) -> Iterator[str]:
    names, times = [style.safe(check["name"]) for check in checks], [f"{check['duration_ms']:,} ms" for check in checks]
    wide, long = max(map(text_width, names), default=0), max(map(len, times), default=0)
    broad = max((len(check["state"]) for check in checks), default=0)
    for check, name, time in zip(checks, names, times, strict=True):
        state = check["state"]
        ended = style.paint(state.ljust(max(broad, len("failed"))), *_COLOURS[state])
        yield f"  {ended}  {pad(name, wide)}  {time:>{long}}  {style.safe(check['message'])}".rstrip()
