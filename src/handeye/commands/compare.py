"""`handeye compare`."""

import json
from dataclasses import asdict

from ..evaluation.comparing import compare_runs, differences, open_run
from ..evaluation.tables import markdown, percent


def compare(first: str, second: str, as_json: bool) -> None:
    """Compare two evaluations on the episodes that both hold, task by task."""
    a, b = open_run(first), open_run(second)
    found, changed = compare_runs(a, b), differences(a, b)
    if as_json:
        rows = [{"task": t, "split": s, **asdict(one)} for (t, s), one in found.items()]
        print(json.dumps({"rows": rows, "differences": changed}))
        return
    print(f"A: {a.folder}, {a.agent}\nB: {b.folder}, {b.agent}")
    print("".join(f"   {line}\n" for line in changed))
    heads = [
        *("task", "split", "episodes", "A", "B", "B - A", "95 % interval"),
        *("only A", "only B", "p (McNemar, exact)"),
    ]
    shown = [
        [
            task,
            split,
            str(one.count),
            percent(one.first),
            percent(one.second),
            f"{100 * one.difference:+.1f} %",
            f"{100 * one.low:+.1f} to {100 * one.high:+.1f} %",
            str(one.only_first),
            str(one.only_second),
            f"{one.p:.3g}",
        ]
        for (task, split), one in found.items()
    ]
    print(markdown(heads, shown))
