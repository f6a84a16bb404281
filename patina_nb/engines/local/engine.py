"""The local engine: a box of namespaces on this machine, or the best that it allows."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from patina_nb.engines.base import Availability, BoxSpec
from patina_nb.engines.local import cgroup, gitdir, isolation, objects, sessions
from patina_nb.engines.local.binaries import Binary
from patina_nb.engines.local.box import LocalBox, serve
from patina_nb.engines.local.bubblewrap import OBJECTS
from patina_nb.engines.local.checkout import BaseTree, base_tree
from patina_nb.engines.local.command import Launch, command, configuration, seccomp_descriptor, server
from patina_nb.engines.local.contents import Contents, gather
from patina_nb.engines.local.identity import of_project, ourselves
from patina_nb.engines.local.lock import hold
from patina_nb.engines.local.places import ProjectCache, project_cache
from patina_nb.engines.local.probe import availability
from patina_nb.engines.local.rungs import RUNGS, Rung, binary_of
from patina_nb.engines.local.sessions import Layout, SessionDir
from patina_nb.engines.local.upper import Upper
from patina_nb.errors import EngineUnavailableError, SandboxError
