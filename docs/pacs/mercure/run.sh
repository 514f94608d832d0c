#!/bin/sh
# mercure's contract: images in MERCURE_IN_DIR, results into MERCURE_OUT_DIR.
set -eu
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
${DISCMRI:-discmri} measure "$MERCURE_IN_DIR" -o "$work/results" --format dicom
cp "$work"/results/dicom/*.dcm "$MERCURE_OUT_DIR"
