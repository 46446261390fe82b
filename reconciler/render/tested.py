"""The answers of `test` as text: one model in full, or several with a last line that counts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.render.answers import checks_text
from reconciler.render.terminal import Style, count


def tested_text(result: Mapping[str, Any], style: Style) -> str:
    """The checks, what each step of a custom format gave, and what the model answered; all of it set in, so that it passes for nothing else."""
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
