"""Comparison of visits: change per disc beyond noise, treated against untreated discs.

>>> from discmri.trial import read_trial, run_trial
>>> outcome = run_trial(read_trial(Path("trial.csv")), Path("out"))  # doctest: +SKIP
>>> [one.subject for one in outcome.judged if one.response.value == "responder"]  # doctest: +SKIP
['S02', 'S04']
"""

from discmri.trial.analysis import Analysis, analyse
from discmri.trial.checks import check_trial
from discmri.trial.declaration import Declaration, default_declaration, read_declaration
from discmri.trial.issues import Issue, IssueSeverity
from discmri.trial.listing import Listing, read_listing, read_trial
from discmri.trial.plan import Scan, Subject, Trial
from discmri.trial.run import TrialOptions, TrialResult, run_trial

__all__ = [
    "Analysis",
    "Declaration",
    "Issue",
    "IssueSeverity",
    "Listing",
    "Scan",
    "Subject",
    "Trial",
    "TrialOptions",
    "TrialResult",
    "analyse",
    "check_trial",
    "default_declaration",
    "read_declaration",
    "read_listing",
    "read_trial",
    "run_trial",
]
