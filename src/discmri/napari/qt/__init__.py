"""The part of the viewer that knows Qt: workers, the dock, the shell, and the window."""
