"""A session's workspace: opened, worked in, recorded step by step, brought into order after a crash."""
