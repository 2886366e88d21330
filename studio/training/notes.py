"""How a run saves time, in words for a person."""


def known(pictures: int) -> str:
    """For pictures that an earlier run had looked at."""
    return f"{pictures:,} pictures were known from an earlier run: what the frozen part makes of them is in the cache."


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
