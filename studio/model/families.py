"""Families of backbones, each explained in a sentence. Every backbone belongs to exactly one."""

import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Family:
    """A kind of network. `pattern` is searched for in a backbone's name; the first family that matches has it."""

    key: str
    title: str
    sentence: str
    pattern: str
    asked_for: bool = False  # one of those that people come asking for


FAMILIES: tuple[Family, ...] = (
    Family(
        "dino",
        "DINO",
        "Taught itself without labels, by making two views of one picture agree (DINO, DINOv2, DINOv3). Its features "
        "also suit pictures that look like nothing in ImageNet.",
        r"dino",
        asked_for=True,
    ),
    Family(
        "eva",
        "EVA",
        "Large vision transformers that learnt to fill in hidden parts of pictures; among the most accurate, and slow "
        "without a GPU.",
        r"^eva",
        asked_for=True,
    ),
    Family(
        "inception",
        "Inception",
        "Looks at each place with filters of several sizes at once (2015 to 2017); Xception takes the idea to its end.",
        r"^(inception_(v3|v4|resnet)|xception|legacy_xception)",
        asked_for=True,
    ),
    Family(
        "nfnet",
        "NFNet",
        "Convolutional networks that do without batch normalization, the largest of them very accurate.",
        r"nfnet|^nf_",
    ),
    Family(
        "vgg",
        "VGG",
        "Plain stacks of convolutions from 2014: easy to understand, but large and slow for their accuracy. RepVGG is "
        "their modern child.",
        r"^(vgg|repvgg)",
        asked_for=True,
    ),
    Family(
        "efficientnet",
        "EfficientNet",
        "Depth, width and picture size grow together by one rule: much accuracy for little computing. The backbone "
        "that comes with the studio is one of the smallest.",
        r"efficientnet|^(tf_)?(tinynet|mixnet|hardcorenas|fbnet|spnasnet|rexnet)",
        asked_for=True,
    ),
    Family(
        "mobilenet",
        "MobileNet",
        "Made for phones: small, and quick also without a GPU, at some cost in accuracy.",
        r"mobilenet|mnasnet|^(lcnet|ghostnet|repghost|mobileone|starnet|fasternet|cpubone)",
        asked_for=True,
    ),
    Family(
        "convnext",
        "ConvNeXt",
        "A convolutional network of 2022, built with what transformers had taught: as accurate as they are, and easier "
        "to train.",
        r"convnext|^inception_next",
        asked_for=True,
    ),
    Family(
        "swin",
        "Swin",
        "A transformer that looks through windows which shift from layer to layer, so that large pictures stay "
        "affordable.",
        r"^swin",
        asked_for=True,
    ),
    Family(
        "maxvit",
        "MaxViT and CoAtNet",
        "Convolutions first, attention later: accurate hybrids of both worlds.",
        r"maxvit|maxxvit|coatne",
    ),
    Family(
        "vit",
        "ViT",
        "The vision transformer: cuts a picture into patches and lets each look at all others. Shines after much "
        "pretraining (ImageNet-21k, CLIP, SigLIP).",
        r"^(vit_|test_vit|deit|flexivit|naflexvit|samvit|aimv2|gemma|qwen|deepseek|cait|xcit|volo|tnt|convit|vitamin|beit)",
        asked_for=True,
    ),
    Family(
        "resnet",
        "ResNet",
        "The classic of 2015 and its many children: each block adds to what came before. A safe first choice that "
        "every paper compares with.",
        r"resnet|resnext|resnest|res2net|res2next|senet154",
        asked_for=True,
    ),
    Family(
        "regnet",
        "RegNet",
        "Found by searching for simple rules of how wide each stage should be; even and predictable.",
        r"^regnet",
    ),
    Family(
        "densenet",
        "DenseNet",
        "Every layer sees the output of all layers before it: few parameters, but much memory.",
        r"^(densenet|rdnet)",
    ),
    Family(
        "light",
        "Light transformers",
        "Attention made affordable, or something cheaper in its place: for phones and quick answers.",
        r"mobilevit|fastvit|efficientvit|efficientformer|efficientvim|edgenext|levit|repvit|tiny_vit|swiftformer|shvit|"
        r"iformer|lowformer|nextvit|visformer|^pit_|poolformer|^coat_",
    ),
    Family(
        "staged",
        "Transformers in stages",
        "Transformers that, like a convolutional network, see the picture coarser from stage to stage.",
        r"^(pvt|twins|mvit|hiera|sam2|gcvit|davit|focalnet|nest_|crossvit|caformer|convformer)",
    ),
    Family(
        "mlp",
        "MLP-Mixer",
        "Neither convolution nor attention: plain layers that mix places and channels in turn.",
        r"^(mixer|gmixer|gmlp|resmlp)",
    ),
    Family("hrnet", "HRNet", "Keeps a fine view of the picture all the way, beside coarser ones.", r"^hrnet"),
    Family("other", "Others", "Networks that stand for themselves.", r""),
)

BY_KEY = {family.key: family for family in FAMILIES}
ASKED_FOR = tuple(sorted((family for family in FAMILIES if family.asked_for), key=lambda family: family.title))


@cache
def family_of(backbone: str) -> Family:
    """The family of a backbone. Its tag counts too: `resnet50.fb_dino` was taught as DINO teaches."""
    return next(family for family in FAMILIES if re.search(family.pattern, backbone))
