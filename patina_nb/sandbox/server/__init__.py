"""The command server: runs inside every box (standard library only, Python 3.8+). See docs/protocol.md."""
