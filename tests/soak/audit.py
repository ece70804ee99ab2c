"""What is left when everything is over, held against what was sent."""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field

from harness.broker import INSTANCE
from harness.leaks import check_no_token
from soak.night import DEAD_LETTERS, PIPELINE, Night, Place

_REPORT_OF_SANITIZER = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:")


@dataclass
class Audit:
    counts: dict[str, object]
    violations: list[str] = field(default_factory=list)


def audit(night: Night) -> Audit:
    found = Audit(counts={})
    _check_events(night, found)
    _check_poisons(night, found)
    _check_supervisors(night, found)
    lag = night.lag()
    _require(found, lag == 0, f"lag is {lag}")
    found.counts["lag"] = lag
    found.violations += night.happened.faults
    return found


def _require(found: Audit, holds: bool, otherwise: str) -> None:
    if not holds:
        found.violations.append(otherwise)


def _some(names: list) -> str:
    return ", ".join(map(str, names[:10])) + (", …" if len(names) > 10 else "")


def _check_events(night: Night, found: Audit) -> None:
    sent = night.sent.events
    records = night.gracedb.records()
    complete = [graceid for graceid in sent if records[graceid]["state"] == "complete"]
    lost = [graceid for graceid in sent if records[graceid]["state"] != "complete"]
    unconfirmed = [graceid for graceid in sent if graceid not in night.sent.acknowledged]
    wrong = [each for each in complete if records[each]["sha256"] != hashlib.sha256(sent[each]).hexdigest()]
    again = [each for each in complete if records[each]["upload_count"] > 1]
    doubled = [each for each in again if not _is_there_once(night, each)]
    strange = [each for each in records if each not in sent and records[each]["state"] == "complete"]
    waits = sorted(
        records[each]["completed"] - night.sent.acknowledged[each] for each in complete if each not in unconfirmed
    )
    found.counts |= {
        "sent": len(sent),
        "refused by the broker and sent anew": len(night.sent.refusals),
        "completed": len(complete),
        "doubled": len(doubled),
        "lost": len(lost),
        "uploaded again and found complete": len(again),
        "median wait (s)": round(waits[len(waits) // 2], 3) if waits else None,
        "worst recovery (s)": round(waits[-1], 1) if waits else None,
    }
    _require(found, len(sent) == night.plan.events, f"only {len(sent)} events were sent")
    _require(found, not unconfirmed, f"neither taken nor refused by the broker: {_some(unconfirmed)}")
    _require(found, not lost, f"not complete: {_some(lost)}")
    _require(found, not wrong, f"other contents than were sent: {_some(wrong)}")
    _require(found, not doubled, f"complete more than once: {_some(doubled)}")
    _require(found, not strange, f"complete, though never sent: {_some(strange)}")


def _is_there_once(night: Night, graceid: str) -> bool:
    """Whether there is one version of one file, byte for byte."""
    file = night.gracedb.file(graceid, "event.dat")
    return file == night.sent.events[graceid] and night.gracedb.file(graceid, "event.dat,1") is None


def _check_poisons(night: Night, found: Audit) -> None:
    sent = night.sent.poisons
    letters: list[tuple[Place, bytes]] = []
    for letter in night.broker.messages(DEAD_LETTERS):
        said = dict(letter.headers())
        place = tuple(int(said[f"__connect.errors.{name}"]) for name in ("partition", "offset"))
        letters.append((place, letter.value()))
    on_topic = len(letters)
    for path in night.supervisors.spool.glob("*.json"):
        description = json.loads(path.read_text())
        letters.append(((description["partition"], description["offset"]), path.with_suffix(".value").read_bytes()))
    copies = Counter(place for place, _ in letters)
    listed = Counter(night.supervisors.listed_dead_letters())
    missing = [place for place in sent if listed[place] == 0]
    doubled = [place for place, count in listed.items() if count > 1]
    strange = [place for place in listed if place not in sent]
    wrong = [place for place, value in letters if place in sent and sent[place] != value]
    found.counts |= {
        "poison": len(sent),
        "dead letters listed": len(listed),
        "dead letters on the topic": on_topic,
        "dead letters with several copies": sum(count > 1 for count in copies.values()),
        "dead letters listed twice": len(doubled),
    }
    _require(found, len(sent) == night.plan.poisons, f"only {len(sent)} poison messages were sent")
    _require(found, not missing, f"no dead letter: {_some(missing)}")
    _require(found, not doubled, f"dead letter listed more than once: {_some(doubled)}")
    _require(found, not strange, f"dead letter, but no poison message: {_some(strange)} of {INSTANCE}.{PIPELINE}")
    _require(found, not wrong, f"dead letter with another value: {_some(wrong)}")


def _check_supervisors(night: Night, found: Audit) -> None:
    happened = night.happened
    found.counts |= {
        "kills": happened.kills,
        "restarts": happened.restarts,
        "broker restarts": happened.broker_restarts,
        "network cuts": happened.cuts,
        "network slowdowns": happened.slowdowns,
        "tokens": happened.tokens,
    }
    _require(found, happened.kills == night.plan.kills, f"only {happened.kills} kills")
    for each in night.supervisors.all:
        for sign in _REPORT_OF_SANITIZER:
            _require(found, sign not in each.stderr, f"a sanitizer speaks: {each.stderr[-3000:]}")
        try:
            check_no_token(each.stdout + each.stderr, {})
        except AssertionError as leak:
            found.violations.append(str(leak))
