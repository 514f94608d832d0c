"""Named definitions of disc height.

To add one: write one file with a function of type :data:`HeightMethod` and add one line to
:data:`HEIGHT_METHODS`.
"""
