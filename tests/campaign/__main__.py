"""The campaign: `python -m campaign --driver local --schedules 10000 --seconds 600`. A failure is told shrunk, with its arguments."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from campaign.places import PLACES
from campaign.playing import failure_of, played, smallest
from campaign.schedule import Fault, Schedule


def main() -> int:
    given = _arguments()
    if given.faults is not None:
        faults = () if given.faults == "none" else tuple(map(Fault.parse, given.faults.split(",")))
        return _report(given.driver[0], Schedule(given.seed, faults))
    failed = 0
    for driver in given.driver:
        began, count, struck = time.process_time(), 0, Counter[str]()
        deadline = time.monotonic() + given.seconds / len(given.driver)
        for seed in range(given.seed, given.seed + given.schedules):
            if time.monotonic() > deadline:
                break
            count += 1
            verdict = played(driver, Schedule.of(seed))
            struck.update(verdict.struck)
            if verdict.wrong:
                failed += _report(driver, smallest(driver, Schedule.of(seed)))
        spent = time.process_time() - began
        print(f"{driver}: {count} schedules from seed {given.seed}, {spent:.0f} s of CPU", flush=True)
        print("  " + ", ".join(f"{what} {times}" for what, times in sorted(struck.items())), flush=True)
    return min(failed, 1)


def _report(driver: str, schedule: Schedule) -> int:
    wrong = played(driver, schedule).wrong
    print(failure_of(driver, schedule, wrong) if wrong else "every invariant holds", flush=True)
    return bool(wrong)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="campaign", description=__doc__)
    parser.add_argument("--driver", nargs="+", choices=PLACES, default=list(PLACES))
    parser.add_argument("--schedules", type=int, default=10_000, help="for each driver")
    parser.add_argument("--seconds", type=float, default=3_600, help="for all of them")
    parser.add_argument("--seed", type=int, default=1, help="of the first schedule")
    parser.add_argument("--faults", help="these alone, as a failure tells them, instead of the seed's")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
