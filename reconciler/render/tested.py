"""The answers of `test` as text: one model in full, or several with a last line that counts them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.render.jsontext import dumps
from reconciler.render.terminal import Style, count
from reconciler.render.width import pad, text_width


def tested_text(result: Mapping[str, Any], style: Style) -> str:
    """The checks, what each step of a custom format gave, and what the model answered.

    All of it set in, so that it passes for nothing else.
    """
    steps = result.get("steps") or ()
    if not steps:
        return checks_text(result, style)
    lines = [checks_text({**result, "output": None}, style)]
    for step in steps:
        lines.append(f"{style.safe(step['name'])}:")
        lines.extend(f"  {style.safe(line)}".rstrip() for line in step["text"].split("\n"))
    return "\n".join(lines)


def all_text(results: Sequence[Mapping[str, Any]], style: Style) -> str:
    """The checks of each model, and how many failed. What the models answered is left to JSON."""
    if not results:
        return "No declared model has an endpoint to test."
    blocks = [checks_text({**result, "output": None}, style) for result in results]
    failed = sum(not result["ok"] for result in results)
    ended = style.paint(f"{failed:,} failed", "red", "bold") if failed else style.paint("all ok", "green")
    return "\n\n".join([*blocks, f"{count(len(results), 'model')} tested: {ended}"])


def checks_text(answer: Mapping[str, Any], style: Style) -> str:
    """Render the address, a line for each check, and the model's answer, indented so that it passes for nothing else."""
    lines = [style.paint(style.safe(answer["address"]), "bold"), *_checks(answer["checks"], style)]
    output = answer["output"]
    if output is not None:
        text = output if isinstance(output, str) else dumps(output)
        lines += ["output:", *(f"  {style.safe(line)}".rstrip() for line in text.split("\n"))]
    return "\n".join(lines)


def _checks(checks: Sequence[Mapping[str, Any]], style: Style) -> Iterator[str]:
    names, times = [style.safe(check["name"]) for check in checks], [f"{check['duration_ms']:,} ms" for check in checks]
    wide, long = max(map(text_width, names), default=0), max(map(len, times), default=0)
    for check, name, time in zip(checks, names, times, strict=True):
        ended = style.paint("ok    ", "green") if check["ok"] else style.paint("failed", "red", "bold")
        yield f"  {ended}  {pad(name, wide)}  {time:>{long}}  {style.safe(check['message'])}".rstrip()
