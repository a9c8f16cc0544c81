//! Clients of the published crates on a private network, driven line by line: of the 1.21 line by way of nym-sdk
//! (sdk.rs), of the 2.0 line, which has no nym-sdk, on nym-client-core and nym-socks5-client-core (core.rs).
//!
//! Commands come as JSON lines on standard input, events go as JSON lines to standard output, logs to standard error
//! (`RUST_LOG`). A client leaves when its standard input ends. Keys and reply SURBs live in memory only, credentials
//! and statistics are off, and every URL is the one of the directory that was named, so nothing else is contacted.

#[cfg_attr(not(feature = "line-2"), path = "sdk.rs")]
#[cfg_attr(feature = "line-2", path = "core.rs")]
mod client;

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use client::{Client, Proxy};
use serde::Deserialize;
use serde_json::{json, Value};
use tokio::io::{stdin, AsyncBufReadExt, BufReader, Lines, Stdin};
use tracing_subscriber::EnvFilter;
use url::Url;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    peer: Peer,
}

#[derive(Subcommand)]
enum Peer {
    /// A mixnet client: commands `send` and `reply`, events `ready` and `received`.
    Mixnet(Network),
    /// The SOCKS5 client: event `ready`, no commands.
    Socks5(Socks),
}

#[derive(Args)]
struct Network {
    /// Base URL of the directory.
    #[arg(long)]
    api: Url,
    /// Base58 identity of the entry gateway; one at random without it.
    #[arg(long)]
    gateway: Option<String>,
    /// No cover traffic and no pacing: nothing is sent but messages and what they need.
    #[arg(long)]
    quiet: bool,
}

#[derive(Args)]
struct Socks {
    #[command(flatten)]
    network: Network,
    /// Nym address of the network requester.
    #[arg(long)]
    requester: String,
    /// Address of the SOCKS5 port.
    #[arg(long)]
    listen: SocketAddr,
    /// Hand out reply SURBs instead of the own address.
    #[arg(long)]
    anonymous: bool,
    /// The newest formats, as nym-socks5-client uses, instead of the oldest, as the SDK does by itself.
    #[arg(long)]
    versioned: bool,
}

#[derive(Deserialize)]
#[serde(tag = "command", rename_all = "lowercase")]
enum Command {
    /// `data` in hexadecimal. Without `surbs` a plain message, else an anonymous one with that many.
    Send { to: String, data: String, surbs: Option<u32> },
    /// `tag` is the `tag` of a received message.
    Reply { tag: String, data: String },
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).with_env_filter(filter).init();
    let outcome = match Options::parse().peer {
        Peer::Mixnet(network) => run_mixnet(network).await,
        Peer::Socks5(socks) => run_socks5(socks).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(json!({"event": "failed", "reason": error.to_string()}));
            ExitCode::FAILURE
        }
    }
}

fn tell(event: Value) {
    println!("{event}");
}

fn commands() -> Lines<BufReader<Stdin>> {
    BufReader::new(stdin()).lines()
}

async fn run_mixnet(network: Network) -> Outcome<()> {
    let mut client = Client::connect(network).await?;
    tell(json!({"event": "ready", "address": client.address()}));
    let outcome = converse(&mut client).await;
    client.disconnect().await;
    outcome
}

async fn converse(client: &mut Client) -> Outcome<()> {
    let mut commands = commands();
    loop {
        tokio::select! {
            line = commands.next_line() => match line? {
                Some(line) => obey(client, serde_json::from_str(&line)?).await?,
                None => return Ok(()),
            },
            messages = client.receive() => {
                for (data, tag) in messages.ok_or("the client has stopped")? {
                    tell(json!({"event": "received", "data": hex::encode(data), "tag": tag}));
                }
            }
        }
    }
}

async fn obey(client: &Client, command: Command) -> Outcome<()> {
    match command {
        Command::Send { to, data, surbs } => client.send(to, hex::decode(data)?, surbs).await,
        Command::Reply { tag, data } => client.reply(tag, hex::decode(data)?).await,
    }
}

async fn run_socks5(socks: Socks) -> Outcome<()> {
    let proxy = Proxy::start(socks).await?;
    tell(json!({"event": "ready", "address": proxy.address()}));
    let mut commands = commands();
    while commands.next_line().await?.is_some() {}
    proxy.stop().await;
    Ok(())
}
