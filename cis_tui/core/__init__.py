"""What every room stands on: errors, events, settings, paths, identity, text and time."""
