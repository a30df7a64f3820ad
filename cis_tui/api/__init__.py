"""The socket between an engine and its faces: JSON-RPC 2.0, one message a line."""
