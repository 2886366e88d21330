"""What a run was trained under and how it saves time, in words for a person."""

from collections.abc import Sequence

from studio.data.decisions import Decision


def decided(decisions: Sequence[Decision]) -> str:
    """For decisions about single pictures that change what is learnt; empty where there are none."""
    counts = {
        "set aside": sum(one.action == "set-aside" for one in decisions),
        "moved to another class": sum(one.action == "move" for one in decisions),
    }
    total = sum(counts.values())
    told = ", ".join(f"{count:,} {words}" for words, count in counts.items() if count)
    first, _, rest = told.partition(" ")
    noun = "picture" if first == "1" else "pictures"
    return f"Trained under {total:,} decision{'s' if total > 1 else ''}: {first} {noun} {rest}." if total else ""


def proven(tensors: int, changed: Sequence[str]) -> str:
    """The freeze proof: how many of the tensors that were frozen are not what they were."""
    if not tensors:
        return "Nothing was frozen, so there is nothing to prove."
    told = f"{len(changed):,} of {tensors:,} frozen tensors and statistics changed"
    return f"{told}: {', '.join(changed[:3])}{' …' if len(changed) > 3 else ''}." if changed else f"{told}."


def known(pictures: int) -> str:
    """For pictures that an earlier run, or a check, had looked at."""
    earlier = f"{pictures:,} pictures were known from an earlier run or check"
    return f"{earlier}: what the frozen part makes of them is in the cache."


def frozen(words: str, alike: float) -> str:
    """For the way the frozen part runs; `alike` is the cosine between its features and exact ones."""
    agrees = f" (it agrees with the exact network: cosine {alike:.4f})" if alike < 0.99999 else ""
    return f"The frozen part {words}{agrees}."


def reusing(pictures: int, seconds: float, learning: int | None) -> str:
    """For epochs on kept features, of so many seconds. `learning` counts the stages that learn, if that changes."""
    told = f"{seconds:.2g}" if seconds < 10 else f"{seconds:.0f}"
    during = ""
    if learning is not None:
        stages = f"{learning} stage{'s' if learning > 1 else ''} and the head learn"
        during = f" while {stages if learning else 'only the head learns'}"
    return f"Reusing {pictures:,} pictures already seen by the frozen part: epochs take {told} s{during}."
