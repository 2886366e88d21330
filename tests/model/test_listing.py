"""The list of backbones: every set of weights once, found by name, family, size, work, licence and place."""

import json
from pathlib import Path

import pytest

from studio.model import catalogue, listing, survey
from studio.model.catalogue import card, names, records
from studio.model.families import ASKED_FOR, FAMILIES, family_of
from studio.model.listing import Row, Wanted, choose, find, rows


@pytest.fixture(scope="module")
def every() -> list[Row]:
    return rows()


def found(among: list[Row], **asked: object) -> list[Row]:
    return choose(among, Wanted(**asked))  # type: ignore[arg-type]


def test_all_of_timm_is_listed_with_every_tag(every: list[Row]) -> None:
    import timm

    assert set(records()) == set(timm.list_models()), "a new timm wants a new survey: python -m studio.model.survey"
    listed = {row.name for row in every if "." in row.name}
    assert listed == set(timm.list_pretrained())
    assert {row.architecture for row in every} == set(records()) and len(every) == len({row.name for row in every})


def test_a_line_for_each_network_or_for_each_set_of_weights(every: list[Row]) -> None:
    one = found(every)
    assert len(one) == len(records()) and {row.name for row in one if row.architecture == "resnet50"} == {
        "resnet50.a1_in1k"
    }
    many = [row for row in found(every, every=True) if row.architecture == "resnet50"]
    assert len(many) > 15 and len(found(every, every=True)) == len(every)


def test_what_is_inside_stands_for_its_network(every: list[Row]) -> None:
    (lite,) = found(every, text="tf_efficientnet_lite0")
    assert lite.name == "tf_efficientnet_lite0" and lite.weights == "inside" and lite.here
    assert {row.weights for row in found(every, where=("inside",))} == {"inside"}


@pytest.mark.parametrize("family", ASKED_FOR, ids=lambda family: family.key)
def test_the_families_people_ask_for_are_there(every: list[Row], family: object) -> None:
    some = found(every, families=(family.key,))  # type: ignore[attr-defined]
    assert len(some) >= 8 and all(row.family == family for row in some)


def test_every_backbone_has_one_family_explained_in_a_sentence(every: list[Row]) -> None:
    assert {row.family.key for row in every} == {family.key for family in FAMILIES}
    assert all(family.sentence.endswith(".") and 30 < len(family.sentence) < 200 for family in FAMILIES)
    assert family_of("resnet50").key == "resnet" and family_of("vit_small_patch16_224.dino").key == "dino"
    assert family_of("inception_resnet_v2").key == "inception" and family_of("nf_resnet50").key == "nfnet"


def test_filters_keep_what_they_promise(every: list[Row]) -> None:
    few = found(every, most_parameters=5e6, most_flops=1e9, sizes=(200, 240), terms=("free",), where=("download",))
    assert len(few) > 20
    for row in few:
        assert row.parameters <= 5e6 and (row.flops or 0) <= 1e9 and 200 <= row.size <= 240
        assert row.licence in ("apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0") and row.weights == "download"
    assert {row.architecture for row in found(every, text="mobilenetv3_*_050")} == {"mobilenetv3_small_050"}
    assert found(every, text="no such network") == []


def test_orders_are_orders(every: list[Row]) -> None:
    accurate = [row.accuracy for row in found(every, order="accuracy") if row.accuracy is not None]
    assert len(accurate) > 800 and accurate == sorted(accurate, reverse=True)
    work = [row.flops for row in found(every, order="work") if row.flops]
    assert work == sorted(work)
    small = found(every, order="parameters")
    assert small[0].parameters < small[-1].parameters
    quick = choose(every, Wanted(text="resnet", order="speed"), {"resnet18.a1_in1k": 9.0, "resnet34.a1_in1k": 20.0})
    assert [row.architecture for row in quick[:2]] == ["resnet34", "resnet18"]


def test_the_first_of_the_best_are_beaten_by_none(every: list[Row]) -> None:
    best = found(every, order="best")
    known = [row for row in best if row.flops and row.accuracy]
    for row in best[:20]:
        assert not any(r.flops <= row.flops and r.accuracy > row.accuracy for r in known), row.name  # type: ignore[operator]
    assert best[-1].accuracy is None


def test_a_name_without_a_tag_means_what_is_inside_or_the_usual_weights(every: list[Row]) -> None:
    def meant(name: str) -> str:
        row = find(name, every)
        return row.name if row else ""

    assert meant("resnet50") == "resnet50.a1_in1k" and meant("tf_efficientnet_lite0") == "tf_efficientnet_lite0"
    assert meant("resnet50.tv_in1k") == "resnet50.tv_in1k" and meant("mine") == ""


def test_a_licence_is_what_it_allows() -> None:
    assert listing.terms("apache-2.0") == "free" and listing.terms("cc-by-nc-4.0") == "research"
    assert listing.terms("dinov3-license") == "own" and listing.terms("not stated") == "own"


def test_numbers_are_those_that_everybody_knows() -> None:
    resnet = card("resnet50.tv_in1k")
    assert resnet.parameters == 25_557_032 and resnet.features == 2048
    assert resnet.flops and 8.1e9 < resnet.flops < 8.3e9  # 4.1 billion multiplications with their additions
    assert resnet.accuracy == 0.76156 and resnet.licence == "bsd-3-clause" and 102 < resnet.download_mb < 103


def test_published_accuracies_are_of_weights_that_exist_and_agree_with_torchvisions() -> None:
    import timm

    lines = [line for line in survey.PUBLISHED.read_text().splitlines() if not line.startswith("#")][1:]
    table = {name: float(top1) for name, _, top1 in (line.partition(",") for line in lines)}
    assert len(table) == len(lines) > 1000 and set(table) <= set(timm.list_pretrained())
    stated = {
        "resnet18.tv_in1k": 69.758,
        "vgg16.tv_in1k": 71.592,
        "regnety_032.tv2_in1k": 81.982,
        "resnet101.tv_in1k": 77.374,
    }
    assert all(abs(table[name] - accuracy) < 0.3 for name, accuracy in stated.items())


def test_the_survey_is_what_timm_says_now(tmp_path: Path) -> None:
    for name in ("tf_efficientnet_lite0", "test_vit", "resnet18", "vgg11", "levit_128", "vit_small_patch14_dinov2"):
        shipped, drawn = records()[name], survey.lay_out(name)
        again = json.loads(json.dumps(drawn))
        assert catalogue.config_of(shipped) == again.pop("config")
        assert {key: shipped[key] for key in again} == again, name
        assert list(shipped["weights"]) == list(survey.weights_of(name)), name


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("ResNet-50", "resnet50"),
        ("resnet 18", "resnet18"),
        ("EfficientNet-B0", "efficientnet_b0"),
        ("ViT-B/16", "vit_base_patch16_224"),
        ("vit-ti/16", "vit_tiny_patch16_224"),
        ("ConvNeXt Tiny", "convnext_tiny"),
    ],
)
def test_names_are_found_as_papers_write_them(every: list[Row], written: str, name: str) -> None:
    assert name in {row.architecture for row in found(every, text=written)}


def test_names_are_found_by_a_part_or_a_pattern() -> None:
    some = names("efficientnet_lite")
    assert some[0] == "tf_efficientnet_lite0" and "tf_efficientnet_lite4" in some
    assert names("mobilenetv3_*_050") == ["mobilenetv3_small_050"] and len(names()) == len(records())
