"""`kill -9` of the controller at random points: nothing is lost, nothing is deleted that should not be, and it converges."""

from __future__ import annotations

import random
import time

from kubernetes.loop import GROUP, Team, is_synced

SEED = 14
KILLS = 20
NAMES = [f"model-{number:02}" for number in range(24)]
LONGEST = 4.0  # seconds from a change until the controller is killed: it starts, takes the lease, reads, writes and says so meanwhile


def test_killed_at_random_points(team: Team) -> None:
    """Twenty times, while models are created, changed and deleted. A status that says Synced is true at each of these points."""
    chance = random.Random(SEED)
    names = list(NAMES)
    wanted: dict[str, str] = {}
    deleted: set[str] = set()
    team.registry(prune=True, guards={"max_deletes": 100, "max_delete_percent": 100})
    for number in range(KILLS):
        team.controller.start()
        changed = chance.sample(names, 4)
        wanted |= dict.fromkeys(changed, f"round {number}")
        team.apply(*(team.model(name, display_name=wanted[name]) for name in changed))
        if number % 3 == 2:
            gone = chance.choice(sorted(wanted))
            names.remove(gone)  # one that is going must not be wanted again
            deleted.add(gone)
            del wanted[gone]
            team.kubectl("delete", f"models.{GROUP}", gone, "--wait=false")
        time.sleep(chance.uniform(0, LONGEST))  # no condition: the point is that it is at any point
        team.controller.kill()
        _status_is_true(team)
        team.bury()
    team.controller.start()
    team.until(lambda: set(team.list()) == set(wanted), "what was deleted is gone")
    team.until_synced()
    assert team.judge.names() == wanted
    deletions = [write.key for write in team.judge.history() if write.action == "delete"]
    assert set(deletions) <= deleted
    assert len(deletions) == len(set(deletions))


def _status_is_true(team: Team) -> None:
    """Each model that says that it is synced is stored as it says."""
    stored = team.judge.names()
    for name, item in team.list().items():
        if is_synced(item) and "deletionTimestamp" not in item["metadata"]:
            assert stored.get(name) == item["spec"]["display_name"], f"{name} claims to be synced"
