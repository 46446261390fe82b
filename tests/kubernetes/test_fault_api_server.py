"""What the API server does to a controller: it is killed, forgets its history, refuses in storms. Nothing is lost, nothing done twice."""

from __future__ import annotations

import itertools
from pathlib import Path

from kubernetes.api_server import ApiServer
from kubernetes.loop import GROUP, Team
from kubernetes.recorder import recorded_api

NAMES = [f"model-{number:02}" for number in range(20)]
REFUSED = 40  # requests that a storm refuses before it ends


def test_killed_and_started_again_while_models_are_applied(team: Team) -> None:
    """What came before and what came after is stored, each change once."""
    team.registry()
    team.controller.start()
    team.apply(*team.models(NAMES, display_name="one"))
    team.until(lambda: bool(team.judge.specs()), "the first model is stored")
    team.server.kill_api_server()
    team.server.start()
    team.apply(*team.models(NAMES[:10], display_name="two"))
    team.until_synced()
    assert team.judge.names() == dict.fromkeys(NAMES[:10], "two") | dict.fromkeys(NAMES[10:], "one")
    assert team.judge.counts() == {"create": len(NAMES), "update": 10}


def test_a_history_that_was_compacted_meanwhile(team: Team) -> None:
    """A controller that hung while etcd forgot the past (410 Gone) lists again, and misses no change, be it a deletion."""
    team.registry(prune=True)
    team.controller.start()
    team.apply(*team.models(NAMES[:4], display_name="one"))
    team.until_synced()
    team.controller.freeze()
    team.apply(team.model(NAMES[0], display_name="two"), team.model("late", display_name="two"))
    team.kubectl("delete", f"models.{GROUP}", NAMES[1], "--wait=false")
    team.server.forget_history()
    team.controller.wake()
    expected = {NAMES[0]: "two", NAMES[2]: "one", NAMES[3]: "one", "late": "two"}
    team.until(lambda: team.judge.names() == expected, "the changes that no watch told of are made")
    team.until_synced()
    assert team.judge.counts() == {"create": 5, "update": 1, "delete": 1}


def test_a_storm_of_429(api_server: ApiServer, namespace: str, tmp_path: Path) -> None:
    """Four of five requests are refused for a while, in the middle of the work: all is done in the end, once."""
    with recorded_api(api_server) as (proxy, kubeconfig):
        team = Team(api_server, namespace, tmp_path, kubeconfig=kubeconfig)
        team.registry()
        team.apply(*team.models(NAMES[:5], display_name="one"))
        number = itertools.count()
        team.controller.start()
        try:
            team.until(lambda: bool(team.judge.specs()), "the first model is stored")
            proxy.refuses = lambda: next(number) % 5 != 0
            team.apply(*team.models(NAMES[:10], display_name="two"))
            team.until(lambda: proxy.refused() > REFUSED, "the storm is felt")
            proxy.refuses = lambda: False
            team.until(lambda: team.judge.names() == dict.fromkeys(NAMES[:10], "two"), "all models are stored")
            team.until_synced()
        finally:
            team.controller.kill()
            team.release()
        counts = team.judge.counts()
        assert (counts["create"], "delete" in counts) == (10, False)
