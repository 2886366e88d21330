"""Train: start, watch, stop. The page reads the run's folder, so that any tab sees the same."""

from studio.ui import training
from studio.ui.cards import head, nothing_yet
from studio.ui.state import current_dataset, current_run, draft

head(
    "Train",
    "Start, and watch the accuracy rise. You may close this page: the training goes on, and is here again "
    "when you come back.",
)

run, entry = current_run(), current_dataset()
if run is not None:
    training.watch(run, entry)
    if entry is not None and not run.is_held():
        training.once_more(run, entry)
elif entry is not None:
    training.plan(entry, draft(entry))
else:
    nothing_yet("Open some pictures first, or run the demo.", "Open pictures", "data")
training.elsewhere(run)
