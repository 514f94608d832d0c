"""Agreement of two readers.

Weighted kappa and its interval from a plain table of grades; no images and no session needed.
"""

import csv
from pathlib import Path

import numpy as np

from discmri.cli import main

random = np.random.default_rng(1)
with Path("reads.csv").open("w", newline="", encoding="utf-8") as file:
    table = csv.writer(file)
    table.writerow(["subject_id", "study_uid", "level", "parameter", "value", "rater"])
    for subject in range(30):
        for level in ("L3-L4", "L4-L5", "L5-S1"):
            grade = int(random.integers(2, 8))
            for reader in ("ann", "ben"):
                read = int(np.clip(grade + random.choice([-1, 0, 0, 0, 1]), 1, 8))
                table.writerow([f"S{subject}", f"1.{subject}", level, "grade", read, reader])

main(["agreement", "reads.csv", "-o", "agreement", "--resamples", "200"])
