"""What a rendering leaves out, counted while it is made, so that one line can say so and name what shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from reconciler.render.terminal import count

FULL_FLAG: Final = "--full"


@dataclass(slots=True)
class Hidden:
    """Counts of what one rendering does not show: `fields` by the word for their objects, of `objects` such objects each."""

    fields: Counter[str] = field(default_factory=Counter)
    objects: Counter[str] = field(default_factory=Counter)
    values: int = 0  # shown in part
    others: Counter[str] = field(default_factory=Counter)  # by their noun

    def leave_out_fields(self, number: int, noun: str) -> None:
        """Count the fields of one object that are not shown."""
        if number > 0:
            self.fields[noun] += number
            self.objects[noun] += 1

    def leave_out(self, number: int, noun: str) -> None:
        """Count things that are not listed."""
        if number > 0:
            self.others[noun] += number

    def line(self) -> str:
        """`12 fields of 6 creates hidden: --full shows them`; empty where nothing is hidden."""
        parts = list(self._parts())
        if not parts:
            return ""
        listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
        number = sum(self.fields.values()) + sum(self.others.values()) + self.values
        return f"{listed} hidden: {FULL_FLAG} shows {'it' if number == 1 else 'them'}"

    def _parts(self) -> Iterator[str]:
        for noun, number in self.fields.items():
            yield f"{count(number, 'field')} of {count(self.objects[noun], noun)}"
        if self.values:
            yield f"parts of {count(self.values, 'value')}"
        yield from (count(number, noun) for noun, number in self.others.items())
