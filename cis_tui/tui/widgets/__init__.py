"""Parts that the screens are made of; none of them knows a screen or an engine."""
