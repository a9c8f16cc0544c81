//! Clients of the 2.0 line: what nym-sdk would do, with the crates below it.

use super::{Network, Outcome, Socks};
use futures::channel::mpsc::UnboundedReceiver;
use futures::StreamExt;
use nym_client_core::client::base_client::storage::Ephemeral;
use nym_client_core::client::base_client::{BaseClientBuilder, ClientInput, ClientOutput, ClientState};
use nym_client_core::client::inbound_messages::InputMessage;
use nym_client_core::config::{Client as ClientConfig, Config, DebugConfig};
use nym_client_core::init::helpers::gateways_for_init;
use nym_client_core::init::types::{GatewaySelectionSpecification, GatewaySetup};
use nym_socks5_client_core::config::{Config as SocksConfig, ProviderInterfaceVersion, Socks5, Socks5ProtocolVersion};
use nym_socks5_client_core::{NymClient, StartedSocks5Client};
use nym_sphinx::addressing::clients::Recipient;
use nym_sphinx::anonymous_replies::requests::AnonymousSenderTag;
use nym_sphinx::receiver::ReconstructedMessage;
use nym_task::connections::TransmissionLane;
use nym_task::ShutdownManager;
use nym_validator_client::{QueryHttpRpcNyxdClient, UserAgent};

const ID: &str = "private";
const VERSION: &str = "2.0.0";

fn user_agent() -> UserAgent {
    UserAgent { application: ID.into(), version: VERSION.into(), platform: "test".into(), git_commit: "none".into() }
}

/// There is no chain. With credentials off nobody asks it; whoever did would be refused by the directory.
fn config(network: &Network) -> Config {
    let urls = || vec![network.api.clone()];
    let mut debug = DebugConfig::default();
    debug.stats_reporting.enabled = false;
    debug.traffic.disable_main_poisson_packet_distribution = network.quiet;
    debug.cover_traffic.disable_loop_cover_traffic_stream = network.quiet;
    Config::from_client_config(ClientConfig::new(ID, VERSION, true, urls(), urls()), debug)
}

async fn gateway(network: &Network, config: &Config) -> Outcome<GatewaySetup> {
    let topology = &config.debug.topology;
    let available_gateways = gateways_for_init(
        &config.client.nym_api_urls,
        Some(user_agent()),
        topology.minimum_gateway_performance,
        topology.ignore_ingress_epoch_role,
        None,
    )
    .await?;
    let specification = GatewaySelectionSpecification::new(network.gateway.clone(), None, false, false);
    Ok(GatewaySetup::New { specification, available_gateways, connection_fd_callback: None })
}

/// What is not used is held, since the client ends when it is dropped.
pub struct Client {
    address: Recipient,
    input: ClientInput,
    messages: UnboundedReceiver<Vec<ReconstructedMessage>>,
    shutdown: ShutdownManager,
    _output: ClientOutput,
    _state: ClientState,
}

impl Client {
    pub async fn connect(network: Network) -> Outcome<Self> {
        let config = config(&network);
        let setup = gateway(&network, &config).await?;
        let shutdown = ShutdownManager::default();
        let no_chain: Option<QueryHttpRpcNyxdClient> = None;
        let mut started = BaseClientBuilder::new(config, Ephemeral::default(), no_chain)
            .with_gateway_setup(setup)
            .with_shutdown(shutdown.shutdown_tracker_owned())
            .start_base()
            .await?;
        let input = started.client_input.register_producer();
        let mut output = started.client_output.register_consumer();
        let messages = output.register_receiver()?;
        let (address, state) = (started.address, started.client_state);
        Ok(Client { address, input, messages, shutdown, _output: output, _state: state })
    }

    pub fn address(&self) -> String {
        self.address.to_string()
    }

    pub async fn send(&self, to: String, data: Vec<u8>, surbs: Option<u32>) -> Outcome<()> {
        let (recipient, lane) = (Recipient::try_from_base58_string(to)?, TransmissionLane::General);
        let message = match surbs {
            None => InputMessage::new_regular(recipient, data, lane, None),
            Some(amount) => InputMessage::new_anonymous(recipient, data, amount, lane, None),
        };
        self.input.send(message).await.map_err(|_| "the client takes no messages".into())
    }

    pub async fn reply(&self, tag: String, data: Vec<u8>) -> Outcome<()> {
        let tag = AnonymousSenderTag::try_from_base58_string(tag)?;
        let message = InputMessage::new_reply(tag, data, TransmissionLane::General, None);
        self.input.send(message).await.map_err(|_| "the client takes no messages".into())
    }

    /// Messages with the tags of their senders; None once the client has stopped.
    pub async fn receive(&mut self) -> Option<Vec<(Vec<u8>, Option<String>)>> {
        let messages = self.messages.next().await?;
        Some(messages.into_iter().map(|m| (m.message, m.sender_tag.map(|tag| tag.to_base58_string()))).collect())
    }

    pub async fn disconnect(mut self) {
        self.shutdown.send_cancellation();
        self.shutdown.perform_shutdown().await;
    }
}

pub struct Proxy(StartedSocks5Client);

impl Proxy {
    pub async fn start(socks: Socks) -> Outcome<Self> {
        let base = config(&socks.network);
        let setup = gateway(&socks.network, &base).await?;
        let mut config = Socks5::new(socks.requester);
        config.bind_address = socks.listen;
        config.send_anonymously = socks.anonymous;
        if socks.versioned {
            config.provider_interface_version = ProviderInterfaceVersion::new_current();
            config.socks5_protocol_version = Socks5ProtocolVersion::new_current();
        }
        let client = NymClient::new(SocksConfig::from_base(base, config), Ephemeral::default(), user_agent(), None);
        Ok(Proxy(client.with_gateway_setup(setup).start().await?))
    }

    pub fn address(&self) -> String {
        self.0.address.to_string()
    }

    pub async fn stop(mut self) {
        self.0.shutdown_handle.send_cancellation();
        self.0.shutdown_handle.perform_shutdown().await;
    }
}
