"""Every family of timm (a family is one of its modules) by its smallest member, and a walk through its depths."""

from collections.abc import Iterable
from typing import Any

import timm
import torch
from timm.models import get_pretrained_cfg
from torch import nn
from torch.nn import functional as F

from studio.model.stages import evaluating, freeze, frozen_names, frozen_state, new_parameters, stages
from studio.recipe import FreezePlan, Recipe
from studio.training.optimize import optimizer
from studio.training.proof import digest

CLASSES = 3
SMALLEST = {  # of each family the architecture with the fewest parameters, and the fewest pixels a side that it takes
    "beit": ("beit_base_patch16_224", 32),
    "byoanet": ("halonet_h1", 256),
    "byobnet": ("test_byobnet", 32),
    "cait": ("cait_xxs24_224", 32),
    "coat": ("coat_tiny", 32),
    "convit": ("convit_tiny", 32),
    "convmixer": ("convmixer_768_32", 32),
    "convnext": ("test_convnext", 32),
    "cpubone": ("cpubone_nano", 32),
    "crossvit": ("crossvit_tiny_240", 240),
    "csatv2": ("csatv2", 64),
    "cspnet": ("cs3darknet_focus_s", 32),
    "cspnext": ("cspnext_tiny", 32),
    "davit": ("davit_tiny", 32),
    "deepseek_vit": ("deepseek_vit_412m", 224),
    "deit": ("deit_tiny_patch16_224", 32),
    "densenet": ("densenet121", 32),
    "dla": ("dla46x_c", 32),
    "dpn": ("dpn48b", 32),
    "edgenext": ("edgenext_xx_small", 32),
    "efficientformer": ("efficientformer_l1", 224),
    "efficientformer_v2": ("efficientformerv2_s0", 32),
    "efficientnet": ("test_efficientnet", 32),
    "efficientvim": ("efficientvim_m1", 32),
    "efficientvit_mit": ("efficientvit_b0", 32),
    "efficientvit_msra": ("efficientvit_m0", 32),
    "eva": ("vit_tiny_patch16_dinov3_qkvb", 32),
    "fasternet": ("fasternet_t0", 32),
    "fastvit": ("fastvit_t8", 32),
    "focalnet": ("focalnet_tiny_srf", 32),
    "gcvit": ("gcvit_xxtiny", 32),
    "gemma4_vit": ("gemma4_vit_167m", 32),
    "ghostnet": ("ghostnet_050", 32),
    "hardcorenas": ("hardcorenas_b", 32),
    "hgnet": ("hgnetv2_b0", 32),
    "hiera": ("hiera_tiny_224", 32),
    "hieradet_sam2": ("sam2_hiera_tiny", 32),
    "hrnet": ("hrnet_w18_small", 32),
    "iformer": ("iformer_t", 32),
    "inception_next": ("inception_next_atto", 32),
    "inception_resnet_v2": ("inception_resnet_v2", 96),
    "inception_v3": ("inception_v3", 96),
    "inception_v4": ("inception_v4", 96),
    "lcnetv2": ("lcnetv2_small", 32),
    "levit": ("levit_128s", 32),
    "lowformer": ("lowformer_b0", 32),
    "mambaout": ("test_mambaout", 32),
    "maxxvit": ("test_coatnet", 32),
    "metaformer": ("poolformerv2_s12", 32),
    "mlp_mixer": ("gmlp_ti16_224", 32),
    "mobilenetv3": ("lcnet_035", 32),
    "mobilenetv5": ("mobilenetv5_base", 32),
    "mobilevit": ("mobilevit_xxs", 32),
    "mvitv2": ("mvitv2_tiny", 32),
    "naflexvit": ("naflexvit_base_patch16_parfac_gap", 32),
    "nasnet": ("nasnetalarge", 32),
    "nest": ("nest_tiny", 32),
    "nextvit": ("nextvit_small", 32),
    "nfnet": ("test_nfnet", 32),
    "pit": ("pit_ti_224", 32),
    "pnasnet": ("pnasnet5large", 32),
    "pvt_v2": ("pvt_v2_b0", 32),
    "qwen3_vit": ("qwen3_vit_88m", 32),
    "rdnet": ("rdnet_tiny", 32),
    "regnet": ("regnetx_002", 32),
    "repghost": ("repghostnet_050", 32),
    "repvit": ("repvit_m1", 32),
    "res2net": ("res2next50", 32),
    "resnest": ("resnest14d", 32),
    "resnet": ("test_resnet", 32),
    "resnetv2": ("resnetv2_18", 32),
    "rexnet": ("rexnet_100", 32),
    "selecsls": ("selecsls42", 32),
    "senet": ("legacy_seresnet18", 32),
    "sequencer": ("sequencer2d_s", 32),
    "shvit": ("shvit_s1", 32),
    "sknet": ("skresnet18", 32),
    "starnet": ("starnet_s050", 32),
    "swiftformer": ("swiftformer_xs", 32),
    "swin_transformer": ("swin_tiny_patch4_window7_224", 32),
    "swin_transformer_v2": ("swinv2_tiny_window16_256", 32),
    "swin_transformer_v2_cr": ("swinv2_cr_tiny_224", 32),
    "tiny_vit": ("tiny_vit_5m_224", 32),
    "tnt": ("tnt_s_legacy_patch16_224", 32),
    "tresnet": ("tresnet_m", 32),
    "twins": ("twins_svt_small", 32),
    "vgg": ("vgg11", 32),
    "visformer": ("visformer_tiny", 32),
    "vision_transformer": ("test_vit", 32),
    "vision_transformer_hybrid": ("vit_tiny_r_s16_p8_224", 32),
    "vision_transformer_relpos": ("test_vit_relpos", 32),
    "vision_transformer_sam": ("samvit_base_patch16_224", 32),
    "vitamin": ("vitamin_small_224", 32),
    "volo": ("volo_d1_224", 32),
    "vovnet": ("ese_vovnet19b_slim_dw", 32),
    "xception": ("legacy_xception", 32),
    "xception_aligned": ("xception41p", 32),
    "xcit": ("xcit_nano_12_p8_224", 32),
}
_SLIM = {"depth": 3, "embed_dim": 96, "num_heads": 3}
SMALLER: dict[str, dict[str, Any]] = {  # families without a small member: the same code with fewer numbers
    "beit": _SLIM,
    "deepseek_vit": {"depth": 2, "embed_dim": 128, "num_heads": 2},
    "gemma4_vit": {**_SLIM, "head_dim": 32, "intermediate_size": 192, "position_embedding_size": 256},
    "mobilenetv5": {"channel_multiplier": 0.25},
    "naflexvit": _SLIM,
    "nasnet": {"num_features": 672},
    "qwen3_vit": _SLIM,
    "vgg": {"mlp_ratio": 0.05},
    "vision_transformer_sam": {**_SLIM, "global_attn_indexes": (2,)},
}


def laid_out(family: str, *, whole: bool = False) -> tuple[nn.Module, torch.Tensor]:
    """The smallest network of a family, with three classes, and two pictures (2, 3, size, size) that it takes.

    Not `whole`: where even the smallest is large, one with fewer numbers.
    """
    name, size = SMALLEST[family]
    more: dict[str, Any] = {} if whole else dict(SMALLER.get(family, {}))
    torch.manual_seed(0)
    if getattr(get_pretrained_cfg(name), "fixed_input_size", False):  # it is built for one size
        more["img_size"] = size
    model = timm.create_model(name, num_classes=CLASSES, **more).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model, torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))


def walked(model: nn.Module, pictures: torch.Tensor, depths: Iterable[int]) -> list[str]:
    """What went wrong when the network was frozen at each of these depths and learnt for one update; best nothing."""
    with torch.no_grad(), evaluating(model):
        model(pictures)  # as a run does first: some networks fill their tables of places only now
    faults, labels, recipe = [], torch.tensor([0, 2]), Recipe(freeze=FreezePlan(strategy="full", thaw_lr_factor=1.0))
    for depth in depths:
        freeze(model, depth)
        frozen = {name: digest(tensor) for name, tensor in frozen_state(model, depth).items()}
        new = [tensor.detach().clone() for tensor in new_parameters(model)]
        still = frozen_names(model, depth)
        rule = optimizer(model, recipe)
        logits = model(pictures)
        F.cross_entropy(logits, labels).backward()
        rule.step()
        if logits.shape != (len(pictures), CLASSES):
            faults.append(f"depth {depth}: says {tuple(logits.shape)} instead of {CLASSES} classes a picture")
        if changed := [n for n, t in frozen_state(model, depth).items() if digest(t) != frozen[n]]:
            faults.append(f"depth {depth}: {len(changed)} frozen tensors changed, first {changed[0]}")
        if any(tensor.grad is not None for name, tensor in model.named_parameters() if name in still):
            faults.append(f"depth {depth}: something frozen has a gradient")
        if all(torch.equal(before, now) for before, now in zip(new, new_parameters(model), strict=True)):
            faults.append(f"depth {depth}: the head did not learn")
        rule.zero_grad(set_to_none=True)
    return faults


def depths_of(model: nn.Module) -> range:
    """Every freezing depth of a network: nothing frozen, then stage after stage, up to all but the head."""
    return range(len(stages(model)) + 1)
