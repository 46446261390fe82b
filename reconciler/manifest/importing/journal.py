"""What comes up while files are translated: problems with their places, variables, and what belongs in the environment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from reconciler.core.document.trees import List, Map, Member, Scalar, plain_data
from reconciler.core.errors import Problem, is_error
from reconciler.core.secret import Secret
from reconciler.core.spec import canonical_json
from reconciler.core.telling import without_values

_NOT_IN_NAMES: Final = re.compile(r"[^A-Z0-9]+")

At = Scalar | Map | List | Member


class Journal:
    """Filled by whoever translates. `variables` are those that `${var:NAME}` needs, `environment` those of `${env:NAME}`."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.variables: set[str] = set()
        self.environment: set[str] = set()
        self._reserved: set[str] = set()
        self._literals: dict[str, Secret] = {}

    def error(self, at: At, rule: str, message: str, suggestion: str | None = None) -> None:
        self._note(at, rule, message, "error", suggestion)

    def warn(self, at: At, rule: str, message: str, suggestion: str | None = None) -> None:
        self._note(at, rule, message, "warning", suggestion)

    @property
    def errors(self) -> int:
        """How many errors there are so far."""
        return sum(is_error(problem) for problem in self.problems)

    def taken(self) -> list[Problem]:
        """All problems so far, which are told no more unless they are given back."""
        problems, self.problems = self.problems, []
        return problems

    def reserve(self, names: Iterable[str]) -> None:
        """Names of variables of the environment that the files use themselves: none is made up for another secret."""
        self._reserved.update(names)

    def variable(self, name: str) -> str:
        """The reference to a variable, which reconciler.yaml must define."""
        self.variables.add(name)
        return "${var:" + name + "}"

    def variable_of_environment(self, name: str) -> str:
        """The reference to a variable of the environment."""
        self.environment.add(name)
        return "${env:" + name + "}"

    def withheld(self, at: Scalar | Map, *words: str) -> str:
        """The reference that stands for a secret which was written down: it is kept out of all that is written from here on.

        Of a map, the secret is its text as JSON. `words` make the name of the variable. Two secrets never share one, nor does any take a name that is reserved.
        """
        text = str(at.value) if isinstance(at, Scalar) else canonical_json(plain_data(at))
        value = Secret(text)
        first = name = _name(words)
        number = 1
        while name in self._reserved or self._literals.setdefault(name, value).reveal() != value.reveal():
            number += 1
            name = f"{first}_{number}"
        self.warn(
            at,
            "literal-secret",
            f"a secret is written down here, and is not copied: set the environment variable {name} to it",
        )
        return self.variable_of_environment(name)

    def _note(self, at: At, rule: str, message: str, severity: str, suggestion: str | None) -> None:
        line, column, end_line, end_column = at.place
        if isinstance(at, Member):
            message = without_values(message, [at.key])
        self.problems.append(
            Problem(at.file, line, column, rule, message, end_line, end_column, severity, suggestion=suggestion)
        )


def _name(words: tuple[str, ...]) -> str:
    """The name of a variable of the environment."""
    name = _NOT_IN_NAMES.sub("_", "_".join(words).upper()).strip("_")
    return name if name[:1].isalpha() else f"SECRET_{name}".rstrip("_")
