"""The result of a row on the terminal."""

from bench.frame.results import Entry
from bench.frame.rounds import QUIET

NOISY = f"   TOO NOISY: it must be {QUIET[0]} to {QUIET[1]}. Stop other programs, then run the row again"


def print_row(name: str, entry: Entry) -> None:
    print(f"\n{name}  {entry['work']}")
    settings = ", ".join(f"{setting} {value}" for setting, value in entry["durability"].items())
    print(f"    {entry['rounds']} rounds of {entry['units_per_round']:,}; every arm commits with: {settings or '–'}")
    for arm, figures in entry["arms"].items():
        _print_arm(arm, figures, entry)
    for judged in (entry, *entry["further"]):
        print(f"    goal {judged['goal']}{of_arm(judged)}: {met(judged)}; {_figures(judged)}")
    if entry["control"] is not None:
        print(f"    control, ours against ours: {entry['control']:.2f}{'' if entry['quiet'] else NOISY}")
    print(f"    the row took {entry['row_seconds']:.0f} s")


def _print_arm(arm: str, figures: Entry, entry: Entry) -> None:
    measure = entry["measure"]
    compared = (
        f"   ours / this: {figures['ratio']:.2f} {interval(figures)}, CPU {figures['cpu_ratio']:.2f}"
        if "ratio" in figures
        else ""
    )
    own = f"{figures[measure]:>10,.5g} {entry['measure_unit']}"
    print(f"    {arm:<34}{own}{figures['cpu']:>10,.4g} {entry['cpu_unit']}{compared}")
    for figure, value in figures.items():
        if figure not in (measure, "cpu", "ratio", "interval", "cpu_ratio"):
            print(f"        {figure}: {value:,.4g}")


def _figures(judged: Entry) -> str:
    own = f"{judged['ours']:,.5g} {judged['measure_unit']}"
    return own if judged["ratio"] is None else f"{own}, {judged['ratio']:.2f}× {interval(judged)}"


def of_arm(judged: Entry) -> str:
    return f" of {judged['arm']}" if judged["relative"] else ""


def met(judged: Entry) -> str:
    return "met" if judged["met"] else "not met"


def interval(figures: Entry) -> str:
    if figures["interval"] is None:
        return "(one run)"
    low, high = figures["interval"]
    return f"({low:.2f} to {high:.2f})"
