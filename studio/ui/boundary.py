"""The page boundary: whatever goes wrong in a page becomes a sentence a person can act on."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from studio.errors import DataError, RunError, StudioError
from studio.ui.cards import fault, ways_out
from studio.ui.state import leads_nowhere

_log = logging.getLogger(__name__)


@contextmanager
def boundary() -> Iterator[None]:
    """Show a StudioError as its sentence and remedy, anything else as a plain sentence with details to copy.

    Also a decorator, for fragments and dialogs: Streamlit runs those without the page around them.
    """
    try:
        yield
    except StudioError as error:
        named = not error.where or error.where in error.what
        fault(error.what if named else f"{error.what.rstrip('.')}: {error.where}", error.remedy)
        if isinstance(error, (DataError, RunError)) and leads_nowhere():
            ways_out()
    except Exception:  # the one place where everything is caught: a person must never see a traceback first
        _log.exception("a page could not be drawn")
        fault(
            "Something in the studio went wrong while drawing this page.",
            "Your pictures and runs are safe on disk. Reload the page; if it happens again, copy the details below "
            "into a report.",
            traceback.format_exc(),
        )
