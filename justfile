# Everything lives in `.venv`; `just setup` makes it whole.

bin := justfile_directory() / ".venv" / "bin"
export UV_PYTHON := bin / "python"

# Test and lint
default: test lint

# Install what the program, its tests and its benchmarks need, exactly as locked
setup:
    #!/bin/sh
    set -eu
    test -x "{{bin}}/python" || python3 -m venv .venv
    test -x "{{bin}}/uv" || "{{bin}}/python" -m pip install --quiet uv rust-just
    done="{{bin}}/../.setup-done"
    if [ -e "$done" ] && [ "$done" -nt requirements.lock ] && [ "$done" -nt pyproject.toml ]; then exit 0; fi
    echo "installing into .venv …" >&2
    "{{bin}}/uv" pip install --quiet --require-hashes --no-deps --compile-bytecode -r requirements.lock
    "{{bin}}/uv" pip install --quiet --no-deps --no-build-isolation --editable .
    "{{bin}}/python" -m compileall -q cis_tui
    touch "$done"

# Open the workspace on this repository's own example project
run *arguments: setup
    @"{{bin}}/cis" {{arguments}}

# Run the tests, in parallel
test *arguments: setup synapse
    @"{{bin}}/python" -m pytest -n 3 --dist worksteal -m "not bench" {{arguments}}

# Try the properties on examples that nobody has seen; what fails is told with its example
explore *arguments: setup
    @"{{bin}}/python" -m pytest -q -n 2 -m "hypothesis and not bench" --hypothesis-profile default {{arguments}}

# Install the homeserver that the tests of Matrix talk to, exactly as locked, in an environment of its own
synapse: setup
    #!/bin/sh
    set -eu
    test -z "${CIS_SYNAPSE_PYTHON:-}" || exit 0
    done=.synapse/.setup-done
    if [ -e "$done" ] && [ "$done" -nt tests/matrix/synapse.lock ]; then exit 0; fi
    echo "installing a homeserver into .synapse …" >&2
    rm -rf .synapse
    "{{bin}}/python" -m venv --without-pip .synapse
    "{{bin}}/uv" pip install --python .synapse/bin/python --quiet --require-hashes --no-deps --compile-bytecode -r tests/matrix/synapse.lock
    touch "$done"

# Ruff, the floors of the architecture, strict types
lint: setup
    @"{{bin}}/ruff" check
    @"{{bin}}/ruff" format --check --quiet
    @"{{bin}}/lint-imports" --no-cache
    @"{{bin}}/pyright"

# Measure, as ratios against a reference in the same run
bench *arguments: setup synapse
    @"{{bin}}/python" -m pytest -q -s -m bench tests/bench {{arguments}}

# Make the pictures of every screen anew
snapshots: setup
    @"{{bin}}/python" -m pytest -q -n 2 tests/tui --snapshot-update

# Compile requirements.lock from pyproject.toml, and that of the tests' homeserver: universal, with hashes, without addresses
lock:
    @"{{bin}}/uv" pip compile --quiet --universal --generate-hashes --no-annotate --python-version 3.11 --extra local --group dev pyproject.toml -o requirements.lock
    @"{{bin}}/uv" pip compile --quiet --universal --generate-hashes --no-annotate --python-version 3.11 tests/matrix/synapse.in -o tests/matrix/synapse.lock

# Write docs/reference.md anew, from the program
reference: setup
    @"{{bin}}/python" -m tests.docs.reference > docs/reference.md.new && mv docs/reference.md.new docs/reference.md

# Check that the docs tell the truth: every command in them is run
docs: setup
    @"{{bin}}/python" -m pytest -q tests/docs
