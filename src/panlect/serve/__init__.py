"""Talk to a model, or let others talk to it. Reads finished folders; only the command line imports it."""
