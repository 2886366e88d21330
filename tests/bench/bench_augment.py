"""The standard preset, from cached uint8 squares to a normalized batch, against torchvision and albumentations.

Asked: at least 2.5 times torchvision v1's PIL pipeline of the same transforms per core-second, and no slower than
albumentations called directly. All three take turns, so that a busy machine slows all alike.
"""

import time
from collections.abc import Callable
from statistics import median

import albumentations as A
import cv2
import numpy as np
import torch
from PIL import Image

from studio.augment.geometry import Geometry
from studio.augment.pipeline import Pipeline
from studio.training.loader import to_input

GEOMETRY = Geometry(224, 256, "bicubic", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
BATCH, ROUNDS = 32, 12


def squares() -> np.ndarray:
    """Photographs as cached squares, uint8 (32, 256, 256, 3), from scikit-image's own."""
    from skimage import data

    shots = [data.chelsea(), data.coffee(), data.astronaut(), data.rocket()]
    return np.stack([GEOMETRY.base(shots[number % len(shots)]) for number in range(BATCH)])


def ours(bases: np.ndarray) -> Callable[[int], torch.Tensor]:
    pipeline = Pipeline("standard", GEOMETRY.size)

    def batch(epoch: int) -> torch.Tensor:
        pictures = np.stack([pipeline.apply(base, 0, epoch, row) for row, base in enumerate(bases)])
        return to_input(torch.from_numpy(pictures), GEOMETRY, torch.device("cpu"))

    return batch


def directly(bases: np.ndarray) -> Callable[[int], torch.Tensor]:
    """As albumentations' own documentation has it: normalized picture by picture."""
    from albumentations.pytorch import ToTensorV2

    steps = [
        A.RandomResizedCrop(size=(224, 224), scale=(0.5, 1.0), ratio=(3 / 4, 4 / 3)),
        A.HorizontalFlip(p=0.5),
        A.ColorJitter(brightness=(0.8, 1.2), contrast=(0.8, 1.2), saturation=(0.8, 1.2), hue=(-0.03, 0.03), p=0.5),
        A.Normalize(GEOMETRY.mean, GEOMETRY.std),
        ToTensorV2(),
    ]
    compose = A.Compose(steps)
    return lambda _: torch.stack([compose(image=base)["image"] for base in bases])


def torchvision_v1(bases: np.ndarray) -> Callable[[int], torch.Tensor]:
    from torchvision import transforms as T

    jitter = T.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.03)
    steps = [
        T.RandomResizedCrop(224, scale=(0.5, 1.0), ratio=(3 / 4, 4 / 3)),
        T.RandomHorizontalFlip(),
        T.RandomApply([jitter], p=0.5),
        T.ToTensor(),
        T.Normalize(GEOMETRY.mean, GEOMETRY.std),
    ]
    compose = T.Compose(steps)
    images = [Image.fromarray(base) for base in bases]
    return lambda _: torch.stack([compose(image) for image in images])


def bench_standard_preset_to_a_normalized_batch() -> None:
    threads = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    bases = squares()
    makers = {"ours": ours(bases), "albumentations": directly(bases), "torchvision v1, PIL": torchvision_v1(bases)}
    spent: dict[str, list[float]] = {name: [] for name in makers}
    for number in range(ROUNDS + 1):
        for name, make in makers.items():
            began = time.process_time()
            assert make(number).shape == (BATCH, 3, 224, 224)
            spent[name].append(time.process_time() - began)
    cv2.setNumThreads(threads[0])
    torch.set_num_threads(threads[1])
    paces = {name: BATCH / median(seconds[1:]) for name, seconds in spent.items()}
    print()
    for name, pace in paces.items():
        print(f"{name:22} {pace:7.0f} pictures per core-second, ours is {paces['ours'] / pace:.2f} times that")
    assert paces["ours"] >= 2.5 * paces["torchvision v1, PIL"]
    assert paces["ours"] >= 0.97 * paces["albumentations"], "as fast, but for what a clock cannot tell"
