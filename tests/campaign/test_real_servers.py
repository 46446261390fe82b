"""The short form of the campaign against the real servers, each judged by its own client."""

from __future__ import annotations

from typing import Final

import pytest
from campaign.ground import Place
from campaign.playing import failure_of, played, smallest
from campaign.real_servers import litellm, mlflow, nemo
from campaign.schedule import Schedule
from registry.litellm.fixtures import litellm_server as litellm_server
from registry.litellm.server import LiteLLMServer
from registry.mlflow.fixtures import mlflow_client as mlflow_client
from registry.mlflow.fixtures import mlflow_server as mlflow_server
from registry.mlflow.judge import Process
from registry.nemo.fixtures import nemo_judge as nemo_judge
from registry.nemo.fixtures import nemo_server as nemo_server
from registry.nemo.judge import Judge
from registry.server_process import Running

# For each server, in parts, so that each test stays far from its time limit: what some seconds of CPU pay for; more with `make campaign`.
SCHEDULES: Final = {"nemo": 4, "litellm": 8, "mlflow": 8}
PARTS: Final = 4


def holds(place: Place, part: int) -> None:
    for seed in range(1 + part, 1 + SCHEDULES[place.name], PARTS):
        schedule = Schedule.of(seed)
        if played(place, schedule).wrong:
            least = smallest(place, schedule)
            pytest.fail(failure_of(place, least, played(place, least).wrong))


@pytest.mark.parametrize("part", range(PARTS))
def test_every_invariant_holds_on_nemo(nemo_judge: Judge, part: int) -> None:
    """Each schedule in a workspace of its own, judged by NVIDIA's client."""
    holds(nemo(nemo_judge), part)


@pytest.mark.parametrize("part", range(PARTS))
def test_every_invariant_holds_on_litellm(litellm_server: LiteLLMServer, part: int) -> None:
    """Each schedule on the emptied proxy, judged by what the proxy lists."""
    holds(litellm(litellm_server), part)


@pytest.mark.parametrize("part", range(PARTS))
def test_every_invariant_holds_on_mlflow(mlflow_client: Process, mlflow_server: Running, part: int) -> None:
    """Each schedule in a workspace of its own, judged by MLflow's client."""
    holds(mlflow(mlflow_client, mlflow_server.url), part)
