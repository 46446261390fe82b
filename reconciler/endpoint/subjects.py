"""The declared models that can be tested at an endpoint. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

from reconciler.core.resource import Address, DesiredState, Source
from reconciler.core.schema.findings import Finding
from reconciler.endpoint.values import Adapter, Subject
from reconciler.manifest.manifests import Manifest, Manifests
from reconciler.registry.capabilities import AdapterForm, HasAdapters
from reconciler.registry.protocol import Driver

NOWHERE: Final = "endpoint"  # stands for the registry in the address of a model that goes to none


class AdapterCatalogue:
    """The adapters that manifests declare, by key, and what the drivers say of those that come with their platforms."""

    def __init__(self, manifests: Iterable[Manifest], drivers: Iterable[Driver]) -> None:
        self._forms = _forms(drivers)
        found = (_adapter(manifest, self._forms) for manifest in manifests)
        self._declared = {adapter.key: adapter for adapter in found if adapter is not None}

    def find(self, key: str | None) -> tuple[Adapter | None, str]:
        """The adapter of that key; where it is needed and not there, the reason. One that changes nothing is not needed."""
        forms = self._forms.values()
        if key is None or any(key == form.identity for form in forms):
            return None, ""
        if key in self._declared:
            return self._declared[key], ""
        platform = next((form.platform for form in forms if key.startswith(form.builtin)), None)
        where = f"comes with {platform} and is known there only" if platform else "is declared nowhere"
        kinds = " or ".join(sorted(self._forms)) or "adapter"
        return None, f"the adapter {key} {where}: no {kinds} of that key is among the manifests"


def subjects(manifests: Manifests, desired: DesiredState, drivers: Iterable[Driver]) -> tuple[Subject, ...]:
    """Every portable model that is to be there and has an endpoint, in the order of keys. `desired` tells where each one goes."""
    every = manifests.manifests
    adapters = AdapterCatalogue(every, drivers)
    places: dict[tuple[Source | None, str], list[Address]] = {}
    for item in desired.resources:
        if item.resource.parent is None:
            places.setdefault((item.resource.source, item.key), []).append(item.address)
    found = (_subject(manifests, manifest, places, adapters) for manifest in every)
    return tuple(sorted((one for one in found if one is not None), key=lambda one: (one.key, one.addresses)))


def named(key: str, among: Iterable[Subject]) -> list[Subject]:
    """Those that a manifest's key, a registry's key or an address names."""
    every = list(among)
    exact = [one for one in every if any(str(address) == key for address in one.addresses)]
    mine = [one for one in every if one.key == key]
    return exact or mine or [one for one in every if any(address.key == key for address in one.addresses)]


def _subject(
    manifests: Manifests,
    manifest: Manifest,
    places: Mapping[tuple[Source | None, str], list[Address]],
    adapters: AdapterCatalogue,
) -> Subject | None:
    model = manifest.model
    if model is None or model.endpoint is None or model.state == "absent":
        return None
    addresses = places.get((manifest.source, model.key)) or [Address(NOWHERE, "Model", model.key)]
    adapter, missing = adapters.find(model.endpoint.adapter)
    return Subject(
        key=model.key,
        addresses=tuple(sorted(addresses)),
        endpoint=model.endpoint,
        task=model.task or "chat_completion",
        parameters=model.parameters.model_dump(exclude_none=True) if model.parameters is not None else {},
        labels=model.labels or {},
        adapter=adapter,
        adapter_missing=missing,
        locate=partial(_located, manifests, manifest),
    )


def _located(manifests: Manifests, manifest: Manifest, pointer: str) -> str:
    problem = manifests.problem(manifest, Finding("", "", pointer))
    return f"{problem.file}:{problem.line}"


def _forms(drivers: Iterable[Driver]) -> dict[str, AdapterForm]:
    """The native kinds that hold templates."""
    able = ((driver.name, driver) for driver in drivers)
    return {
        f"{name}/{driver.adapters.kind}": driver.adapters for name, driver in able if isinstance(driver, HasAdapters)
    }


def _adapter(manifest: Manifest, forms: Mapping[str, AdapterForm]) -> Adapter | None:
    form, native = forms.get(manifest.kind), manifest.native
    if form is None or native is None or native.common.state == "absent":
        return None
    return Adapter(manifest.key, *form.templates(native.spec))
