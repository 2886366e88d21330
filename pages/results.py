"""Results: how often the model is right, class by class, and its worst mistakes."""

import streamlit as st

from studio.results.evaluate import Results
from studio.ui import outcome, spent, views
from studio.ui.cards import head, nothing_yet, onward
from studio.ui.state import current_run, dataset_of

head("Results", "Measured on the pictures that were held back: the model has never learnt from them.")

run = current_run()
if run is None:
    nothing_yet("There are no results yet. Train a model first, or open a run.", "Go to training", "train")
    st.stop()
if not (run.folder / "predictions.json").is_file():
    nothing_yet("This run has no results yet: they appear when its first epoch is over.", "Watch the training", "train")
    st.stop()

entry = dataset_of(run)
st.text(run.name)
results = views.evaluated(run, entry, Results.of(run))
outcome.accuracy(results)
outcome.proof(run)
st.subheader("Which class is taken for which", anchor=False)
cell = outcome.confusion(results, key=run.id)
outcome.cell_pictures(results, entry, cell, key=run.id)
st.subheader("Class by class", anchor=False)
outcome.per_class(results)
st.subheader("The worst mistakes", anchor=False)
outcome.worst(results, entry, key=run.id)
spent.show(run.progress())
onward("try_it", "Try it on a picture", "Next: show the model a picture it has never seen.")
