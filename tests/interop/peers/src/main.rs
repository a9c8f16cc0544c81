//! Clients of the published nym-sdk on a private network, driven line by line.
//!
//! Commands come as JSON lines on standard input, events go as JSON lines to standard output, logs to standard error
//! (`RUST_LOG`). A client leaves when its standard input ends. Keys and reply SURBs live in memory only, credentials
//! and statistics are off, and every URL is the one of the directory that was named, so nothing else is contacted.

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use nym_sdk::mixnet::{
    AnonymousSenderTag, IncludedSurbs, MixnetClient, MixnetClientBuilder, MixnetClientSender, MixnetMessageSender,
    Recipient, ReconstructedMessage, Socks5,
};
use nym_sdk::{DebugConfig, NymNetworkDetails, ValidatorDetails};
use nym_socks5_client_core::config::{ProviderInterfaceVersion, Socks5ProtocolVersion};
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

fn builder(network: Network) -> MixnetClientBuilder {
    let api = network.api.to_string();
    // There is no chain. With credentials off nobody asks it; whoever did would be refused by the directory.
    let endpoint = ValidatorDetails::new(api.clone(), Some(api), None);
    let mut details =
        NymNetworkDetails::new_empty().with_network_name("private".into()).with_validator_endpoint(endpoint);
    details.set_nym_api_urls(vec![network.api]);
    let mut debug = DebugConfig::default();
    debug.stats_reporting.enabled = false;
    debug.traffic.disable_main_poisson_packet_distribution = network.quiet;
    debug.cover_traffic.disable_loop_cover_traffic_stream = network.quiet;
    let builder = MixnetClientBuilder::new_ephemeral()
        .network_details(details)
        .credentials_mode(false)
        .debug_config(debug);
    match network.gateway {
        Some(identity) => builder.request_gateway(identity),
        None => builder,
    }
}

async fn run_mixnet(network: Network) -> Outcome<()> {
    let mut client = builder(network).build()?.connect_to_mixnet().await?;
    tell(json!({"event": "ready", "address": client.nym_address().to_string()}));
    let outcome = converse(&mut client).await;
    client.disconnect().await;
    outcome
}

async fn converse(client: &mut MixnetClient) -> Outcome<()> {
    let sender = client.split_sender();
    let mut commands = commands();
    loop {
        tokio::select! {
            line = commands.next_line() => match line? {
                Some(line) => obey(&sender, serde_json::from_str(&line)?).await?,
                None => return Ok(()),
            },
            messages = client.wait_for_messages() => {
                messages.ok_or("the client has stopped")?.into_iter().for_each(report);
            }
        }
    }
}

async fn obey(sender: &MixnetClientSender, command: Command) -> Outcome<()> {
    match command {
        Command::Send { to, data, surbs } => {
            let surbs = surbs.map_or(IncludedSurbs::ExposeSelfAddress, IncludedSurbs::Amount);
            let recipient = Recipient::try_from_base58_string(to)?;
            sender.send_message(recipient, hex::decode(data)?, surbs).await?;
        }
        Command::Reply { tag, data } => {
            let tag = AnonymousSenderTag::try_from_base58_string(tag)?;
            sender.send_reply(tag, hex::decode(data)?).await?;
        }
    }
    Ok(())
}

fn report(message: ReconstructedMessage) {
    let tag = message.sender_tag.map(AnonymousSenderTag::to_base58_string);
    tell(json!({"event": "received", "data": hex::encode(message.message), "tag": tag}));
}

async fn run_socks5(socks: Socks) -> Outcome<()> {
    let mut config = Socks5::new(socks.requester);
    config.bind_address = socks.listen;
    config.send_anonymously = socks.anonymous;
    if socks.versioned {
        config.provider_interface_version = ProviderInterfaceVersion::new_current();
        config.socks5_protocol_version = Socks5ProtocolVersion::new_current();
    }
    let client = builder(socks.network).socks5_config(config).build()?.connect_to_mixnet_via_socks5().await?;
    tell(json!({"event": "ready", "address": client.nym_address().to_string()}));
    let mut commands = commands();
    while commands.next_line().await?.is_some() {}
    client.disconnect().await;
    Ok(())
}
