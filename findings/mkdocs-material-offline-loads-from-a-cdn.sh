#!/usr/bin/env bash
# Package:   mkdocs-material 9.8.2 (on mkdocs 1.6.1), its built-in plugin `offline`.
# Behaviour: the plugin is there so that the search works in a site that is opened as files. Every page of that site loads
#            the shim `iframe-worker` from a public CDN, and without a network the search finds nothing: seen in Chromium 156,
#            "Failed to load resource: net::ERR_NAME_NOT_RESOLVED", and no result for a word that is in the index. A build
#            with --strict says nothing of it. An entry of `extra.polyfills` whose name holds "iframe-worker" keeps the
#            plugin from adding its own, so a copy among the site's assets mends it.
# Seen:      <script src="https://(the CDN)/iframe-worker/shim"></script>
# This fails if that changes.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check mkdocs-material==9.8.2 mkdocs==1.6.1
mkdir docs
echo '# Home' >docs/index.md
echo '# Other' >docs/other.md

config() { printf 'site_name: s\ntheme: {name: material, font: false}\nplugins: [search, offline]\n%s\n' "$1" >mkdocs.yml; }
build() { NO_MKDOCS_2_WARNING=1 venv/bin/mkdocs build --quiet --strict --clean; }

config ''
build
for page in site/index.html site/other.html; do
    grep -Eo '<script src="https://[^"]+/iframe-worker/shim">.*' "$page" || { echo "changed: $page loads no such script" >&2; exit 1; }
done

config 'extra: {polyfills: [assets/iframe-worker.js]}'
build
! grep -lE 'https://[^"]+/iframe-worker/shim' site/*.html || { echo "changed: the plugin adds its own all the same" >&2; exit 1; }
echo "as described"
