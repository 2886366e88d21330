"""Every family of timm freezes: its smallest member has stages and a head, and what is frozen stays as it is.

All depths of all of them at full size: `tests/bench/bench_families.py`.
"""

import pytest
import timm
import torch

from studio.errors import BackboneError
from studio.model.catalogue import card, records
from studio.model.stages import frozen_names, head, new_parameters, stages
from studio.model.weights import build
from tests.model.families import SMALLEST, laid_out, walked

ENCODERS = {  # parts of larger models, without a classifier of their own
    "deepseek_vit_412m_enc",
    "gemma4_vit_167m_enc",
    "gemma4_vit_570m_enc",
    "mobilenetv5_300m_enc",
    "qwen3_vit_88m_enc",
    "qwen3_vit_306m_enc",
    "qwen3_vit_416m_enc",
}


def test_no_family_is_forgotten() -> None:
    assert SMALLEST.keys() == set(timm.list_modules())


def test_they_are_the_smallest() -> None:
    for family, (name, _) in SMALLEST.items():
        members = [other for other in timm.list_models(module=family) if not records()[other].get("refused")]
        sizes = {other: sum(numbers for _, numbers in records()[other]["stages"]) for other in members}
        assert sizes[name] == min(sizes.values()), family


@pytest.mark.parametrize("family", SMALLEST)
def test_a_family_has_stages_and_a_head_and_freezes(family: str) -> None:
    model, pictures = laid_out(family)
    new, parts = {id(tensor) for tensor in new_parameters(model)}, stages(model)
    assert any(True for _ in head(model).parameters()) and len(parts) >= 4 - (family in ("deepseek_vit",))
    in_stages = [name for part in parts for name in part.parameters]
    assert sorted(in_stages) == sorted(name for name, tensor in model.named_parameters() if id(tensor) not in new)
    assert frozen_names(model, len(parts)) == set(in_stages)
    deep, half = len(list(model.modules())) > 150, len(parts) // 2  # all depths of all are walked by the bench
    large = deep or sum(tensor.numel() for tensor in model.parameters()) > 25e6
    few = {half} if large else {0, half, len(parts)}
    assert walked(model, pictures, sorted(few)) == []


def test_what_cannot_be_trained_is_listed_with_the_reason_before_anything_is_loaded() -> None:
    refused = {name: record["refused"] for name, record in records().items() if record.get("refused")}
    assert refused.keys() == ENCODERS
    for name, said in refused.items():
        assert "has no classifier that could be trained" in said and card(name).refused == said
        assert not card(name).stages
    with torch.device("meta"), pytest.raises(BackboneError, match="no classifier"):
        head(build("qwen3_vit_88m_enc", 2, pretrained=False))
