"""How large a change must be.

The detectable change of each definition of height, as published and as phantoms give it.
"""

import matplotlib.pyplot as plt

from discmri.results.height import HEIGHT_METHODS

names = list(HEIGHT_METHODS)
published = [one.published.size if one.published else 0 for one in HEIGHT_METHODS.values()]
phantoms = [2.77 * one.phantom_sd["builtin"] for one in HEIGHT_METHODS.values()]
for name, print_mm, phantom_mm in zip(names, published, phantoms, strict=True):
    print(f"{name:12} published {print_mm:.2f} mm, phantoms {phantom_mm:.2f} mm")

figure, axes = plt.subplots(figsize=(6.5, 3.6), layout="constrained")
axes.barh(names, published, color="#56b4e9", label="published (Boos 1996)")
axes.barh(names, phantoms, height=0.4, color="#0072b2", label="phantoms, built-in segmenter")
axes.set_xlabel("smallest detectable change, 95 % (mm)")
axes.legend()
figure.savefig("noise.png", dpi=110)
