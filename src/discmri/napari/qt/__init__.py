"""The Qt part of the viewer: workers, the dock, the shell, and the window."""
