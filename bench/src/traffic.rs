//! Messages through the gateway, as fast as they go.

use std::time::Instant;

use anyhow::Result;
use reqwest::Method;
use serde_json::json;

use crate::{
    figure::{Usage, say},
    fleet::{Fleet, number, token},
    process::Process,
    receiver::Receiver,
};

/// Phones at the other end. They have no linked devices, so that each message has one recipient at the gateway, or none.
const OTHERS: usize = 20;

fn other(i: usize) -> String {
    format!("1888{:07}", i % OTHERS)
}

pub struct Traffic<'a> {
    pub fleet: &'a Fleet,
    pub gateway: &'a Process,
    pub sessions: usize,
    pub messages: usize,
}

impl Traffic<'_> {
    /// From the phones' sending to the webhook's answer.
    pub async fn inward(&self, receiver: &Receiver) -> Result<()> {
        let fleet = self.fleet;
        fleet.each(0..OTHERS, async |i| fleet.phone(&other(i)).await).await?;
        let webhook = format!("{}/webhook", self.gateway.url());
        fleet
            .each(0..self.sessions, async |i| {
                let set = json!({"WebhookURL": receiver.url, "Events": ["Message"], "Format": "json"});
                fleet.ask(Method::POST, &webhook, &token(i), set).await?;
                Ok(())
            })
            .await?;
        let send = async |i: usize| {
            // Each phone writes to several sessions, and each session is written to by several phones.
            let to = number(i % self.sessions);
            let path = format!("phones/{}/send", other(i / self.sessions + i));
            let body = json!({"to": to, "text": format!("message {i}")});
            fleet.on_network(&path, body).await.map(|_| ())
        };
        // The first message of a pair sets up its encryption, which would be measured instead.
        fleet.each(0..self.warm_up(), send).await?;
        receiver.received(self.warm_up()).await?;

        let measured = Measured::start(self.gateway)?;
        fleet.each(self.warm_up()..self.warm_up() + self.messages, send).await?;
        receiver.received(self.warm_up() + self.messages).await?;
        measured.say("messages in, to the webhook", self.messages)
    }

    /// From the request to its answer, which comes with WhatsApp's ack.
    pub async fn outward(&self) -> Result<()> {
        let fleet = self.fleet;
        let url = format!("{}/send/text", self.gateway.url());
        let send = async |i: usize| {
            let to = other(i / self.sessions + i);
            let body = json!({"Phone": to, "Body": format!("message {i}")});
            let token = token(i % self.sessions);
            fleet.ask(Method::POST, &url, &token, body).await.map(|_| ())
        };
        fleet.each(0..self.warm_up(), send).await?;
        let measured = Measured::start(self.gateway)?;
        fleet.each(self.warm_up()..self.warm_up() + self.messages, send).await?;
        measured.say("sends", self.messages)
    }

    /// After so many each pair has met.
    fn warm_up(&self) -> usize {
        self.sessions * OTHERS
    }
}

struct Measured<'a> {
    gateway: &'a Process,
    started: Instant,
    processor_s: f64,
}

impl<'a> Measured<'a> {
    fn start(gateway: &'a Process) -> Result<Self> {
        Ok(Self { gateway, started: Instant::now(), processor_s: Usage::of(gateway.id())?.processor_s })
    }

    fn say(self, what: &str, count: usize) -> Result<()> {
        let seconds = self.started.elapsed().as_secs_f64();
        let processor = Usage::of(self.gateway.id())?.processor_s - self.processor_s;
        say(&format!("{what}, a second"), count as f64 / seconds, "");
        say(&format!("{what}: gateway's processor time each"), processor / count as f64 * 1_000.0, "ms");
        Ok(())
    }
}
