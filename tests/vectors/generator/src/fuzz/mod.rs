//! `fuzz`: reads lines `decoder hex` from standard input and answers each with one JSON line: `{"value": …}` with what
//! the crate read, or `null` where it refused. `tests/interop/test_differential_fuzz.py` compares that with what our
//! decoders read; both sides write it in the shape that `packets.rs`, `link.rs` and `services.rs` give it.

mod link;
mod packets;
mod services;

use serde_json::{json, Value};
use std::collections::HashMap;
use std::io::{stdin, stdout, BufRead, BufWriter, Write};
use std::panic::{catch_unwind, set_hook};

type Decoder = fn(&[u8]) -> Option<Value>;

pub fn run() {
    set_hook(Box::new(|_| {}));
    let decoders: HashMap<&str, Decoder> =
        packets::DECODERS.iter().chain(link::DECODERS).chain(services::DECODERS).copied().collect();
    let mut answers = BufWriter::new(stdout().lock());
    for line in stdin().lock().lines() {
        let line = line.unwrap();
        let (name, input) = line.split_once(' ').unwrap();
        let decode = decoders.get(name).unwrap_or_else(|| panic!("no decoder {name}"));
        let input = hex::decode(input).unwrap();
        // Whatever keeps the crate from answering is a refusal.
        let answer = match catch_unwind(|| decode(&input)).ok().flatten() {
            Some(value) => json!({"value": value}),
            None => Value::Null,
        };
        writeln!(answers, "{answer}").unwrap();
    }
}

fn text(input: &[u8]) -> Option<&str> {
    std::str::from_utf8(input).ok()
}
