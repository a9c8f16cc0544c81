//! Clients of the 1.21 line: nym-sdk.

use super::{Network, Outcome, Socks};
use nym_sdk::mixnet::{
    AnonymousSenderTag, IncludedSurbs, MixnetClient, MixnetClientBuilder, MixnetMessageSender, Recipient, Socks5,
    Socks5MixnetClient,
};
use nym_sdk::{DebugConfig, NymNetworkDetails, ValidatorDetails};
use nym_socks5_client_core::config::{ProviderInterfaceVersion, Socks5ProtocolVersion};

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
    let builder =
        MixnetClientBuilder::new_ephemeral().network_details(details).credentials_mode(false).debug_config(debug);
    match network.gateway {
        Some(identity) => builder.request_gateway(identity),
        None => builder,
    }
}

pub struct Client(MixnetClient);

impl Client {
    pub async fn connect(network: Network) -> Outcome<Self> {
        Ok(Client(builder(network).build()?.connect_to_mixnet().await?))
    }

    pub fn address(&self) -> String {
        self.0.nym_address().to_string()
    }

    pub async fn send(&self, to: String, data: Vec<u8>, surbs: Option<u32>) -> Outcome<()> {
        let surbs = surbs.map_or(IncludedSurbs::ExposeSelfAddress, IncludedSurbs::Amount);
        Ok(self.0.send_message(Recipient::try_from_base58_string(to)?, data, surbs).await?)
    }

    pub async fn reply(&self, tag: String, data: Vec<u8>) -> Outcome<()> {
        Ok(self.0.send_reply(AnonymousSenderTag::try_from_base58_string(tag)?, data).await?)
    }

    /// Messages with the tags of their senders; None once the client has stopped.
    pub async fn receive(&mut self) -> Option<Vec<(Vec<u8>, Option<String>)>> {
        let messages = self.0.wait_for_messages().await?;
        Some(messages.into_iter().map(|m| (m.message, m.sender_tag.map(|tag| tag.to_base58_string()))).collect())
    }

    pub async fn disconnect(self) {
        self.0.disconnect().await;
    }
}

pub struct Proxy(Socks5MixnetClient);

impl Proxy {
    pub async fn start(socks: Socks) -> Outcome<Self> {
        let mut config = Socks5::new(socks.requester);
        config.bind_address = socks.listen;
        config.send_anonymously = socks.anonymous;
        if socks.versioned {
            config.provider_interface_version = ProviderInterfaceVersion::new_current();
            config.socks5_protocol_version = Socks5ProtocolVersion::new_current();
        }
        Ok(Proxy(builder(socks.network).socks5_config(config).build()?.connect_to_mixnet_via_socks5().await?))
    }

    pub fn address(&self) -> String {
        self.0.nym_address().to_string()
    }

    pub async fn stop(self) {
        self.0.disconnect().await;
    }
}
