"""Talk to a model, or let others talk to it. Reads finished folders; nothing imports this but the command line."""
