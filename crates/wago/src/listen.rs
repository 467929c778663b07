//! `wago listen`: a session's events on the terminal, or forwarded to a URL on this machine, so that nobody needs a public
//! one to write a receiver.

use std::{io::Write, time::Duration};

use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use tokio::time::sleep;
use wago_delivery::Forwarder;

use crate::{
    cli::{ListenFlags, TOKEN_VARIABLE},
    config::Environment,
    error::Error,
};

mod sse;

use sse::{Frames, Message};

/// Between two attempts to reach the gateway; doubled up to the second.
const RETRY: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(10);
/// The gateway gives a sign of life every 15 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// Attempts to forward one event; then it is passed over.
const FORWARDS: u32 = 3;
const FORWARD_RETRY: Duration = Duration::from_millis(500);
/// Characters of a text that are shown.
const TEXT_MAX: usize = 60;

/// Until Ctrl-C, or until the gateway says that it makes no sense.
pub fn listen(flags: ListenFlags, environment: &Environment, terminal: &mut (dyn Write + Send)) -> Result<(), Error> {
    let token = flags.token.clone().or_else(|| environment.get(TOKEN_VARIABLE).cloned());
    let token = token.ok_or_else(|| {
        Error::Listener(format!("which session? Name its token with --token, or in the variable {TOKEN_VARIABLE}"))
    })?;
    let runtime = tokio::runtime::Runtime::new().map_err(Error::Signals)?;
    runtime.block_on(async {
        let mut listener = Listener::new(flags, token)?;
        let ended = tokio::select! {
            ended = listener.run(terminal) => ended,
            _ = tokio::signal::ctrl_c() => Ok(()),
        };
        if let Some(cursor) = listener.cursor {
            writeln!(terminal, "to go on from here: --after {cursor}")?;
        }
        ended
    })
}

struct Listener {
    flags: ListenFlags,
    token: String,
    client: Client,
    forwarder: Option<Forwarder>,
    /// The last event that was shown, or forwarded.
    cursor: Option<i64>,
}

/// Why a stream ended.
enum End {
    /// It may go on.
    Broken(String),
    /// It will not.
    Refused(String),
}

impl Listener {
    fn new(flags: ListenFlags, token: String) -> Result<Self, Error> {
        // An error means that there is one already, which then serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(SILENCE_MAX)
            .build()
            .map_err(|error| Error::Listener(format!("no HTTP client can be made: {error}")))?;
        let forwarder = flags
            .forward_to
            .as_ref()
            .map(|url| Forwarder::new(url, flags.json_body, flags.secret.clone(), &token))
            .transpose()
            .map_err(|reason| Error::Listener(format!("--forward-to {reason}")))?;
        let cursor = flags.after;
        Ok(Self { flags, token, client, forwarder, cursor })
    }

    async fn run(&mut self, terminal: &mut (dyn Write + Send)) -> Result<(), Error> {
        let mut wait = RETRY;
        let mut told = false;
        loop {
            let end = match self.connect().await {
                Ok(response) => {
                    let again = if told { " again" } else { "" };
                    writeln!(terminal, "listening{again} to {}", self.flags.url)?;
                    terminal.flush()?;
                    (wait, told) = (RETRY, true);
                    self.follow(response, terminal).await?
                }
                Err(end) => end,
            };
            match end {
                End::Refused(reason) => return Err(Error::Listener(reason)),
                End::Broken(reason) => {
                    writeln!(terminal, "not connected: {reason}; trying again")?;
                    terminal.flush()?;
                    sleep(wait).await;
                    wait = (wait * 2).min(RETRY_MAX);
                }
            }
        }
    }

    async fn connect(&self) -> Result<Response, End> {
        let mut query: Vec<(&str, String)> = Vec::new();
        query.extend(self.flags.types.iter().map(|name| ("type", name.clone())));
        query.extend(self.flags.chats.iter().map(|chat| ("chat", chat.clone())));
        query.extend(self.cursor.map(|cursor| ("after", cursor.to_string())));
        let url = format!("{}/events/stream", self.flags.url.trim_end_matches('/'));
        let url = reqwest::Url::parse_with_params(&url, query)
            .map_err(|error| End::Refused(format!("--url is not a URL: {error}")))?;
        let answer = self.client.get(url).header("token", &self.token).send().await;
        let answer = answer.map_err(|error| End::Broken(cause(&error)))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.text().await.unwrap_or_default();
        let said = serde_json::from_str::<Value>(&text).ok().and_then(|json| Some(json["error"].as_str()?.to_owned()));
        let said = said.unwrap_or_else(|| status.to_string());
        match status {
            // The gateway is starting, stopping, or has too much to do.
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => Err(End::Broken(said)),
            _ => Err(End::Refused(said)),
        }
    }

    async fn follow(&mut self, mut response: Response, terminal: &mut (dyn Write + Send)) -> Result<End, Error> {
        let mut frames = Frames::default();
        loop {
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok(End::Broken("the gateway ended the stream".to_owned())),
                Err(error) => return Ok(End::Broken(cause(&error))),
            };
            for message in frames.take(&chunk) {
                match message {
                    Message::Event { id, data } => self.event(id, &data, terminal).await?,
                    // What was passed over by a filter need not be looked at again.
                    Message::Cursor(cursor) => self.cursor = Some(cursor),
                    Message::Gap => writeln!(terminal, "events were removed by retention before they were read")?,
                    Message::Cut(why) => return Ok(End::Broken(why)),
                }
            }
        }
    }

    async fn event(&mut self, id: i64, data: &str, terminal: &mut (dyn Write + Send)) -> Result<(), Error> {
        let shown = if self.flags.json { data.to_owned() } else { line(data) };
        match &self.forwarder {
            None => writeln!(terminal, "{shown}")?,
            Some(forwarder) => {
                let mut attempt = 1;
                let outcome = loop {
                    let done = forwarder.forward(data.as_bytes(), attempt).await;
                    if done.error.is_none() || attempt == FORWARDS {
                        break done;
                    }
                    attempt += 1;
                    sleep(FORWARD_RETRY).await;
                };
                let status = outcome.status.map_or_else(|| "---".to_owned(), |status| status.to_string());
                let latency = outcome.latency.as_millis();
                match outcome.error {
                    None => writeln!(terminal, "{shown} -> {status} in {latency} ms")?,
                    Some(error) => writeln!(terminal, "{shown} -> {status}: {error}; passed over at cursor {id}")?,
                }
            }
        }
        terminal.flush()?;
        self.cursor = Some(id);
        Ok(())
    }
}

/// The innermost cause says most.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Time, type, chat, and what a person would want to know of it.
fn line(data: &str) -> String {
    let json: Value = serde_json::from_str(data).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let event = &json["event"];
    let info = if event["Info"].is_object() { &event["Info"] } else { event };
    let message = &event["Message"];
    let said = [&message["conversation"], &message["extendedTextMessage"]["text"]].into_iter().find_map(Value::as_str);
    let said = said.map(str::to_owned).or_else(|| {
        let kind = text(&info["MediaType"]);
        (!kind.is_empty()).then(|| format!("<{kind}>"))
    });
    let state = text(&json["state"]);
    let words = [
        text(&json["timestamp"]),
        format!("{:<16}", text(&json["type"])),
        text(&info["Chat"]),
        if info["IsFromMe"] == true { "me".to_owned() } else { text(&info["PushName"]) },
        state,
        said.unwrap_or_default(),
    ];
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join("  ");
    // A message must not move the cursor of a terminal.
    let line: String = line.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    match line.char_indices().nth(100 + TEXT_MAX) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_a_person() {
        let data = r#"{"type":"Message","timestamp":"T","event":{"Info":{"Chat":"c","PushName":"Ana"},"Message":{"conversation":"one\ntwo\u001b[2J"}}}"#;
        assert_eq!(line(data), "T  Message           c  Ana  one two [2J");
        assert_eq!(line(r#"{"type":"ReadReceipt","state":"Read","event":{"Chat":"c"}}"#), "ReadReceipt       c  Read");
        assert_eq!(line("broken"), "");
        let long = format!(r#"{{"type":"Message","event":{{"Message":{{"conversation":"{}"}}}}}}"#, "ü".repeat(500));
        assert!(line(&long).ends_with("ü…"));
    }
}
