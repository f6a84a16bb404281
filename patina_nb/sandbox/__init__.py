"""Commands, files and changes in a box, the same for every engine: `client.Sandbox`."""
