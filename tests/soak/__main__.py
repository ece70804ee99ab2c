"""The fault suite in its long form: see docs/testing.md."""

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from soak.audit import Audit, audit
from soak.memory import EVENTS, measure_memory
from soak.night import Night
from soak.plan import SHORT, Plan


def main() -> int:
    options = _options()
    if options.memory:
        return measure_memory(_folder("memory"), options.events or EVENTS)
    plan = _plan(options)
    print(f"soak: seed {plan.seed}; {plan.events} events over {plan.seconds / 60:g} minutes", file=sys.stderr)
    folder = _folder("soak")
    begin = time.monotonic()
    with Night(folder, plan) as night:
        night.run()
        result = audit(night)
    result.counts["seconds"] = round(time.monotonic() - begin)
    _print(result, plan, options.json)
    if result.violations:
        print(f"soak: the logs are kept in {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


def _options() -> argparse.Namespace:
    long = Plan()
    parser = argparse.ArgumentParser(
        prog="./dev soak",
        description="Lets supervisors work while they are killed, the broker is restarted, tokens run out, GraceDB fails "
        "and the network breaks; then sees whether every event is complete once and every poison message listed once as a dead letter.",
        epilog="Exit code 0: nothing was lost and nothing doubled. 1: something was; the logs are kept.",
    )
    parser.add_argument(
        "--events", type=int, metavar="N", help=f"[{long.events}; with --memory {EVENTS}, of a megabyte each]"
    )
    parser.add_argument("--minutes", type=float, default=long.seconds / 60, metavar="M", help="[%(default)s]")
    parser.add_argument("--kills", type=int, default=long.kills, metavar="N", help="of supervisors [%(default)s]")
    parser.add_argument("--seed", type=int, help="repeats the draws of an earlier run [a new one]")
    parser.add_argument("--short", action="store_true", help="the form that ./dev test runs")
    parser.add_argument("--memory", action="store_true", help="measure the memory under a backlog instead")
    parser.add_argument("--json", action="store_true", help="the counts as JSON")
    return parser.parse_args()


def _plan(options: argparse.Namespace) -> Plan:
    seed = random.randrange(1 << 31) if options.seed is None else options.seed
    if options.short:
        return replace(SHORT, seed=seed)
    return Plan(events=options.events or Plan().events, seconds=options.minutes * 60, kills=options.kills, seed=seed)


def _folder(name: str) -> Path:
    return Path(tempfile.mkdtemp(prefix=f"gracedb-{name}-"))


def _print(result: Audit, plan: Plan, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"seed": plan.seed} | result.counts | {"violations": result.violations}))
        return
    width = max(map(len, result.counts))
    for name, count in ({"seed": plan.seed} | result.counts).items():
        print(f"{name:<{width}}  {count}")
    for violation in result.violations:
        print(f"VIOLATION: {violation}")


if __name__ == "__main__":
    sys.exit(main())
