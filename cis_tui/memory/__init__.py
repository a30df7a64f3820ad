"""What a person wants kept: weekly logs, private ones encrypted (spec, Memory Operations Flow)."""
