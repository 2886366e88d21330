"""The pipeline gives the same bytes for the same seed, epoch and index, wherever it is called."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from studio.augment.geometry import Geometry
from studio.augment.pipeline import Pipeline
from studio.augment.presets import PRESETS
from studio.errors import RecipeError, StudioError
from studio.model.catalogue import card

BASE = np.random.default_rng(0).integers(0, 255, (73, 73, 3), dtype=np.uint8)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_gives_the_size_asked_for(preset: str) -> None:
    out = Pipeline(preset, 64).apply(BASE, 0, 1, 0)
    assert out.shape == (64, 64, 3) and out.dtype == np.uint8


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "none"])
def test_the_same_roll_gives_the_same_bytes_in_any_thread_and_order(preset: str) -> None:
    rolls = [(seed, epoch, index) for seed in (0, 1) for epoch in (1, 2) for index in range(8)]
    alone = [Pipeline(preset, 64).apply(BASE, *roll) for roll in rolls]
    shared = Pipeline(preset, 64)
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda roll: shared.apply(BASE, *roll), reversed(rolls)))[::-1]
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))


@pytest.mark.parametrize("preset", ["gentle", "standard", "strong"])
def test_no_augmentation_is_repeated_across_pictures_or_epochs(preset: str) -> None:
    pipeline = Pipeline(preset, 64)
    variants = {pipeline.apply(BASE, 0, epoch, index).tobytes() for epoch in range(4) for index in range(10)}
    assert len(variants) == 40


def test_nothing_is_varied_without_augmentation() -> None:
    assert np.array_equal(Pipeline("none", 64).apply(BASE, 0, 1, 0), BASE[4:68, 4:68])


def test_gentle_never_mirrors() -> None:
    """A mirror image of text means something else: of a bright left half the left stays the brighter."""
    half = np.zeros((73, 73, 3), np.uint8)
    half[:, :36] = 200
    pipeline = Pipeline("gentle", 64)
    assert all(out[:, :20].mean() > out[:, -20:].mean() for out in (pipeline.apply(half, 0, 1, i) for i in range(40)))


def test_the_successor_of_albumentations_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = tmp_path / "albumentationsx-2.1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: AlbumentationsX\nVersion: 2.1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(StudioError, match="pip uninstall albumentationsx"):
        Pipeline("gentle", 64)


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(RecipeError, match="brutal"):
        Pipeline("brutal", 64)


@pytest.mark.parametrize("shape", [(300, 500), (500, 300), (10, 10), (1, 4000), (4000, 1), (256, 256)])
def test_a_picture_of_any_shape_becomes_the_square(shape: tuple[int, int]) -> None:
    geometry = Geometry.of(card("tf_efficientnet_lite0").config)
    base = geometry.base(np.full((*shape, 3), 77, np.uint8))
    assert base.shape == (256, 256, 3) and geometry.centre(base).shape == (224, 224, 3)
    assert (base == 77).all()


def test_the_base_picture_is_what_timm_evaluates() -> None:
    import torch
    from PIL import Image
    from skimage import data
    from timm.data import create_transform

    found = card("tf_efficientnet_lite0")
    geometry, picture = Geometry.of(found.config), data.chelsea()
    theirs = create_transform(
        input_size=found.input_size,
        interpolation=found.interpolation,
        mean=found.mean,
        std=found.std,
        crop_pct=found.crop_pct,
    )(Image.fromarray(picture))
    from studio.training.loader import to_input

    ours = to_input(
        torch.from_numpy(geometry.centre(geometry.base(picture)).copy())[None], geometry, torch.device("cpu")
    )
    assert (ours[0] - theirs).abs().mean() < 0.01
