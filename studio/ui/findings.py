"""The report of a check: run it once, keep it beside the dataset, draw it worst first."""

import json
from dataclasses import asdict
from typing import Any, Literal

import pandas as pd
import streamlit as st

from studio.data.dataset import Dataset
from studio.data.library import Entry
from studio.ui import pictures
from studio.ui.cards import count, duration, plain
from studio.workspace import write_text

VERDICTS = {
    "ready": ("Ready", "success", ":material/check_circle:"),
    "attention": ("Needs attention", "warning", ":material/warning:"),
    "not-ready": ("Not ready", "error", ":material/block:"),
}
SEVERITIES: dict[str, tuple[str, Literal["red", "orange", "gray"]]] = {
    "critical": ("must be mended", "red"),
    "attention": ("worth a look", "orange"),
    "note": ("good to know", "gray"),
}


def saved(entry: Entry, dataset: Dataset) -> dict[str, Any] | None:
    """The report of an earlier check, if the pictures are still the same ones."""
    path = entry.folder / "report.json"
    if not path.is_file():
        return None
    record = json.loads(path.read_text(encoding="utf-8"))
    return record["report"] if record["fingerprint"] == dataset.fingerprint else None


def fresh(entry: Entry, dataset: Dataset) -> None:
    """Check the pictures now, with a bar to watch, and keep the report."""
    from studio.data.checks import check

    bar = st.progress(0.0, text="Starting…")

    def show(done: int, total: int) -> None:
        bar.progress(min(done / max(total, 1), 1.0), text=f"Opening and comparing: {done:,} of {total:,} pictures")

    report = check(dataset, on_progress=show)
    bar.empty()
    whole: dict[str, Any] = asdict(report) | {"verdict": report.verdict, "sentence": report.sentence}
    write_text(
        entry.folder / "report.json",
        json.dumps({"fingerprint": dataset.fingerprint, "report": whole}, ensure_ascii=False),
    )


def draw(entry: Entry, dataset: Dataset, report: dict[str, Any]) -> None:
    """The verdict, then every finding with its pictures, why it matters and what to do."""
    title, kind, icon = VERDICTS[report["verdict"]]
    getattr(st, kind)(plain(report["sentence"]), title=title, icon=icon)
    st.caption(f"{count(report['images'], 'picture')} checked in {duration(report['seconds'])}.")
    for place, finding in enumerate(report["findings"]):
        one(entry, dataset, finding, f"finding-{place}-{finding['check']}")


def one(entry: Entry, dataset: Dataset, finding: dict[str, Any], key: str) -> None:
    """One finding."""
    word, colour = SEVERITIES[finding["severity"]]
    with st.container(border=True):
        st.badge(word, color=colour)
        st.text(finding["sentence"])
        if finding.get("why"):
            with st.expander("Why this matters"):
                st.text(finding["why"])
        if finding.get("remedy"):
            st.text(f"What to do: {finding['remedy']}")
        rows = _pictures(dataset, finding)
        if len(rows):
            pictures.show(entry, dataset, rows, key)
        known = set(rows["path"])
        others = [path for path in finding["images"] if path not in known]
        if others:
            reasons = [finding["reasons"].get(path, "") for path in others]
            st.dataframe(
                pd.DataFrame({"file": others, "reason": reasons}),
                hide_index=True,
                alt="Files that cannot be shown, and why",
            )


def _pictures(dataset: Dataset, finding: dict[str, Any]) -> pd.DataFrame:
    """The finding's pictures that can be shown: groups stay together, each with its number."""
    groups = finding.get("groups") or []
    order = [(path, f"group {place}: {path}") for place, group in enumerate(groups, 1) for path in group]
    order = order or [(path, path) for path in finding["images"]]
    rows = pictures.table(dataset).set_index("path")
    found = [(path, caption) for path, caption in order[: pictures.AT_ONCE] if path in rows.index]
    return pd.DataFrame(
        {
            "n": [int(rows.at[path, "n"]) for path, _ in found],
            "path": [path for path, _ in found],
            "caption": [caption for _, caption in found],
        }
    )
