"""Which declared models can be tried out at an endpoint. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from reconciler.core.resource import Address, DesiredState, Source
from reconciler.endpoint.values import Adapter, Subject
from reconciler.manifest.load import Manifest

ADAPTER: Final = "latticeflow/Adapter"  # the native kind that holds templates
NOWHERE: Final = "endpoint"  # stands for the registry in the address of a model that goes to none


def subjects(manifests: Iterable[Manifest], desired: DesiredState) -> tuple[Subject, ...]:
    """Every portable model that is to be there and has an endpoint, in the order of keys. `desired` tells where each one goes."""
    every = tuple(manifests)
    adapters = dict(_adapter(manifest) for manifest in every if _is_adapter(manifest))
    places: dict[tuple[Source | None, str], list[Address]] = {}
    for item in desired.resources:
        if item.resource.parent is None:
            places.setdefault((item.resource.source, item.key), []).append(item.address)
    found = (_subject(manifest, places, adapters) for manifest in every)
    return tuple(sorted((one for one in found if one is not None), key=lambda one: (one.key, one.addresses)))


def named(key: str, among: Iterable[Subject]) -> list[Subject]:
    """Those that a manifest's key, a registry's key or an address names."""
    every = list(among)
    exact = [one for one in every if any(str(address) == key for address in one.addresses)]
    mine = [one for one in every if one.key == key]
    return exact or mine or [one for one in every if any(address.key == key for address in one.addresses)]


def _subject(
    manifest: Manifest, places: Mapping[tuple[Source | None, str], list[Address]], adapters: Mapping[str, Adapter]
) -> Subject | None:
    model = manifest.model
    if model is None or model.endpoint is None or model.state == "absent":
        return None
    addresses = places.get((manifest.source, model.key)) or [Address(NOWHERE, "Model", model.key)]
    return Subject(
        key=model.key,
        addresses=tuple(sorted(addresses)),
        endpoint=model.endpoint,
        task=model.task or "chat_completion",
        parameters=model.parameters.model_dump(exclude_none=True) if model.parameters is not None else {},
        labels=model.labels or {},
        adapter=adapters.get(model.endpoint.adapter or ""),
    )


def _is_adapter(manifest: Manifest) -> bool:
    native = manifest.native
    return manifest.kind == ADAPTER and native is not None and native.common.state != "absent"


def _adapter(manifest: Manifest) -> tuple[str, Adapter]:
    spec = manifest.native.spec if manifest.native is not None else {}
    before, after = (spec[name]["source_code"] for name in ("process_input", "process_output"))
    return manifest.key, Adapter(manifest.key, str(before), str(after))
