"""WASM skills: modules checked by their header, compiled once, run in processes of their own (contract, "WASM")."""
