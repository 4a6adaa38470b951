"""Scores the embedded planner on the corpora: `python tests/language/score.py [--failures]`."""

import sys
import time

import corpus
from handeye.agents.embedded_planner import EmbeddedPlanner
from handeye.agents.planner import Progress

FILES = ("used_en.txt", "scored_en.txt", "used_zh.txt", "scored_zh.txt")


def main() -> None:
    """Print a row for each corpus."""
    planner = EmbeddedPlanner()
    scenes = {name: corpus.scene(name) for name in ("table", "blocks", "kitchen")}
    planner.plan("grab it 抓", scenes["table"], Progress())
    print("| corpus | utterances | right | confidently wrong | a second |\n|---|---|---|---|---|")
    for name in FILES:
        utterances = corpus.read(name)
        start = time.perf_counter()
        results = [planner.plan(u.text, scenes[u.scene], Progress()) for u in utterances]
        rate = len(utterances) / (time.perf_counter() - start)
        pairs = list(zip(utterances, results, strict=True))
        right = sum(corpus.fits(r, u.expected) for u, r in pairs)
        wrong = sum(corpus.confidently_wrong(r, u.expected) for u, r in pairs)
        n = len(utterances)
        print(f"| {name} | {n} | {right / n:.1%} | {wrong / n:.1%} | {rate:.0f} |")
        if "--failures" in sys.argv:
            for u, r in pairs:
                if not corpus.fits(r, u.expected):
                    print(f"    {u.text} => {u.expected}\n        {corpus.written(r)}")


if __name__ == "__main__":
    main()
