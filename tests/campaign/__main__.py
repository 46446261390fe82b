"""The campaign: `python -m campaign --driver local --schedules 10000 --seconds 600`. A failure is told shrunk, with its arguments."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from campaign.ground import Place
from campaign.places import PLACES
from campaign.playing import failure_of, played, smallest
from campaign.real_servers import SERVERS
from campaign.schedule import Fault, Schedule


def main() -> int:
    given = _arguments()
    failed = 0
    for driver in given.driver:
        with _place(driver) as place:
            if given.faults is not None:
                faults = () if given.faults == "none" else tuple(map(Fault.parse, given.faults.split(",")))
                return _report(place, Schedule(given.seed, faults))
            failed += _play_all(place, given.seed, given.schedules, given.seconds / len(given.driver))
    return min(failed, 1)


@contextmanager
def _place(driver: str) -> Iterator[Place]:
    """Where a driver is played; a real server is started for that."""
    if driver in PLACES:
        yield PLACES[driver]
    else:
        with SERVERS[driver]() as place:
            yield place


def _play_all(place: Place, first: int, schedules: int, seconds: float) -> int:
    """Play as many schedules as there are or fit into the time: how many failed."""
    began, count, failed, struck = time.process_time(), 0, 0, Counter[str]()
    deadline = time.monotonic() + seconds
    for seed in range(first, first + schedules):
        if time.monotonic() > deadline:
            break
        count += 1
        verdict = played(place, Schedule.of(seed))
        struck.update(verdict.struck)
        if verdict.wrong:
            failed += _report(place, smallest(place, Schedule.of(seed)))
    spent = time.process_time() - began
    print(f"{place.name}: {count} schedules from seed {first}, {failed} failed, {spent:.0f} s of CPU", flush=True)
    print("  " + ", ".join(f"{what} {times}" for what, times in sorted(struck.items())), flush=True)
    return failed


def _report(place: Place, schedule: Schedule) -> int:
    wrong = played(place, schedule).wrong
    print(failure_of(place, schedule, wrong) if wrong else "every invariant holds", flush=True)
    return bool(wrong)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="campaign", description=__doc__)
    parser.add_argument("--driver", nargs="+", choices=[*PLACES, *SERVERS], default=[*PLACES, *SERVERS])
    parser.add_argument("--schedules", type=int, default=10_000, help="for each driver")
    parser.add_argument("--seconds", type=float, default=3_600, help="for all of them")
    parser.add_argument("--seed", type=int, default=1, help="of the first schedule")
    parser.add_argument("--faults", help="these alone, as a failure tells them, instead of the seed's")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
