"""What holds whatever the files hold: text stays the same text, and a secret goes nowhere."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from importing.imports import imported, texts

from reconciler.core.document import load
from reconciler.core.document.dump import dump_yaml
from reconciler.core.rules import OPAQUE
from reconciler.manifest.references import Scope, resolve

BEGINNINGS = ["", "${", "$${", "$", "no", "0777", "1:30", "# x", "- ", "a: b", "<<", "!include x", "'", '"', "\n", "  "]
plain = st.builds(
    str.__add__,
    st.sampled_from(BEGINNINGS),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
).filter(lambda text: not _means_something(text))


def _means_something(text: str) -> bool:
    """Whether `lf` would not take it as it is: a variable, something to do, or a reference to a secret."""
    variable = text.startswith("$") and not re.search(r"\s", text) and re.search(r"\$\{?[A-Za-z_]", text)
    return bool(variable) or "((TODO))" in text


def _read(text: str, folder: Path) -> Any:
    """A manifest as it is read: its references resolved."""
    value, found = resolve(load(text, "x.yaml").documents[0].value, OPAQUE, Scope(folder, str(folder), {}))
    assert not found
    return value


@given(plain, plain, st.sampled_from([dump_yaml, json.dumps]))
def test_text_stays_the_same(one: str, two: str, written_by: Callable[[Any], str]) -> None:
    """Whatever text stands in a field that is no secret, our loader reads that very text from the manifest."""
    data = {"key": "a", "display_name": f"{one}.", "description": one, "config": {"url": "u", "model_key": two}}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place).resolve()
        made = imported(folder, {"x.yaml" if written_by is dump_yaml else "x.json": written_by(data)})
        (written,) = texts(made).values()
        assert _read(written, folder) == {"kind": "latticeflow/Model", **data}


secrets = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=6, max_size=20).map(
    lambda text: f"Zq7{text}9xK"
)
FIELDS = ("api_key", "tenant_id", "client_secret", "token", "x-api-key")


@given(secrets, st.sampled_from(FIELDS), st.booleans(), st.sampled_from([{}, {"rate_limit": "x"}, {"unknown": 1}]))
def test_no_secret_goes_anywhere(secret: str, field: str, in_headers: bool, more: dict[str, Any]) -> None:
    """A literal secret in any field that may hold one is in no manifest and in no message, whatever else is wrong."""
    config: dict[str, Any] = {"url": "u"}
    if in_headers:
        config["custom_headers"] = {"X-Token": secret, "Authorization": f"Bearer {secret}"}
    else:
        config[field] = secret
    data = {"key": "a", "display_name": "A", "config": config, "secrets": {"N": secret}, **more}
    with tempfile.TemporaryDirectory() as place:
        made = imported(Path(place).resolve(), {"x.yaml": dump_yaml(data)})
    said = [*(manifest.text for manifest in made.manifests), *(str(problem) for problem in made.problems)]
    assert all(secret not in text for text in said)
    assert any(problem.rule == "literal-secret" for problem in made.problems)
