"""Pages of a real Chromium that write down console errors and requests that leave the machine."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route

LOCAL = ("127.0.0.1", "localhost")


@dataclass
class Watch:
    """What the pages of one test did. `allow("text")` excuses every fault that contains the text."""

    faults: list[str] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)
    contexts: "list[BrowserContext]" = field(default_factory=list)

    def allow(self, text: str) -> None:
        self.excused.append(text)

    def left(self) -> list[str]:
        """The faults nobody excused, each once, in the order they came."""
        return [fault for fault in dict.fromkeys(self.faults) if not any(text in fault for text in self.excused)]

    def open(
        self, browser: "Browser", base_url: str, width: int = 1440, height: int = 900, dark: bool = False
    ) -> "Page":
        """A page in a context of its own. Nothing is loaded yet: `page.goto("/data")`."""
        context = browser.new_context(
            base_url=base_url,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            permissions=["camera"],
        )
        self.contexts.append(context)
        context.route(_is_outside, self._refuse)
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.faults.append(f"uncaught: {error.error}"))
        page = context.new_page()
        page.on("websocket", lambda socket: self._see(socket.url))
        page.set_default_timeout(20_000)
        return page

    def close(self) -> None:
        for context in self.contexts:
            context.close()

    def _refuse(self, route: "Route") -> None:
        self.faults.append(f"request left the machine: {route.request.url}")
        route.abort()

    def _see(self, url: str) -> None:
        if _is_outside(url):
            self.faults.append(f"request left the machine: {url}")

    def _hear(self, message: "ConsoleMessage") -> None:
        if message.type == "error":
            self.faults.append(f"console: {message.text} ({message.location.get('url', '')})")


def settled(page: "Page", seconds: float = 20) -> None:
    """Wait until Streamlit has drawn the page: something is there, nothing runs, spins or moves, and that for a moment.

    An expander takes its time to open; what lies in it still moves from under the pointer between press and release.
    """
    page.evaluate("() => { window.quietSince = null }")  # a click a moment ago may not have been heard yet
    page.wait_for_function(SETTLED, timeout=seconds * 1000)


SETTLED = """() => {
  const app = document.querySelector('[data-testid=stApp]')
  const quiet = app?.dataset.testScriptState === 'notRunning'
    && document.querySelector('[data-testid=stMain] [data-testid=stElementContainer]')
    && !document.querySelector('[data-testid=stSkeleton], [data-testid=stSpinner], [data-testid=stAppSkeleton]')
    && !document.querySelector('[data-stale=true]')
    && document.getAnimations().every((one) => one.playState !== 'running'
      || one.effect.getComputedTiming().endTime === Infinity)
  if (!quiet) window.quietSince = null
  else window.quietSince ??= performance.now()
  return quiet && performance.now() - window.quietSince > 250
}"""


# The first chart on the page, behind whatever shadow root it lives.
PLOT = """() => {
  const find = (root) => { for (const one of root.querySelectorAll('*')) {
    if (one.classList.contains('plot')) return one
    const inside = one.shadowRoot && find(one.shadowRoot)
    if (inside) return inside } }
  return find(document)
}"""


def _is_outside(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in LOCAL


def wait_for(page: "Page", condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait, and give the page the time: its requests are looked at in this process, and none goes while it sleeps."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        page.wait_for_timeout(50)
