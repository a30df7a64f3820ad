"""The six screens and the dialogs over them."""
