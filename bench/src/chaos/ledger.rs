//! What was written, held against what arrived.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use tokio::time::{Instant, timeout_at};

use super::{
    load::{Load, WEBHOOKS, Written, receiver},
    receivers::{Receivers, Taken},
};

pub struct Ledger {
    written: Vec<Written>,
}

impl Ledger {
    pub fn new(written: Vec<Written>) -> Self {
        Self { written }
    }

    pub fn messages(&self) -> usize {
        self.written.iter().map(|one| one.texts.len()).sum()
    }

    /// Waits until each webhook has each message.
    pub async fn arrives(&self, receivers: &Receivers, patience: Duration) -> Result<()> {
        let until = Instant::now() + patience;
        let mut arrived = receivers.arrived.clone();
        for written in &self.written {
            for n in 0..WEBHOOKS {
                let name = receiver(written.session, n);
                loop {
                    arrived.mark_unchanged();
                    let missing = receivers.with(&name, |taken| missing(written, taken))?;
                    let Some(missing) = missing else { break };
                    let changed = timeout_at(until, arrived.changed()).await;
                    ensure!(changed.is_ok(), "{name} never got {missing:?}");
                }
            }
        }
        Ok(())
    }

    /// Per chat in the order in which they were written, each under one id, with one body.
    pub fn is_in_order(&self, receivers: &Receivers) -> Result<()> {
        for written in &self.written {
            for n in 0..WEBHOOKS {
                let name = receiver(written.session, n);
                receivers.with(&name, |taken| {
                    ensure!(taken.wrong.is_empty(), "{name}: {:?}", taken.wrong);
                    let messages = taken.chats.get(&written.chat).context("a chat without messages")?;
                    let texts: Vec<_> = messages.iter().map(|(_, text)| text).collect();
                    let unique: HashSet<_> = texts.iter().collect();
                    ensure!(unique.len() == texts.len(), "{name}: a message has two ids");
                    if written.ordered {
                        let same = texts.iter().copied().eq(&written.texts);
                        ensure!(same, "{name}: {} is out of order: {texts:?}", written.chat);
                    }
                    Ok(())
                })??;
            }
        }
        Ok(())
    }

    /// The log has each message once, and by the id under which it was delivered.
    pub async fn is_in_the_log(&self, load: &Load) -> Result<()> {
        for session in 0..load.sessions() {
            let log = load.log(session).await?;
            let mut count: HashMap<_, usize> = HashMap::new();
            for (chat, text, _) in &log {
                *count.entry((chat.as_str(), text.as_str())).or_default() += 1;
            }
            for written in self.written.iter().filter(|written| written.session == session) {
                for text in &written.texts {
                    let times = count.get(&(written.chat.as_str(), text.as_str())).copied().unwrap_or(0);
                    ensure!(times == 1, "the log has {text:?} {times} times");
                }
            }
        }
        Ok(())
    }
}

fn missing(written: &Written, taken: &Taken) -> Option<String> {
    let messages = taken.chats.get(&written.chat);
    let has: HashSet<_> = messages.into_iter().flatten().map(|(_, text)| text).collect();
    written.texts.iter().find(|text| !has.contains(text)).cloned()
}
