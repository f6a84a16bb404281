"""The control panel: the sessions of a repository at work, for people who prefer buttons to magics.

`overview` reads what is true from the journal (so sessions of other kernels and of terminals are there too),
`costs` adds what agents used, `work` runs what a button asks for in a thread,
`view` is the widgets, `follow` keeps them true.
"""

from __future__ import annotations

from patina_nb.notebook.panel.opening import panel

__all__ = ["panel"]
