"""What moves in the browser by itself: the picker, the live charts, the gallery, the map. Scripts and styles lie here.

They talk to the routes under /thaw/, and tell the page only what it must act on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from streamlit.components import v2

from studio.data.picture import PICTURE_SUFFIXES
from studio.ui.routes.asset import plotly_address
from studio.ui.routes.gate import TOKEN_HEADER, token

_HERE = Path(__file__).parent
SWITCHED_OFF = "Keeping and precision can be switched off under Speed, on the Model page."


class Item(TypedDict):
    """A picture in a gallery: its place `n` in the dataset, and the lines under it, also its alternative text.

    Pictures with the same `group`, counted from 1, share a frame.
    """

    n: int
    caption: str
    group: NotRequired[int]


@dataclass(frozen=True)
class Chosen:
    """What a person did in a gallery: the picture clicked, in that one rerun, and those that are ticked, by their n."""

    picked: int | None = None
    ticked: tuple[int, ...] = ()


class Mark(TypedDict):
    """What is marked on a map, in a word or two, and the pictures: each its n, and what is said of it alone."""

    name: str
    pictures: list[tuple[int, str]]


class Other(TypedDict):
    """A run whose curves can be laid over those of another one."""

    id: str
    name: str


def _component(name: str, *parts: str) -> Callable[..., Any]:
    """The component `name`: its script after those it needs, as one module, and its style."""
    scripts = [(_HERE / f"{part}.js").read_text(encoding="utf-8") for part in (*parts, name)]
    style = (_HERE / f"{name}.css").read_text(encoding="utf-8")
    return v2.component(f"thaw_{name}", html='<div class="root"></div>', js="\n".join(scripts), css=style)


_PICKER = _component("picker", "chosen", "sending")
_LIVE = _component("live", "plotly", "curves", "charts", "steering", "pinned", "saving", "words")
_GALLERY = _component("gallery")
_MAP = _component("map", "plotly", "words")


def folder_picker(key: str) -> str | None:
    """Let the person bring a folder or a zip file from the browser's computer.

    Returns the dataset's id in the one rerun after an upload has become a dataset, else None.
    """
    data = {"header": TOKEN_HEADER, "token": token(), "suffixes": sorted({*PICTURE_SUFFIXES, ".csv"})}
    return _PICKER(key=key, data=data, on_dataset_change=_nothing).dataset


def live_chart(
    run_id: str, key: str, is_live: bool | None = None, notes: bool = True, others: Sequence[Other] = ()
) -> str | None:
    """How a run goes: sentence, progress, controls, numbers and curves, kept up to date by the component itself.

    The page is rerun once when the run begins or ends to be worked on; then the new status is returned, else None.
    `is_live` is what the page was drawn with: if it is no longer true when the first answer comes, that counts too.
    Without `notes` the page itself says what went wrong, and how the run saved time. `others` can be compared with it.
    """
    data = {
        "run": run_id,
        "plotly": plotly_address(),
        "is_live": is_live,
        "notes": notes,
        "switched_off": SWITCHED_OFF,
        "others": list(others),
        "header": TOKEN_HEADER,
        "token": token(),
    }
    return _LIVE(key=key, data=data, on_status_change=_nothing).status


def gallery(dataset_id: str, items: Sequence[Item], fingerprint: str, key: str, captions: bool = True) -> int | None:
    """Pictures of a dataset, loaded as they come into view. Returns the `n` that was clicked, in that one rerun.

    `fingerprint` is the dataset's: while it stays the same the browser keeps the pictures.
    """
    return _GALLERY(key=key, data=_shown(dataset_id, items, fingerprint, captions), on_picked_change=_nothing).picked


def choosing_gallery(dataset_id: str, items: Sequence[Item], fingerprint: str, key: str) -> Chosen:
    """A gallery whose pictures can be ticked, singly or as a range. Ticks of another `fingerprint` do not count."""
    data = _shown(dataset_id, items, fingerprint) | {"select": True}
    told = _GALLERY(key=key, data=data, on_picked_change=_nothing, on_ticked_change=_nothing)
    ticked = told.ticked or {}
    there = {item["n"] for item in items}
    still = ticked.get("fingerprint") == fingerprint
    return Chosen(told.picked, tuple(n for n in ticked.get("pictures", ()) if n in there) if still else ())


def picture_map(dataset_id: str, fingerprint: str, version: str, marks: Sequence[Mark], key: str) -> int | None:
    """All pictures by what they look like, the suspects marked. Returns the `n` that was clicked, in that one rerun.

    `version` changes when the places do, or the pictures.
    """
    data = {
        "dataset": dataset_id,
        "fingerprint": fingerprint,
        "version": version,
        "plotly": plotly_address(),
        "marks": list(marks),
    }
    return _MAP(key=key, data=data, on_picked_change=_nothing).picked


def _shown(dataset_id: str, items: Sequence[Item], fingerprint: str, captions: bool = True) -> dict[str, Any]:
    """What a gallery is told."""
    return {
        "dataset": dataset_id,
        "fingerprint": fingerprint,
        "captions": captions,
        "items": [[item["n"], item["caption"], item.get("group", 0)] for item in items],
    }


def _nothing() -> None:
    """Naming a callback makes Streamlit always give the trigger's attribute."""
