"""Prints how many right answers are accepted, wrong ones flagged, and causes named."""

import sys

from nma_seq2seq.exercises import exercises_of, notebooks
from tests.exercise_answers import judged

numbers = sys.argv[1:] or [task.number for n in sorted(notebooks()) for task in exercises_of(n)]
total = dict.fromkeys(("right", "accepted", "wrong", "flagged", "named", "misleading"), 0)
for number in numbers:
    right, wrong = judged(number)
    row = {
        "right": len(right),
        "accepted": sum(result.status == "done" for result in right),
        "wrong": len(wrong),
        "flagged": sum(each.is_flagged for each in wrong),
        "named": sum(each.is_named for each in wrong),
        "misleading": sum(each.is_misleading for each in wrong),
    }
    total = {name: total[name] + count for name, count in row.items()}
    print(number, ", ".join(f"{count} {name}" for name, count in row.items()))
    for k, result in enumerate(right):
        if result.status != "done":
            print(f"    right answer {k}: {result.message}")
    for k, each in enumerate(wrong):
        if not each.is_flagged or each.is_misleading or not each.is_named:
            print(
                f"    wrong answer {k} ({each.says}): {each.result.status}: {each.result.message}"
            )
print(
    f"{total['accepted'] / total['right']:.1%} of {total['right']} right answers accepted, "
    f"{total['flagged'] / total['wrong']:.1%} of {total['wrong']} wrong ones flagged, "
    f"the cause named of {total['named'] / total['wrong']:.1%}, "
    f"{total['misleading']} misleading"
)
