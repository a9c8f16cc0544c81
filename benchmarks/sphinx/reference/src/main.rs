//! The published sphinx-packet crate in plain loops, on request.
//!
//! Reads lines `WORK COUNT` (`process` or `build`) from standard input, does the work COUNT times, and answers each line
//! with the nanoseconds of CPU time that it took, or ends with an error.

use std::hint::black_box;
use std::io::{stdin, stdout, BufRead, Write};

use sphinx_packet::crypto::{PrivateKey, PublicKey};
use sphinx_packet::header::delays::Delay;
use sphinx_packet::route::{Destination, DestinationAddressBytes, Node, NodeAddressBytes};
use sphinx_packet::version::Version;
use sphinx_packet::{SphinxPacket, SphinxPacketBuilder};

const HOPS: u8 = 4;
const VERSION: u16 = 259;
const PLAINTEXT: usize = 2048;
const PAYLOAD: usize = PLAINTEXT + 17;

struct Bench {
    route: Vec<Node>,
    delays: Vec<Delay>,
    destination: Destination,
    message: Vec<u8>,
    first_secret: PrivateKey,
}

impl Bench {
    fn new() -> Self {
        let secret = |i: u8| PrivateKey::from([0x10 + i; 32]);
        let node = |i: u8| {
            let mut address = [0; 32];
            address[..7].copy_from_slice(&[4, 6, 0xfd, 10, 0, 0, i]);
            Node::new(NodeAddressBytes::from_bytes(address), PublicKey::from(&secret(i)))
        };
        Bench {
            route: (1..=HOPS).map(node).collect(),
            delays: (1..=HOPS).map(|_| Delay::new_from_millis(15)).collect(),
            destination: Destination::new(DestinationAddressBytes::from_bytes([0; 32]), [0; 16]),
            message: (0..PLAINTEXT).map(|i| (i % 251) as u8).collect(),
            first_secret: secret(1),
        }
    }

    /// With a fresh initial secret each time, as a client does.
    fn build(&self) -> SphinxPacket {
        SphinxPacketBuilder::new()
            .with_version(Version::new(VERSION))
            .with_payload_size(PAYLOAD)
            .build_packet(&self.message, &self.route, &self.destination, &self.delays)
            .expect("a packet")
    }

    /// From the bytes of one packet to those of the next, as a node does.
    fn process(&self, bytes: &[u8]) -> Vec<u8> {
        let packet = SphinxPacket::from_bytes(bytes).expect("a packet");
        match packet.process(&self.first_secret).expect("our own packet").data {
            sphinx_packet::ProcessedPacketData::ForwardHop { next_hop_packet, .. } => next_hop_packet.to_bytes(),
            _ => panic!("the first hop forwards"),
        }
    }
}

/// Nanoseconds that this process has computed: on a busy machine the clock on the wall tells of others.
fn cpu_time() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a live timespec that nothing else holds.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut now) };
    assert_eq!(status, 0, "no CPU clock");
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

fn main() {
    let bench = Bench::new();
    let packet = bench.build().to_bytes();
    for line in stdin().lock().lines() {
        let line = line.expect("text");
        let (work, count) = line.split_once(' ').expect("WORK COUNT");
        let count: u32 = count.parse().expect("a count");
        let start = cpu_time();
        for _ in 0..count {
            match work {
                "process" => drop(black_box(bench.process(black_box(&packet)))),
                "build" => drop(black_box(bench.build().to_bytes())),
                _ => panic!("unknown work {work}"),
            }
        }
        println!("{}", cpu_time() - start);
        stdout().flush().expect("somebody who listens");
    }
}
