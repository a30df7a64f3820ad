"""Matrix: nodes with no route to each other meet in a room of a homeserver, which is not trusted."""
