"""The real MLflow server of the tests: that it is the one we say, keeps tests apart, and ends with those who use it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import httpx2
import pytest
from registry.mlflow.judge import ClientError, Judge, Process
from registry.mlflow.server import ADMIN, MlflowServer, create_user, create_workspace, permit
from registry.server_process import Running, listens


def test_it_is_the_version_that_we_speak_of(mlflow_server: Running) -> None:
    assert httpx2.get(f"{mlflow_server.url}/version", trust_env=False).text == "3.17.2"


def test_each_test_has_it_to_itself(mlflow_judge: Judge) -> None:
    """The same name in another workspace is another object, of every kind."""
    other = Judge(mlflow_judge.process, mlflow_judge.url, create_workspace(mlflow_judge.url))
    for judge in (mlflow_judge, other):
        assert not any(judge.everything().values())
        judge.call("create_registered_model", "m")
        judge.call("create_model_version", "m", "s3://b/1")
        secret = judge.gateway("create_gateway_secret", "s", {"api_key": "sk-of-nobody"}, "openai")
        judge.gateway("create_gateway_model_definition", "d", secret["secret_id"], "openai", "gpt")
    found = mlflow_judge.everything()
    assert (list(found["models"]), list(found["versions"]["m"])) == (["m"], ["1"])
    assert (list(found["secrets"]), list(found["definitions"])) == (["s"], ["d"])
    assert found["models"]["m"]["creation_timestamp"] != other.models()["m"]["creation_timestamp"]


def test_it_asks_who_one_is(mlflow_auth_server: Running, mlflow_client: Process) -> None:
    """With `auth` it knows the admin and those who were made, and hides from them what is denied."""
    admin = Judge(mlflow_client, mlflow_auth_server.url, user=ADMIN)
    admin.call("create_registered_model", "asks-who-seen")
    admin.call("create_registered_model", "asks-who-hidden")
    user = create_user(mlflow_auth_server.url, "asks-who")
    permit(mlflow_auth_server.url, user[0], "asks-who-hidden", "DENY")
    assert {"asks-who-seen", "asks-who-hidden"} <= set(admin.models())
    seen = Judge(mlflow_client, mlflow_auth_server.url, user=user)
    assert "asks-who-seen" in seen.models()
    assert "asks-who-hidden" not in seen.models()
    with pytest.raises(ClientError, match="403"):
        seen.model("asks-who-hidden")


def test_it_keeps_its_data_when_it_is_killed(tmp_path: Path, mlflow_client: Process) -> None:
    """`kill -9` ends it with all its processes at once; started again it is at the same address, with what it had."""
    with MlflowServer.private(tmp_path / "mlflow") as server:
        judge = Judge(mlflow_client, server.url)
        judge.call("create_registered_model", "m")
        server.kill()
        assert not listens(server.port)
        with sqlite3.connect(server.database) as database:
            assert database.execute("SELECT name FROM registered_models").fetchall() == [("m",)]
        server.start()
        assert list(judge.models()) == ["m"]
    assert not MlflowServer.answers(server.url)
