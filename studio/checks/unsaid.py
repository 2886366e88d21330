"""What could not be looked for in these pictures, and why: silence is not the same as "all is well"."""

from studio.checks import enough, mislabelled
from studio.checks.evidence import Evidence
from studio.checks.recognising import why_not


def unsaid(evidence: Evidence) -> tuple[str, ...]:
    """Sentences, for a report that is not followed by one that could say more of the same pictures."""
    if evidence.features is None:
        told = (why_not(evidence),)
    else:
        told = (mislabelled.unsaid(evidence), enough.unsaid(evidence))
    return (*evidence.left_out, *(sentence for sentence in told if sentence))
