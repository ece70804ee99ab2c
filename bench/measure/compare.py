"""This run beside an earlier one: what has become worse by more than the noise."""

LEAST = 0.10  # a change smaller than this says nothing on a machine that others use, too
TIMES_THE_NOISE = 3.0


def worsenings(now: list[dict], before: list[dict]) -> list[str]:
    """Ratios are compared, not times: they hold on another machine and on a busy one."""
    earlier = {(row["part"], row["name"]): row for row in before}
    found = []
    for row in now:
        old = earlier.get((row["part"], row["name"]))
        if old is None:
            continue
        for name, side in (("times_reference", "reference"), ("of_floor", "floor")):
            if row[name] is None or old[name] is None:
                continue
            less_is_better = name == "of_floor" and row["unit"] != "/s"
            change = row[name] / old[name] - 1 if less_is_better else old[name] / row[name] - 1
            noise = max(LEAST, TIMES_THE_NOISE * (row["noise"][side] ** 2 + old["noise"][side] ** 2) ** 0.5)
            if change > noise:
                what = "times the reference" if side == "reference" else "of the floor"
                found.append(
                    f"{row['name']}: {old[name]:.2f} → {row[name]:.2f} {what}, "
                    f"worse by {change:.0%}, noise {noise:.0%}"
                )
    return found
