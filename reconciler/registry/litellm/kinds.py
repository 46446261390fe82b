"""The native kinds of LiteLLM Proxy: models, which its database holds, and credentials, to which models refer by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final

from reconciler.core.schema.fields import Field
from reconciler.core.schema.record import Record
from reconciler.registry.driver import Constraint, Kind, Normalized
from reconciler.registry.litellm.forms import (
    CREDENTIAL_RULE,
    HIDDEN,
    ID_RULES,
    MODEL_NAME,
    STAYS,
    Flag,
    Hidden,
    Label,
    or_nothing,
    refuses_info,
    refuses_mark,
    refuses_model_name,
    refuses_params,
    refuses_unseen,
    refuses_values,
)
from reconciler.registry.litellm.info import ModelInfo
from reconciler.registry.litellm.notes import PLACE
from reconciler.registry.litellm.params import LitellmParams

BETWEEN: Final = "it is deleted and created again with the same id: in between, requests to it fail"


class Model(Record):
    """A deployment of a model. Several with one `model_name` share its requests; the key is the deployment's id."""

    model_name: Annotated[
        str | None, Constraint(refuses_model_name, "requests for any other name fail", MODEL_NAME)
    ] = Field(None, description="The name by which requests ask for it. The key if absent.", examples=["gpt-5"])
    litellm_params: Annotated[
        LitellmParams, Constraint(refuses_params, "the proxy shows what its name does not call a secret")
    ] = Field(description="What is called, and how.")
    model_info: Annotated[ModelInfo | None, Constraint(refuses_info, "prices stand in litellm_params")] = Field(
        None, description="What else is known of it."
    )
    blocked: Flag = Field(None, description="Whether requests to it are refused.", examples=[True])


class CredentialInfo(Record, extra="allow"):
    """What is known of a credential."""

    undeclared: ClassVar = (STAYS,)

    description: Label = Field(None, description="What it is for.", examples=["Our account at OpenAI."])


class CredentialValues(Record, extra="allow"):
    """What a model that names the credential is reached with. Other parameters of a provider pass through."""

    undeclared: ClassVar = (HIDDEN, STAYS)

    api_key: Hidden = Field(None, description="The key.", examples=["${env:OPENAI_API_KEY}"])


class Credential(Record):
    """A credential: a key, and whatever else a provider asks for, under a name to which models refer."""

    credential_values: Annotated[
        CredentialValues, Constraint(refuses_values, "the proxy masks what its name calls a secret")
    ] = Field(description="What models are reached with.")
    credential_info: Annotated[
        CredentialInfo | None,
        Normalized(or_nothing, "the proxy cannot tell it from absent"),
        Constraint(refuses_mark, "our mark is in it"),
    ] = Field(None, description="What is known of it.")


KINDS: Final[Mapping[str, Kind]] = {
    "Model": Kind(
        Model,
        "A model of LiteLLM Proxy: one deployment",
        key_rules=ID_RULES,
        check_key=refuses_unseen,
        key_field="model_name",
        unique_ids=False,
        descriptive=frozenset({"model_name", "model_info"}),
        marked_at=frozenset({f"/model_info/{PLACE}"}),
        partial_update=True,
        merge_depth=2,
        replace_note=BETWEEN,
    ),
    "Credential": Kind(
        Credential,
        "A credential of LiteLLM Proxy",
        key_rules=(CREDENTIAL_RULE,),
        unique_ids=False,
        counts_in_guards=False,
        descriptive=frozenset({"credential_info"}),
        marked_at=frozenset({f"/credential_info/{PLACE}"}),
        partial_update=True,
        merge_depth=2,
        replace_note="it is deleted and created again: in between, requests to the models that use it fail",
    ),
}
