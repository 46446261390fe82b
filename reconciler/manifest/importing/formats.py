"""The formats that are read: each name that `recognise` gives, with its importer. Another one is one module and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.core.document.trees import Map, plain_data
from reconciler.manifest.importing import adk, insidellms, kubernetes, latticeflow, litellm, nemo
from reconciler.manifest.importing.drafts import Importer
from reconciler.manifest.recognise import Format, recognise

IMPORTERS: Final[Mapping[str, Importer]] = {
    "adk": adk.IMPORTER,
    "insidellms": insidellms.IMPORTER,
    "kubernetes": kubernetes.IMPORTER,
    "latticeflow": latticeflow.IMPORTER,
    "litellm": litellm.IMPORTER,
    "nemo": nemo.IMPORTER,
    "watsonx": adk.IMPORTER,
}


def importer_of(root: Map) -> Importer | Format | None:
    """Who translates a file; or the format of one that nobody does, if that is known."""
    found = recognise(plain_data(root))
    if found is not None:
        return found if found.importer is None else IMPORTERS[found.importer]
    return latticeflow.IMPORTER if latticeflow.may_be_part(root) else None
