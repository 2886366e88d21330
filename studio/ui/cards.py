"""Pieces that several pages draw: headings, faults, empty states, the way onward. No user's text is ever markup."""

import re

import streamlit as st

from studio.ui.state import address, page_file

_JOINER = "\u2060"  # takes no room and breaks what Markdown plugins look for after it was parsed
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


def plain(text: object) -> str:
    """`text` for a place that reads Markdown (a label, a message), so that it shows as it is written.

    Every punctuation mark is escaped; directives (`:red[..]`, `:material/..:`), emoji codes and bare addresses, which
    are looked for in finished text, are broken by a joiner that takes no room.
    """
    flat = re.sub(r"\s+", " ", str(text))
    escaped = _PUNCTUATION.sub(r"\\\1", flat)
    return re.sub(r"(\\[:.@<>=~-])", rf"\1{_JOINER}", escaped.replace("www", f"w{_JOINER}ww"))


def head(title: str, sentence: str) -> None:
    """The top of a page: its title and what it is for."""
    st.title(title, anchor=False)
    st.caption(sentence)


def fault(sentence: str, remedy: str = "", details: str = "") -> None:
    """What went wrong, what to do about it, and the details to copy, folded away."""
    st.error(plain(sentence) + (f"\n\n{plain(remedy)}" if remedy else ""), icon=":material/error:")
    if details:
        with st.expander("Details to copy into a report"):
            st.code(details, language=None, wrap_lines=True)


def nothing_yet(sentence: str, label: str, page: str, icon: str = ":material/arrow_forward:") -> None:
    """An empty state: what is missing, and the one thing to do next."""
    with st.container(border=True, horizontal_alignment="center", gap="medium"):
        st.space("small")
        st.markdown(sentence, width="content")
        link(page, label, icon, "empty")
        st.space("small")


def ways_out() -> None:
    """Where to go from an address that leads nowhere."""
    with st.container(horizontal=True):
        link("start", "Go to the start page", ":material/home:", "out", run=None, dataset=None)
        link("runs", "See all runs", ":material/history:", "out", primary=False, run=None, dataset=None)


def link(page: str, label: str, icon: str, key: str, primary: bool = True, **changes: str | None) -> None:
    """A button that leaves for another page with the ids that the address holds, some of them changed."""
    if st.button(label, key=f"go-{key}-{page}", type="primary" if primary else "secondary", icon=icon):
        st.switch_page(page_file(page), query_params=address(**changes))


def onward(page: str, label: str, sentence: str = "", primary: bool = True) -> None:
    """The foot of a page: where the way goes on. Not `primary` while the page itself has something to press first."""
    st.space("small")
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(sentence, width="content")
        link(page, label, ":material/arrow_forward:", "onward", primary=primary)


def duration(seconds: float | None) -> str:
    """Seconds in words: "8 s", "3 min 20 s", "2 h 5 min"."""
    if seconds is None:
        return "–"
    if seconds < 1:
        return "less than a second"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def seconds(number: float) -> str:
    """Seconds in words, short ones too: "0.05 s", "4.2 s", "3 min 20 s"."""
    if number < 0.01:
        return "less than 0.01 s"
    if number < 9.95:
        return f"{number:.2f} s" if number < 0.995 else f"{number:.1f} s"
    return duration(number)


def memory(bytes_: int) -> str:
    """Bytes in words: "310 MB", "1.9 GB"."""
    return f"{bytes_ / 1e9:,.1f} GB" if bytes_ >= 0.9995e9 else f"{bytes_ / 1e6:,.0f} MB"


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: "1 picture", "1,399 pictures"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def shortened(text: str, limit: int = 40) -> str:
    """`text`, with its middle left out where it is longer than `limit`."""
    return text if len(text) <= limit else f"{text[: limit - limit // 3 - 1]}…{text[-(limit // 3) :]}"
