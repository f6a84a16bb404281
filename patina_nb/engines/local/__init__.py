"""The embedded engine: boxes on this machine, without a daemon.

What belongs together: `engine` launches; `rungs`, `probe`, `isolation` say what can be had;
`places`, `checkout`, `sessions`, `gitdir`, `objects` are the state on disk; `contents`, `command`,
`bubblewrap`, `landlock`, `seccomp`, `cgroup` make the box; `box` is one that runs, `upper` its changes.
"""
