"""Run in the oracles' environment: `oracles.py FEATURES FOLDER` prints one line of JSON, what each found."""

import json
import sys
import time
from pathlib import Path

import numpy as np
from cleanlab.filter import find_label_issues
from cleanvision import Imagelab
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

ISSUES = {"is_blurry_issue": "blurry", "is_dark_issue": "dark", "is_light_issue": "bright"}
ISSUES |= {"is_low_information_issue": "blank"}


def labels(features: str) -> dict:
    """cleanlab as its own guide has it: out-of-sample probabilities of a logistic regression on given features."""
    given, began = np.load(features), time.monotonic()
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.001, max_iter=400))
    probabilities = cross_val_predict(model, given["matrix"], given["labels"], cv=5, method="predict_proba")
    rows = find_label_issues(given["labels"], probabilities, return_indices_ranked_by="self_confidence", n_jobs=1)
    return {"rows": rows.tolist(), "seconds": time.monotonic() - began}


def looks(folder: str) -> dict:
    """cleanvision with its defaults."""
    began = time.monotonic()
    lab = Imagelab(data_path=folder)
    lab.find_issues(n_jobs=2)
    root, found = Path(folder).resolve(), {}
    for column, kind in ISSUES.items():
        paths = lab.issues.index[lab.issues[column]]
        found[kind] = [Path(path).resolve().relative_to(root).as_posix() for path in paths]
    return {"found": found, "seconds": time.monotonic() - began}


if __name__ == "__main__":
    told = {"cleanlab": labels(sys.argv[1]), "cleanvision": looks(sys.argv[2])}
    print("\n" + json.dumps(told))
