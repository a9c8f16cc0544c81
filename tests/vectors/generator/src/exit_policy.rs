//! rust-exit-policy.json: policies as text and JSON, what they decide, and lines that are no rule.

use crate::common::File;
use nym_exit_policy::ExitPolicy;
use serde_json::{json, Value};
use std::net::IpAddr;

const POLICIES: &[(&str, &str)] = &[
    ("open", "ExitPolicy accept *:*"),
    ("closed", "ExitPolicy reject *:*"),
    ("empty", ""),
    ("comments only", "# nothing\n\n   # here\n"),
    ("first match wins", "ExitPolicy reject 192.0.2.0/24:*\nExitPolicy accept *:80-81\nExitPolicy accept 192.0.2.7:443\nExitPolicy reject *:*"),
    ("families", "ExitPolicy reject *4:22\nExitPolicy accept *6:22\nExitPolicy accept6 *:25\nExitPolicy reject6 192.0.2.0/24:26\nExitPolicy accept *:26"),
    ("masks", "ExitPolicy reject 0.0.0.0/0:1\nExitPolicy reject ::/0:2\nExitPolicy accept 10.128.0.0/9:3\nExitPolicy accept [2001:db8::]/33:3\nExitPolicy reject 1.2.3.4/32:3"),
    ("bare IPv6", "ExitPolicy reject 2001:db8::1:443\nExitPolicy accept [2001:db8::2]:443"),
    ("zero port", "ExitPolicy reject *4:0\nExitPolicy accept *:*"),
    ("trailing comment", "ExitPolicy accept *:443 # https\n  ExitPolicy reject *:*   "),
    ("host bits set", "ExitPolicy reject 10.1.2.3/8:*\nExitPolicy accept *:*"),
    ("windows line ends", "ExitPolicy accept *:80\r\nExitPolicy reject *:*\r\n"),
];

const PROBES: &[(&str, u16)] = &[
    ("192.0.2.7", 80),
    ("192.0.2.7", 443),
    ("198.51.100.1", 80),
    ("198.51.100.1", 82),
    ("198.51.100.1", 22),
    ("2001:db8::1", 22),
    ("198.51.100.1", 25),
    ("2001:db8::1", 25),
    ("192.0.2.7", 26),
    ("198.51.100.1", 1),
    ("2001:db8::1", 1),
    ("198.51.100.1", 2),
    ("2001:db8::1", 2),
    ("10.128.0.1", 3),
    ("10.127.255.255", 3),
    ("2001:db8::1", 3),
    ("2001:db8:8000::1", 3),
    ("1.2.3.4", 3),
    ("2001:db8::1", 443),
    ("2001:db8::2", 443),
    ("2001:db8::3", 443),
    ("10.9.9.9", 8332),
    ("11.9.9.9", 8332),
    ("198.51.100.1", 0),
    ("2001:db8::1", 0),
    ("198.51.100.1", 65535),
    ("::ffff:192.0.2.7", 80),
];

const BAD_LINES: &[&str] = &[
    "accept *:80",
    "exitpolicy accept *:80",
    "ExitPolicy",
    "ExitPolicy accept",
    "ExitPolicy permit *:80",
    "ExitPolicy Accept *:80",
    "ExitPolicy accept *",
    "ExitPolicy accept *:",
    "ExitPolicy accept :80",
    "ExitPolicy accept */8:80",
    "ExitPolicy accept *4/8:80",
    "ExitPolicy accept *6/8:80",
    "ExitPolicy accept 10.0.0.0/33:80",
    "ExitPolicy accept [::]/129:80",
    "ExitPolicy accept 10.0.0.0/-1:80",
    "ExitPolicy accept 10.0.0.0/:80",
    "ExitPolicy accept 10.0.0:80",
    "ExitPolicy accept 010.0.0.1:80",
    "ExitPolicy accept [10.0.0.1]:80",
    "ExitPolicy accept *:65536",
    "ExitPolicy accept *:0-80",
    "ExitPolicy accept *:90-80",
    "ExitPolicy accept *:80-",
    "ExitPolicy accept *:+80",
    "ExitPolicy accept *:80,81",
    "ExitPolicy accept  *:80",
    "ExitPolicy\taccept *:80",
    "ExitPolicy accept\t*:80",
    "ExitPolicyaccept *:80",
    "ExitPolicy accept *:080",
    "ExitPolicy accept *:0",
    "ExitPolicy accept example.org:80",
    "ExitPolicy accept 10.0.0.0/08:80",
    "ExitPolicy accept fe80::1%eth0:80",
    "ExitPolicy accept *:80 extra",
];

pub fn file() -> File {
    let policies: Vec<Value> = POLICIES.iter().map(|(name, text)| policy(name, text)).collect();
    let lines: Vec<Value> = BAD_LINES
        .iter()
        .map(|line| json!({"line": line, "rule": ExitPolicy::parse_from_torrc(line).map(|p| p.format_as_torrc()).ok()}))
        .collect();
    ("rust-exit-policy", json!({"policies": policies, "lines": lines}))
}

fn policy(name: &str, text: &str) -> Value {
    let policy = ExitPolicy::parse_from_torrc(text).unwrap();
    let decisions: Vec<Value> = PROBES
        .iter()
        .map(|(address, port)| json!([address, port, policy.allows(&address.parse::<IpAddr>().unwrap(), *port)]))
        .collect();
    json!({"name": name, "text": text, "formatted": policy.format_as_torrc(), "json": serde_json::to_value(&policy).unwrap(),
           "open": policy.is_open(), "decisions": decisions})
}
