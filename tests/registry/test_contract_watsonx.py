"""The driver contract, kept by `watsonx` against the emulator, in every mode of what nobody knows of the real server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from registry.watsonx_contract import WatsonxContract
from registry.watsonx_samples import BOUND, CONFIG_SAMPLE, CONNECTION, MODEL, OPTIONS_SAMPLE, POLICY


class TestBare(WatsonxContract):
    """Bare arrays, masked secrets, a PUT that replaces: what was seen of the SaaS."""

    samples = (MODEL, POLICY, CONNECTION)


class TestEnvelope(WatsonxContract):
    """Lists in an envelope, secrets in the clear, options in snake_case, a PUT that merges."""

    samples = (MODEL, POLICY, CONNECTION)
    behaviour: ClassVar[Mapping[str, Any]] = {
        "envelope": True,
        "secrets": "echo",
        "put": "merge",
        "spelling": "snake",
        "post_answers": "row",
        "empty_is_404": True,
    }


class TestQuiet(WatsonxContract):
    """Secrets are left out, every option is answered as null, and nothing is filtered nor derived."""

    samples = (MODEL, POLICY, CONNECTION)
    behaviour: ClassVar[Mapping[str, Any]] = {
        "secrets": "omit",
        "answers_nulls": True,
        "filters": False,
        "derives_provider": False,
        "dummy_key": False,
        "post_answers": "nothing",
        "lists_bare_apps": False,
    }


class TestEager(WatsonxContract):
    """What IBM's client would set is set by the server, and a PUT merges; secrets are left out."""

    samples = (MODEL,)
    behaviour: ClassVar[Mapping[str, Any]] = {
        "injects_max_tokens": True,
        "put": "merge",
        "secrets": "omit",
        "post_answers": "text",
    }


class TestEveryOption(WatsonxContract):
    """Each of the provider's options."""

    samples = (OPTIONS_SAMPLE,)


class TestEveryParameter(WatsonxContract):
    """Each of the inference parameters, with a PUT that merges."""

    samples = (CONFIG_SAMPLE,)
    behaviour: ClassVar[Mapping[str, Any]] = {"put": "merge", "secrets": "echo"}


class TestPortable(WatsonxContract):
    """A portable Model, whose name follows from its endpoint, and the connection beside it."""

    samples = (BOUND,)
    # these look an object up by its manifest's key, which is not its name here: see test_watsonx_portable.py
    test_deleting_what_is_gone_is_success = None
    test_a_rename_leaves_one_object_under_the_new_key = None
    test_a_broken_row_never_makes_the_rest_look_deleted = None
    test_two_objects_of_one_key_are_never_taken_for_one = None
    test_what_nobody_declares_outlives_adoption_update_and_mark = None
    test_what_nobody_declares_outlives_a_rename = None
    test_what_nobody_declares_outlives_a_replace_and_a_put_back = None
    test_an_export_restores_what_nobody_declares = None
    test_a_mask_is_never_sent_back = None
    test_a_hostile_row_never_stops_the_rest = None
