# How our Rust programs are built, for the Makefiles here and in ../vectors: outside the checkout, and into one directory,
# so that what several of them need is compiled once.

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)
export CARGO_TARGET_DIR ?= $(CACHE)/nymconnect/rust-target
JOBS ?=

# $(call cargo-build,DIRECTORY) builds the package there, in one recipe line. Everything is fetched first: whatever fails
# afterwards is not for lack of a crate.
define cargo-build
cd $(1) && { command -v cargo >/dev/null || \
    { echo "$(notdir $(1)): cargo is missing; it is needed to build this from published crates" >&2; exit 1; }; } && \
{ cargo fetch --quiet --target "$$(rustc -vV | sed -n 's/^host: //p')" || \
    { echo "$(notdir $(1)): the crate registry does not answer, or lacks a version that $(1)/Cargo.toml names" >&2; exit 1; }; } && \
nice -n 10 cargo build --quiet --offline $(if $(JOBS),--jobs $(JOBS))
endef
