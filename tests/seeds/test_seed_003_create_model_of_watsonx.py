"""Seed 003, IBM watsonx Orchestrate, `POST /models`: the request, key by key."""

from __future__ import annotations

import json
from typing import Any, Final

from cli.project import Project
from registry.watsonx.server import Server
from seeds.conftest import declare

from reconciler.registry.watsonx.kinds import KINDS

OPTIONS: Final = """
api_key urlToFetch resourceName deploymentId apiVersion adAuth azureAuthMode azureManagedClientId azureEntraClientId azureEntraClientSecret
azureEntraTenantId azureAdToken azureModelName workersAiAccountId customHost forwardHeaders index cache metadata requestTimeout
transformToFormData awsSecretAccessKey awsAccessKeyId awsSessionToken awsRegion awsAuthType awsRoleArn awsExternalId awsS3Bucket
awsS3ObjectKey awsBedrockModel awsServerSideEncryption awsServerSideEncryptionKMSKeyId amznSagemakerCustomAttributes
amznSagemakerTargetModel amznSagemakerTargetVariant amznSagemakerTargetContainerHostname amznSagemakerInferenceId
amznSagemakerEnableExplanations amznSagemakerInferenceComponent amznSagemakerSessionId amznSagemakerModelName stabilityClientId
stabilityClientUserId stabilityClientVersion huggingfaceBaseUrl vertexRegion vertexProjectId vertexServiceAccountJson
vertexStorageBucketName vertexModelName filename afterRequestHooks beforeRequestHooks defaultInputGuardrails defaultOutputGuardrails
openaiProject openaiOrganization openaiBeta azureDeploymentName azureApiVersion azureExtraParams azureFoundryUrl
strictOpenAiCompliance mistralFimCompletion anthropicBeta anthropicVersion fireworksAccountId snowflakeAccount watsonxVersion
watsonxSpaceId watsonxProjectId watsonxDeploymentId watsonxCpdUrl watsonxCpdUsername watsonxCpdPassword
"""
CONFIG: Final[dict[str, Any]] = {
    **dict.fromkeys(("decoding_method", "prompt", "stop", "user", "context", "service_tier"), "text"),
    **dict.fromkeys(("anthropic_beta", "anthropic_version", "space_id", "project_id"), "text"),
    **dict.fromkeys(("max_tokens", "max_completion_tokens", "n", "logprobs", "best_of", "top_k", "seed"), 1),
    **dict.fromkeys(("temperature", "top_p", "presence_penalty", "frequency_penalty"), 0.5),
    **dict.fromkeys(("stream", "top_logprobs", "echo", "store"), True),
    **{name: {} for name in ("logit_bias", "metadata")},
    "examples": [{"input": "a", "output": "b"}],
    "response_format": {"type": "json_schema", "json_schema": {"type": "object"}},
    "modalities": ["text"],
    "audio": {"voice": "v", "format": "f"},
    "prediction": {"type": "content", "content": [{"type": "text", "text": "t"}]},
    "safety_settings": [{"category": "c"}],
    "thinking": {"type": "enabled", "budget_tokens": 123},
}
MAPS: Final = ("vertexServiceAccountJson",)
NAME: Final = "virtual-model/openai/gpt-4o"


def chat(**fields: Any) -> dict[str, Any]:
    return {"kind": "watsonx/Model", "key": NAME, **fields}


def stored(server: Server) -> dict[str, Any]:
    """The one model that the server has."""
    (row,) = server.state.models.values()
    return row


def test_every_key_of_provider_config(project: Project, wxo: Server) -> None:
    """All 76, under the API's own names: each is a field of the kind, and none of a map is left out of the schema."""
    fields = KINDS["Model"].root.children["provider_config"].children
    assert len(OPTIONS.split()) == 76
    assert set(OPTIONS.split()) <= fields.keys()
    secret = {name for name in OPTIONS.split() if fields[name].secret is not None}
    assert {"api_key", "azureEntraClientSecret", "awsSecretAccessKey", "watsonxCpdPassword", *MAPS} <= secret


def test_every_key_of_config_arrives(project: Project, wxo: Server) -> None:
    """All 34, with the types of the example: what was declared is what the server got, and nothing is left to do."""
    assert len(CONFIG) == 34
    declare(project, chat(config=CONFIG))
    project.apply()
    assert stored(wxo)["config"] == CONFIG
    assert not project.plan()


def test_create_is_a_post_to_models_with_a_bearer_token(project: Project, wxo: Server) -> None:
    """ "Bearer authentication header of the form Bearer <token>" at every request, and one POST for one model."""
    declare(project, chat(description="Answers."))
    project.apply()
    assert [one.path for one in wxo.requests if one.method == "POST"] == ["/models"]
    assert {headers["Authorization"] for headers in wxo.headers} == {f"Bearer {wxo.token}"}
    assert not any(wxo.token in one.both for one in project.runs)


def test_name_display_name_description_and_tags(project: Project, wxo: Server) -> None:
    """What people see; `name` is our `key`, and a manifest that says `name` is told so."""
    declare(project, chat(display_name="GPT-4o", description="Answers.", tags=["support"]))
    project.apply()
    row = stored(wxo)
    assert (row["name"], row["display_name"], row["description"]) == (NAME, "GPT-4o", "Answers.")
    assert "support" in row["tags"]
    declare(project, {"kind": "watsonx/Model", "name": NAME})
    assert "key" in project.run("validate").out


def test_an_api_key_that_nobody_set_is_dummy(project: Project, wxo: Server) -> None:
    """The example's `"api_key": "Dummy"` is the server's own word for none: no secret, and no difference."""
    declare(project, chat(provider_config={"customHost": "https://llm.example.com/v1"}))
    project.apply()
    assert wxo.behaviour.dummy_key  # it answers so
    assert not project.plan()
    assert "api_key" not in project.stored()[f"wxo/Model/{NAME}"]["provider_config"]


def test_the_model_type_is_chat_unless_it_is_said(project: Project, wxo: Server) -> None:
    """ "model_type": "chat"; a type that no client knows is warned about."""
    declare(project, chat())
    project.apply()
    assert stored(wxo)["model_type"] == "chat"
    declare(project, chat(model_type="telepathy"))
    assert project.run("validate", "--strict").code == 1


def test_connection_id_follows_from_the_connections_name(project: Project, wxo: Server) -> None:
    """A manifest names the connection by its `app_id`, and the id goes into the request; one that says `connection_id` is told so."""
    creds = {"kind": "watsonx/Connection", "key": "creds"}
    environments = {"draft": {"security_scheme": "key_value_creds", "preference": "team"}}
    declare(project, creds | {"environments": environments}, chat(app_id="creds"))
    project.apply()
    server_facts = project.ok("get", "wxo/Connection/creds", "--format", "json").json("get")["server_facts"]
    assert stored(wxo)["connection_id"] == server_facts["connection_id"]
    declare(project, chat(connection_id="0b3c"))
    assert "app_id" in project.run("validate").out


def test_metadata_and_maps_of_options(project: Project, wxo: Server) -> None:
    """`metadata` holds texts, hooks hold maps; another type is found before anything is sent."""
    options = {"metadata": {"team": "cx"}, "afterRequestHooks": [{"id": "a"}], "forwardHeaders": ["X-T"], "index": 1}
    declare(project, chat(provider_config=options))
    project.apply()
    assert stored(wxo)["provider_config"].items() >= options.items()
    for wrong in ({"metadata": {"team": 1}}, {"afterRequestHooks": ["a"]}, {"index": "x"}, {"forwardHeaders": "X-T"}):
        declare(project, chat(provider_config=wrong))
        assert project.run("plan").code == 1, wrong


def test_a_service_account_is_a_reference(project: Project, wxo: Server) -> None:
    """ "vertexServiceAccountJson": {}: written into a manifest it is refused without being shown, with the reference to write."""
    declare(project, chat(provider_config={"vertexServiceAccountJson": {"private_key": "s3cr3t-of-google"}}))
    answer = project.run("validate")
    assert "${file:sa.json}" in answer.out
    assert "s3cr3t-of-google" not in answer.both


def test_the_request_itself_can_be_imported(project: Project, wxo: Server) -> None:
    """The body of the `curl` call, as a file among the manifests: the message says what to do, and that works."""
    body = {"name": NAME, "display_name": "GPT-4o", "provider_config": {"api_key": "Dummy"}, "config": CONFIG}
    project.write("manifests/body.json", json.dumps({**body, "model_type": "chat"}))
    assert "`reconciler import manifests/body.json -o DIR`" in project.run("validate").out
    project.ok("import", "manifests/body.json", "-o", "imported")
    (project.root / "manifests/body.json").unlink()
    project.apply("imported")
    assert stored(wxo)["config"] == CONFIG
