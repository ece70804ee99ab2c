"""The fault suite in its short form; ./dev soak is the long one."""

import random
from dataclasses import replace

import pytest

from soak.audit import audit
from soak.night import Night
from soak.plan import SHORT


@pytest.mark.timeout(180)
def test_nothing_is_lost_and_nothing_doubled_while_everything_fails(tmp_path):
    plan = replace(SHORT, seed=random.randrange(1 << 31))
    with Night(tmp_path, plan) as night:
        night.run()
        result = audit(night)

    print(f"seed {plan.seed}", result.counts)
    assert not result.violations
