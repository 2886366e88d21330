"""What the tag of published weights tells: the pictures that they were taught with, in plain words."""

import re

_TAUGHT = (
    (r"(^|_)in1k", "ImageNet-1k (1.3 million photographs of 1,000 kinds of things)"),
    (r"in12k", "ImageNet-12k (12 million photographs of 11,821 kinds of things)"),
    (r"in2[12]k", "ImageNet-21k (14 million photographs of some 21,000 kinds of things)"),
    (r"lvd142m|lvd1689m|lvd_", "photographs from the web that nobody labelled"),
    (r"sat493m", "satellite pictures that nobody labelled"),
    (
        r"laion|openai|datacomp|webli|merged2b|metaclip|dfn|commonpool|mclip|tinyclip|cc12m",
        "pictures and their captions",
    ),
    (r"yfcc100m|ig1b|swag|wsl", "photographs from social networks"),
    (r"jft", "photographs that Google collected"),
    (r"sa1b", "photographs with outlined objects"),
    (r"inat", "photographs of plants and animals"),
    (r"m30m|m38m", "a mixture of public collections"),
)


def learnt_from(tag: str) -> str:
    """The pictures that weights of this tag were taught with, in the order it names them; empty where it tells none.

    Tags follow timm's custom: `laion2b_ft_in12k_in1k` saw captions first, then two sizes of ImageNet.
    """
    found = []
    for pattern, words in _TAUGHT:
        if match := re.search(pattern, tag):
            found.append((match.start(), words))
    told = [words for _, words in sorted(found)]
    return ", then ".join(told)
