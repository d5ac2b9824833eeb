.PHONY: serve test watch setup bench minimal-versions

# Install what is missing, build, render the pages, serve on http://127.0.0.1:3000.
serve:
	@scripts/serve.sh

# Every check, browser tests included.
test:
	@scripts/test.sh

# Rebuild and reload on each change. Hashed file names are written by a full build only.
watch: setup
	@bash -c '. scripts/env.sh && LEPTOS_HASH_FILES=false exec cargo leptos watch'

# Install what building needs, and nothing else.
setup:
	@scripts/setup.sh

# Measure beside other servers, on an idle machine; rewrites bench/RESULTS.md.
bench:
	@scripts/bench.sh

# Whether the library builds with the lowest versions that it says it takes; needs the registry.
minimal-versions: setup
	@scripts/minimal-versions.sh
