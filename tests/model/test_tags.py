"""The tag of published weights is read as timm means it."""

import pytest

from studio.model.tags import learnt_from


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("a1_in1k", ["ImageNet-1k"]),
        ("laion2b_ft_in12k_in1k", ["captions", "ImageNet-12k", "ImageNet-1k"]),
        ("augreg_in21k_ft_in1k", ["ImageNet-21k", "ImageNet-1k"]),
        ("lvd142m", ["nobody labelled"]),
        ("sa1b", ["outlined"]),
        ("sam_in1k", ["ImageNet-1k"]),  # an optimizer, not the Segment Anything pictures
        ("tinyclip_yfcc15m", ["captions"]),
        ("fb_ssl_yfcc100m_ft_in1k", ["social networks", "ImageNet-1k"]),
        ("fcmae", []),
        ("", []),
    ],
)
def test_pictures_are_named_in_the_order_they_were_seen(tag: str, words: list[str]) -> None:
    told = learnt_from(tag).split(", then ") if learnt_from(tag) else []
    assert len(told) == len(words) and all(word in said for word, said in zip(words, told, strict=True)), told
