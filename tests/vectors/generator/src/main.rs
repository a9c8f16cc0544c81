//! Golden vectors from the published Rust crates: `nymconnect-vectors OUT_DIR [name …]` writes them,
//! `nymconnect-vectors verify FILE.json` checks what Python built, `nymconnect-vectors peer ROLE` talks to it,
//! `nymconnect-vectors fuzz` decodes what it reads from standard input.
//! How to run it: `make -C tests/vectors`.
//! It is built against the crates of each line, from here (1.21) and from ../../generator-2 (2.0); all that differs is in
//! line_1.rs and line_2.rs. Each Cargo.toml pins every version; tests/vectors/PROVENANCE.md records what was run.

mod common;
mod directory;
mod envelope;
mod exit_policy;
mod framing;
mod fuzz;
mod gateway;
mod layer;
#[cfg_attr(not(feature = "line-2"), path = "line_1.rs")]
#[cfg_attr(feature = "line-2", path = "line_2.rs")]
mod line;
mod messages;
mod noise;
mod peer;
mod socks5;
mod sphinx;
mod surb;
mod verify;

use common::File;
use std::{env, fs, path::Path};

const FILES: &[(&str, fn() -> File)] = &[
    ("rust-sphinx", sphinx::file),
    ("rust-surb", surb::file),
    ("rust-nym-layer", layer::file),
    ("rust-messages", messages::file),
    ("rust-envelope", envelope::file),
    ("rust-framing", framing::file),
    ("rust-gateway", gateway::file),
    ("rust-socks5", socks5::file),
    ("rust-directory", directory::file),
    ("rust-exit-policy", exit_policy::file),
    ("rust-noise", noise::file),
];

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (first, rest) =
        arguments.split_first().expect("usage: nymconnect-vectors OUT_DIR [name …] | verify FILE | peer ROLE | fuzz");
    match first.as_str() {
        "verify" => std::process::exit(if verify::run(&fs::read_to_string(&rest[0]).unwrap()) { 0 } else { 1 }),
        "peer" => peer::run(rest),
        "fuzz" => fuzz::run(),
        directory => print(Path::new(directory), rest),
    }
}

fn print(directory: &Path, wanted: &[String]) {
    for (name, make) in FILES {
        if !wanted.is_empty() && !wanted.iter().any(|w| w == name) {
            continue;
        }
        let (name, value) = make();
        let text = serde_json::to_string_pretty(&value).unwrap() + "\n";
        let file = name.replacen("rust-", line::PREFIX, 1) + ".json";
        fs::write(directory.join(&file), text).unwrap();
        println!("{file}");
    }
}
